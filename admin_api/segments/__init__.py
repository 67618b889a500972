"""Static segments: lists of customers that rules may name."""
