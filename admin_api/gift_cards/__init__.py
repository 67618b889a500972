"""Gift cards: series, print runs that two people make, blocking, balance and history. Value moves at the till alone."""
