"""What matching reads from its environment."""

from chassis import settings


class Settings(settings.Settings):
    """Matching has nothing of its own to set."""
