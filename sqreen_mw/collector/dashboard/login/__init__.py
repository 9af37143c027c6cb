"""Login by password or by one-time link, and logout."""
