"""Scrubbing: secrets are masked before they leave the process."""
