"""Serves requests to an application in this process, without a server."""
