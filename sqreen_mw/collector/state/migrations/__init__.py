"""The steps from an empty database to the tables of today; forward only."""
