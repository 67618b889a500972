"""``altyn load registers`` against the real back office: stores, registers and keys, and again without doubling."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from altyn.admin_api.bootstrap import admin_key_path
from altyn.cli.load.registers import BackOffice, make_registers, write_registers
from altyn.cli.migrate import apply_migrations
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings

STORE = {"zone": "Etc/UTC", "region": "", "currency": "USD", "exponent": 2}


@pytest.mark.parametrize("url", ["http://office.example.com", "ftp://127.0.0.1", "127.0.0.1:8080"])
def test_back_office_whose_key_would_travel_unprotected_is_refused(url: str) -> None:
    with pytest.raises(Trouble, match="--admin"):
        BackOffice(url, "key")


def test_registers_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "registers.json"
    write_registers(file, [{"store_id": "s", "register_id": "r", "key": "k"}])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())[0]["key"] == "k"


def test_registers_are_made_once_and_get_new_keys_each_time(tmp_path: Path, database_dsn: str, redis_url: str) -> None:
    settings = Settings(var=tmp_path, postgres_dsn=database_dsn, redis_url=redis_url, admin_listen="127.0.0.1:0")
    asyncio.run(apply_migrations(database_dsn, settings))
    environment = os.environ | settings.environment() | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    admin = subprocess.Popen(
        [sys.executable, "-m", "altyn.admin_api"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    try:
        assert admin.stdout is not None
        ready = json.loads(admin.stdout.readline().removeprefix(b"ready "))
        office = BackOffice(ready["url"], admin_key_path(settings).read_text().strip())
        first, second = (
            make_registers(office, prefix="load", stores_count=2, registers_count=2, store=STORE) for _ in range(2)
        )
        places = [(one["store_id"], one["register_id"]) for one in first]
        assert places == [(f"load-{s}", f"load-{s}-{r}") for s in (1, 2) for r in (1, 2)]
        assert places == [(one["store_id"], one["register_id"]) for one in second]
        assert len({one["key"] for one in first + second}) == 8
        with pytest.raises(Trouble, match="PUT /v1/stores/load-1: 401"):
            make_registers(
                BackOffice(ready["url"], "nobody"), prefix="load", stores_count=1, registers_count=1, store=STORE
            )
    finally:
        admin.terminate()
        admin.wait(30)
