"""Promotion documents before they are published: write, check, try out."""
