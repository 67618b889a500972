"""Releases: what the tills run, published once and immutable."""
