"""Tiers of customers: the program's terms. Whose tier is which belongs to the processing server."""
