"""Stored receipts, and why they cost what they cost."""
