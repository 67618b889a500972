"""Families: customers whose points are one account; and two customers who are one person."""
