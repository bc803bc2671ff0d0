"""A site of its own that uses all of the web base, for tests and for looking at it."""
