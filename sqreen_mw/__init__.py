"""Self-hosted security monitoring of business logic for Python web applications."""
