"""The marketer's console: pages made on the server over the same functions that the JSON calls use."""
