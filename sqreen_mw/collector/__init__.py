"""Your server: takes events, stores them, and shows them."""
