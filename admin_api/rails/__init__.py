"""Guard rails: what a release may give away, tried on the last receipts before it is in force, watched after."""
