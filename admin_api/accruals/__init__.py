"""Points for many: a list or a segment, proposed by one, approved by another, given once to each."""
