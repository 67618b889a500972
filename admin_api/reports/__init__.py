"""Reports: sums by day, place, promotion and reason, for people and programs."""
