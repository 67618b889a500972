"""Customers, their cards and segments. Numbers and phones are kept as keyed hashes."""
