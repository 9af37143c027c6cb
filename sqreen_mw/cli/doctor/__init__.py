"""``sqreen-mw doctor``: find out why events do not arrive."""
