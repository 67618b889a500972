"""Facts a person should look at, and what was decided about them."""
