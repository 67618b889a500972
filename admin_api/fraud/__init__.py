"""Rules against fraud at the till, changed by four eyes, and the cases they made."""
