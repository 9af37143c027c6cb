"""The process that the agent lives in: exits, signals, forks, workers."""
