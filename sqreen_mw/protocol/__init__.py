"""The messages between agent and collector: frozen values, their limits and their JSON."""
