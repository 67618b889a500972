"""A draft over the journal's past: sales with their evidence taken out once, decided again by other rules, and added up."""
