"""`python -m altyn.server`: one processing server, settings from the environment. Exit status 1 when it had to stop
by itself, 2 for settings it cannot start with.
"""

from __future__ import annotations

import sys

import structlog
import uvloop

from altyn.infra.errors import Trouble
from altyn.infra.logs import configure_logs
from altyn.infra.settings import Settings, load_secrets
from altyn.server.app import Server, say_ready
from altyn.server.feeds.compiler import RulesCompiler
from altyn.server.journal_reader import JournalDoubt
from altyn.server.transport.tls import ops_tls_of, tls_of


def main() -> int:
    settings = Settings()
    try:
        tls, ops_tls = tls_of(settings), ops_tls_of(settings)
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 2
    configure_logs(level=settings.log_level, form=settings.log_format, process="server")
    # The compiler's process is started before gRPC is: a process must not fork once gRPC runs.
    compiler = RulesCompiler(settings.postgres_dsn, settings.tenant_id)
    compiler.start()

    async def serve() -> None:
        await Server(settings, load_secrets(settings), compiler, tls, ops_tls).run(say_ready)

    try:
        uvloop.run(serve())
    except JournalDoubt as doubt:
        structlog.get_logger(__name__).critical("server_in_doubt", error=str(doubt))
        return 1
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
