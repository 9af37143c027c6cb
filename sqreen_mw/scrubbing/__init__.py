"""Scrubbing: what is secret is masked before it leaves the process."""
