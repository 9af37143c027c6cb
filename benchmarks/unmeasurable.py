"""What a row says that can't be measured on this machine."""


class UnmeasurableError(Exception):
    """A tool is missing, or does not work here; the message says how to get it."""
