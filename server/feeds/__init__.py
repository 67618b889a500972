"""What the back office publishes, kept in this server's memory: facts, rules, credentials. `feeds.Feeds` is the way in.

Imports nothing: `altyn evaluate` needs only `zones`, and has a second for everything.
"""
