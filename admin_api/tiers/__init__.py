"""Tiers of customers: the program's terms, and tiers by hand. Whose tier is which belongs to the processing server."""
