"""Settings of the SDK: the table, its sources, its validators."""
