"""The texts of queries/*.sql."""

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> str:
    """The text of queries/<name>.sql."""
    return (files("matching") / "queries" / f"{name}.sql").read_text("utf-8")
