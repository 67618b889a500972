"""Shadows: a candidate release decides a share of the live receipts a moment after the tills have their answers."""
