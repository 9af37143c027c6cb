"""The collector: a server that stores events and shows them."""
