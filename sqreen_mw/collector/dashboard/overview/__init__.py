"""The Overview: lost events, and the state of each app instance."""
