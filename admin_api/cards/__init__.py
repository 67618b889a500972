"""Cards: their series, print runs and states."""
