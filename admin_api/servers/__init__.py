"""What the processing servers do."""
