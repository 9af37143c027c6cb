"""Delivers sealed events: the queue, the scheduler, the spool and the transports."""
