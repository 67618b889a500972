"""Work that takes longer than a page may wait: made, seen, stopped, gone on with (docs/operations/jobs.md)."""
