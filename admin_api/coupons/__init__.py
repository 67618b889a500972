"""Coupons: series, batches of codes, and what a code belongs to. Codes are kept as keyed hashes."""
