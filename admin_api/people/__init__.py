"""People who sign in: roles, passwords, second factors, sessions."""
