"""Requests as the servers give them: an ASGI scope, a WSGI environ, or a framework's object."""
