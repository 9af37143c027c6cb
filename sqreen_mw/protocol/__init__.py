"""What the halves say to each other: frozen values, their limits, and their JSON."""
