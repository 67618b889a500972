"""Stores, their registers, and the keys registers speak with."""
