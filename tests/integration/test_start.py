"""A server that cannot become ready still ends when it is told to."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg

from tests.integration.system import System, prepare


def test_stop_before_the_facts_are_there_ends_the_server(database_dsn: str, redis_url: str, tmp_path: Path) -> None:
    async def without_facts() -> None:
        await prepare(database_dsn)
        connection = await asyncpg.connect(database_dsn)
        await connection.execute("DROP TABLE feed_clock CASCADE")
        await connection.close()

    asyncio.run(without_facts())
    environment = System(database_dsn, redis_url, tmp_path).settings().environment()
    log = (tmp_path / "server.log").open("w+")
    server = subprocess.Popen(
        [sys.executable, "-m", "altyn.server"], env={**os.environ, **environment}, stdout=log, stderr=log
    )
    try:
        deadline = time.monotonic() + 30
        while "feed_interrupted" not in (tmp_path / "server.log").read_text():
            assert server.poll() is None, (tmp_path / "server.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    finally:
        server.kill()
        server.wait()
    assert "ready" not in (tmp_path / "server.log").read_text().split()
