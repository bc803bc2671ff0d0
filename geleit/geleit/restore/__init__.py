"""A backup of the database, and the way back: PostgreSQL is the authority, and the broker is told again."""
