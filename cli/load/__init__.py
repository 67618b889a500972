"""``altyn load``: load tests around Locust."""
