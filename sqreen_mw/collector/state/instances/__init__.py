"""App instances: the last heartbeat of each, samples over time, and lost events."""
