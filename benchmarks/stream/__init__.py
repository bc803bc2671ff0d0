"""How fast the stream is, against a naive way and against the limit of Kafka and PostgreSQL, in one run."""
