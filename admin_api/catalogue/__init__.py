"""Products: imported in bulk, read one by one."""
