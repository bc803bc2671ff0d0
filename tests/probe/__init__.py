"""The smallest service: it keeps the newest revision of each municipality and answers with what it counted."""
