"""Accounts of points: balances from the server's memory, history from the journal's projection."""
