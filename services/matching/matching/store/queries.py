"""The texts of queries/*.sql."""

from functools import partial

from chassis import queries

query = partial(queries.query, "matching")
"""The text of queries/<name>.sql."""
