"""The roster: providers, integration managers, where they work, what they can take and when they are away."""
