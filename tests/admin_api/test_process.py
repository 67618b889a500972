"""``python -m altyn.admin_api`` as a process: ready on a free port, answering, gone at once when told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import httpx
import orjson
import pytest

from altyn.admin_api.bootstrap import admin_key_path
from altyn.infra.settings import Settings


def start(settings: Settings) -> subprocess.Popen[str]:
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-m", "altyn.admin_api"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_says_when_it_listens_and_ends_when_told(settings: Settings, number: signal.Signals) -> None:
    process = start(settings)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready {")
        ready = orjson.loads(line.removeprefix("ready "))
        assert ready["url"] == f"http://{ready['admin']}"
        key = admin_key_path(settings).read_text().strip()
        stores = httpx.get(ready["url"] + "/v1/stores", headers={"authorization": f"Bearer {key}"}, timeout=30)
        assert (stores.status_code, stores.json()["stores"]) == (200, [])
        told = httpx.get(f"http://{ready['metrics']}/metrics", timeout=30).text
        assert 'altyn_http_requests_total{code="200",method="GET",route="/v1/stores"} 1.0' in told
        assert "altyn_postgres_up 1.0" in told and "altyn_journal_partitions_ahead" in told
        process.send_signal(number)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_process_of_another_zone_refuses_the_tenant(settings: Settings) -> None:
    first = start(settings)
    assert first.stdout is not None
    first.stdout.readline()
    first.terminate()
    first.wait(30)
    second = start(settings.model_copy(update={"tenant_zone": "Asia/Omsk"}))
    out, _ = second.communicate(timeout=60)
    assert (second.returncode, out) == (1, "")
