"""The container's health check against real listeners."""

from __future__ import annotations

import asyncio

import pytest

from altyn.cli.alive import answers, main
from altyn.infra.metrics import MetricsDoor, new_registry


async def test_process_that_answers_is_alive_wherever_it_listens_and_one_that_is_gone_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = MetricsDoor(new_registry(), "0.0.0.0:0")
    await door.start()
    assert await asyncio.to_thread(answers, f"0.0.0.0:{door.port}")
    monkeypatch.setenv("ALTYN_METRICS_LISTEN", "127.0.0.1:1")
    monkeypatch.setenv("ALTYN_ADMIN_METRICS_LISTEN", door.address)
    assert await asyncio.to_thread(main) == 0
    await door.stop()
    assert await asyncio.to_thread(main) == 1
