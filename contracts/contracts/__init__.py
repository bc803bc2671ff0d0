"""What travels between the services: the record envelope, the vocabulary, one schema a topic."""
