"""Keys of this API, and the audit log."""
