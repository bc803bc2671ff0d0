"""The auditor: reads what is there when all is said and done, and says which invariants hold; it writes nothing."""
