"""What the back office publishes, kept in this server's memory: facts, rules, credentials."""

from altyn.server.feeds.compiler import RulesCompiler
from altyn.server.feeds.credentials import Credentials
from altyn.server.feeds.feeds import Feeds

__all__ = ["Credentials", "Feeds", "RulesCompiler"]
