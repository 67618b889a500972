"""A short headless Locust run against the tests' own server: users get answers, and failures are counted as such."""

from __future__ import annotations

import asyncio
import csv
import importlib.util
import json
import os
import sys
from collections import deque
from pathlib import Path

import grpc
import pytest

from altyn.pos.v1 import pos_service_pb2
from tests.register.fake_server import FakeServer, serving

# Only looked up: importing locust would patch this process for gevent.
if importlib.util.find_spec("locust") is None:
    pytest.skip("locust is not installed", allow_module_level=True)
ROOT = Path(__file__).resolve().parents[2]


async def test_users_sell_over_their_own_connections_and_failures_are_counted(tmp_path: Path) -> None:
    registers = [{"store_id": "s", "register_id": f"r{number}", "key": f"k{number}"} for number in range(2)]
    (tmp_path / "registers.json").write_text(json.dumps(registers))
    fake = FakeServer(faults=deque(["none"] * 12 + [grpc.StatusCode.UNAVAILABLE]))
    async with serving(fake, tmp_path):
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "ALTYN_LOAD_TARGET": fake.target,
            "ALTYN_LOAD_REGISTERS": str(tmp_path / "registers.json"),
            "ALTYN_LOAD_RECEIPTS_PER_S": "20",
            "ALTYN_LOAD_BASKETS": "50",
        }
        options = [
            "--headless",
            "--users",
            "2",
            "--spawn-rate",
            "50",
            "--run-time",
            "3s",
            "--csv",
            str(tmp_path / "out"),
        ]
        locust = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests/locustfile.py"), *options),
            env=env,
            cwd=tmp_path,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await locust.communicate()
    assert locust.returncode == 1, said.decode()  # a run with a failed call is a failed run
    rows = {row["Name"]: row for row in csv.DictReader((tmp_path / "out_stats.csv").open())}
    assert int(rows["CalculateReceipt"]["Request Count"]) > 4, said.decode()
    commits = [
        pos_service_pb2.CommitReceiptRequest.FromString(r) for call, r in fake.requests if call == "CommitReceipt"
    ]
    assert commits
    assert int(rows["Aggregated"]["Failure Count"]) == 1
    assert not fake.doubled
    assert len({commit.op_id for commit in commits}) == len(commits)
    numbers = {(c.receipt.register_id, c.receipt.shift_number, c.receipt.receipt_number) for c in commits}
    assert len(numbers) == len(commits)
    assert {metadata["authorization"] for metadata in fake.metadata} == {"Bearer k0", "Bearer k1"}
    # The goods grow over the forecasts of a receipt, and the commit has all of them.
    assert min(len(commit.receipt.lines) for commit in commits) >= 1
