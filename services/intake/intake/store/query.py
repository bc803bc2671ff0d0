"""The statements too long to stand in code."""

from functools import partial

from chassis import queries

query = partial(queries.query, "intake")
"""`queries/<name>.sql`."""
