"""Reporting needs nothing beyond what every process reads."""

from chassis import settings


class Settings(settings.Settings):
    """The common settings."""
