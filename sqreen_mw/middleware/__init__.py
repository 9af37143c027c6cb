"""How the agent gets into an app."""
