"""The statements of a service that are too long to stand in code: its queries/*.sql."""

from functools import cache
from importlib.resources import files


@cache
def query(package: str, name: str) -> str:
    """The text of queries/<name>.sql in that package."""
    return (files(package) / "queries" / f"{name}.sql").read_text("utf-8")
