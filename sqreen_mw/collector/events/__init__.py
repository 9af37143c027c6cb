"""The store of events, behind one protocol."""
