"""`altyn verify`: the invariants of a live or stopped system, checked from outside."""
