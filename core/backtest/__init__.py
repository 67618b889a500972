"""A draft over the journal's past: sales taken out with their evidence once, decided again by other rules, added up."""
