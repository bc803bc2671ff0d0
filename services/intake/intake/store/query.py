"""The statements too long to stand in code."""

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> str:
    """`queries/<name>.sql`."""
    return (files("intake") / "queries" / f"{name}.sql").read_text("utf-8")
