"""A real Valkey: killed, recovered, adopted, stopped although its folder is gone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from altyn.infra.embedded.valkey import EmbeddedValkey
from altyn.infra.processes import ChildFailed


@pytest.fixture
def var() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="altyn-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(var: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(var)
    server.start()
    yield server
    server.stop()


async def test_valkey_killed_and_started_again_keeps_its_stream(server: EmbeddedValkey) -> None:
    async with Redis.from_url(server.url) as client:
        for number in range(100):
            await client.xadd("stream", {"number": number})
    server.kill()
    server.start()
    assert not server.adopted
    async with Redis.from_url(server.url) as client:
        assert await client.xlen("stream") == 100


async def test_second_start_adopts_the_live_valkey_and_leaves_it_running(server: EmbeddedValkey, var: Path) -> None:
    second = EmbeddedValkey(var)
    second.start()
    assert second.adopted and second.pid == server.pid
    second.stop()
    async with Redis.from_url(server.url) as client:
        assert await client.ping()


async def test_valkey_is_append_only_without_snapshots_and_without_tcp(server: EmbeddedValkey) -> None:
    async with Redis.from_url(server.url, decode_responses=True) as client:
        shown = {name: (await client.config_get(name))[name] for name in ("appendonly", "save", "port")}
    assert shown == {"appendonly": "yes", "save": "", "port": "0"}


def test_stop_when_the_folder_was_deleted_still_ends(server: EmbeddedValkey) -> None:
    shutil.rmtree(server.root)
    server.stop()
    assert not server.is_running()


def test_start_with_a_broken_append_only_file_fails_with_the_log(server: EmbeddedValkey) -> None:
    server.stop()
    for manifest in server.root.rglob("*.manifest"):
        manifest.write_text("nonsense\n")
    with pytest.raises(ChildFailed, match="manifest"):
        server.start()
