"""Serving requests to an application in process, as a server hands them over."""
