"""The measurements, one module each. Their docstrings describe the methods."""
