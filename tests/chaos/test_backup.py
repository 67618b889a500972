"""A backup taken while registers sell, restored elsewhere: what was acknowledged is there, once, and sound."""

from __future__ import annotations

import asyncio
import time
import uuid
from pathlib import Path

import asyncpg
import pytest

from altyn.cli.backup import take_backup
from altyn.cli.chaos.kills import Stores
from altyn.cli.chaos.till_load import TillLoad
from altyn.cli.restore import read_manifest, restore
from altyn.cli.verify.command import reachable_postgres
from tests.integration.system import System


@pytest.mark.slow
def test_backup_under_load_is_restored_with_everything_acknowledged_before(
    stores: Stores, system: System, folder: Path
) -> None:
    load = TillLoad(system.grpc_address, folder / "tills", 2, seed=5)
    load.start()
    load.sell()
    time.sleep(1.5)
    acked_before = set(load.told.replies)
    backup = folder / "backup"
    asyncio.run(take_backup(stores.postgres.dsn(), system.settings(), backup))
    time.sleep(0.5)
    load.settle()
    load.stop()
    manifest = read_manifest(backup)
    assert acked_before and manifest["journal"]["last_seq"] >= len(acked_before)

    restored = system.settings().model_copy(update={"var": folder / "restored", "postgres_dsn": ""})
    report = restore(backup, restored)
    assert (report.violations, report.seq) == (0, manifest["journal"]["last_seq"])
    with reachable_postgres(restored) as dsn:
        assert asyncio.run(missing(dsn, acked_before)) == set()
        assert asyncio.run(missing(dsn, set(load.told.replies))) != set(), "nothing was sold after the backup"
        again = System(dsn, stores.valkey.url, restored.var)
        again.start()
        try:
            # Registers send again what the restored server does not know; what it knows is answered as before.
            second = TillLoad(again.grpc_address, folder / "second", 2, seed=6)
            second.start()
            second.sell()
            time.sleep(0.5)
            second.settle()
            second.stop()
            assert second.told.replies and not second.told.differing
        finally:
            again.stop()


async def missing(dsn: str, op_ids: set[bytes]) -> set[bytes]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT op_id FROM operations")
    await connection.close()
    return op_ids - {uuid.UUID(str(row["op_id"])).bytes for row in rows}
