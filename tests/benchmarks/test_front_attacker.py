"""The attacker that the door is measured beside does harm enough to be sent away, and nobody else notices."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from altyn.benchmarks.front_attacker import KINDS
from altyn.benchmarks.overload_load import OpenLoop, Register
from altyn.server.transport.door import built
from tests.interop.test_clients import door_process


@pytest.mark.skipif(not built("h2"), reason="built without libnghttp2")
@pytest.mark.parametrize("kind", KINDS)
def test_others_are_answered_beside_an_attack(kind: str) -> None:
    with door_process("h2") as address:
        command = [sys.executable, "-m", "altyn.benchmarks.front_attacker", kind, address]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as attacker:
            try:
                assert attacker.stdout is not None and attacker.stdout.readline()
                time.sleep(0.2)
                loop = OpenLoop([Register(address, "/test.Service/Echo", "key", [bytes(100)], 5_000)], 5.0)
                told = loop.run(40, 0.5)
                loop.close()
                assert attacker.poll() is None
            finally:
                attacker.kill()
        assert sum(slot.good for slot in told.slots) == 20
