"""The demonstration: two sites that are watched, and people who visit them."""
