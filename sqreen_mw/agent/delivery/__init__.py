"""From the queue to the collector: the buffer, the transports and the flusher."""
