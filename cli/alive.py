"""``python -m altyn.cli.alive``: does the process of this container answer? For health checks: exit status 0 or 1.

Asks the management listeners of this installation; one that answers is enough, since a container runs one process.
"""

from __future__ import annotations

import sys
import urllib.request

from altyn.infra.settings import Settings, split_address

PATIENCE_S = 2.0


def main() -> int:
    """0: a listener says ok."""
    settings = Settings()
    return 0 if any(answers(address) for address in (settings.metrics_listen, settings.admin_metrics_listen)) else 1


def answers(address: str) -> bool:
    """Whether `GET /healthz` there says ok."""
    host, port = split_address(address)
    place = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    try:
        with urllib.request.urlopen(f"http://{place}:{port}/healthz", timeout=PATIENCE_S) as answer:
            return bool(answer.read() == b"ok\n")
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
