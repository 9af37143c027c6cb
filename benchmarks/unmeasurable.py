"""The error of a row that can't be measured on this machine."""


class UnmeasurableError(Exception):
    """A tool is missing or does not work here. The message contains the install command."""
