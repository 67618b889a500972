"""What the back office publishes, kept in memory: facts, rules, credentials. `feeds.Feeds` is the way in."""
