"""Short real runs: Locust, a real server, every shape, both kinds of user; then the journal is asked.

Runs are seconds long and side by side, each with registers of its own, so that the whole module is quick. Nothing here
depends on how fast the machine is: limits are either generous or impossible on purpose.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest

from altyn.cli.load.told import compare
from altyn.cli.verify.checker import verify_async
from altyn.loadtests.ledger import ledgers_of
from altyn.loadtests.stages import marks
from tests.loadtests.conftest import LoadedSystem

# Only looked up: importing locust would patch this process for gevent.
if find_spec("locust") is None:
    pytest.skip("locust is not installed", allow_module_level=True)

BRISK = ("--receipts-per-s", "5", "--scan-gap-ms", "5", "--forecasts", "2")
GENEROUS = ("--threshold", "commit_p99_ms=60000", "--threshold", "error_share=0.5", "--threshold", "backlog=1000")
HALF_FAULTY = ("--faults-ppm", "500000", "--store-forward-ppm", "400000")
OUTAGE_S = 8.0


class Page(BaseHTTPRequestHandler):
    """A histogram that counts its own looks."""

    looks = 0

    def do_GET(self) -> None:
        Page.looks += 1
        count = 100 * Page.looks
        text = "# TYPE grpc_server_handling_seconds histogram\n" + "".join(
            f'grpc_server_handling_seconds_{part}{{grpc_method="CommitReceipt"{le}}} {value}\n'
            for part, le, value in (
                ("bucket", ',le="0.001"', count // 2),
                ("bucket", ',le="+Inf"', count),
                ("count", "", count),
                ("sum", "", count * 0.001),
            )
        )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        return


@contextmanager
def metrics_page() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()
        thread.join()


async def finish(started: tuple[asyncio.subprocess.Process, Path]) -> tuple[int, str, dict[str, Any]]:
    """Exit status, what was said, the report."""
    process, out = started
    said, _ = await process.communicate()
    text = said.decode()
    assert (out / "report.json").exists(), text
    assert process.returncode is not None
    return process.returncode, text, json.loads((out / "report.json").read_text())


async def require_nothing_lost(system: LoadedSystem, out: Path, acked_min: int) -> None:
    compared = await compare(system.dsn, ledgers_of(out / "told"))
    assert compared.is_clean, compared
    assert compared.acked >= acked_min
    assert compared.to_pay_told_minor > 0
    report = await verify_async(system.dsn, histories=ledgers_of(out / "told"))
    assert report.violations == 0, report.as_json()


async def test_every_shape_runs_and_thresholds_decide_the_exit_status(loaded_system: LoadedSystem) -> None:
    with metrics_page() as url:
        begun = [
            await loaded_system.start_locust(
                "morning", range(1, 9), "--run-time", "4s", *BRISK, *GENEROUS, *HALF_FAULTY, "--metrics-url", url
            ),
            await loaded_system.start_locust(
                "peak", range(9, 17), "--run-time", "4s", *BRISK, "--threshold", "commit_p50_ms=0.001"
            ),
            await loaded_system.start_locust(
                "soak", range(17, 25), "--run-time", "4s", *BRISK, "--pacing", "closed", "--faults-ppm", "0"
            ),
        ]
        morning, peak, soak = [await finish(one) for one in begun]
    for status, said, report in (morning, soak):
        assert (status, report["passed"]) == (0, True), said
    status, said, report = peak
    assert (status, report["passed"]) == (1, False), said
    assert "BROKEN commit_p50_ms" in said
    assert "BROKEN" not in said.replace("BROKEN commit_p50_ms", "")
    # Every fault got the answer it must get, on both sides of the mix.
    _, said, report = morning
    assert report["wrong"] == 0
    assert {"CommitReceipt", "till CommitReceipt", "CommitReceipt again"} <= report["calls"].keys(), said
    assert len(report["calls"]) > 8, report["calls"].keys()
    # The server's side is in the same report: one look before, one after.
    [row] = report["server"]
    assert (row["count"], row["labels"], row["unit"]) == (100, {"grpc_method": "CommitReceipt"}, "ms")
    assert report["calls"]["CommitReceipt"]["server"]["p50_ms"] == 1.0
    assert "grpc_server_handling_seconds{grpc_method=CommitReceipt}" in (begun[0][1] / "report.html").read_text()
    assert [stage["name"] for stage in report["stages"]] == ["opening", "ramp", "open"]
    assert soak[2]["receipts_dropped"] == 0
    for _, out in begun:
        await require_nothing_lost(loaded_system, out, acked_min=10)


async def test_outage_and_recovery_lose_nothing_and_registers_send_what_they_owe(loaded_system: LoadedSystem) -> None:
    started = await loaded_system.start_locust(
        "outage", range(1, 13), "--run-time", f"{OUTAGE_S:.0f}s", *BRISK, *HALF_FAULTY, "--threshold", "error_share=0.9"
    )
    process, out = started
    while not (out / "began").exists() and process.returncode is None:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    moments = dict(marks("outage", OUTAGE_S))
    await asyncio.sleep(moments["outage"])
    loaded_system.server.kill()
    await asyncio.sleep(moments["recovery"] - moments["outage"])
    loaded_system.server.start()
    status, said, report = await finish(started)
    assert status == 0, said
    assert report["silent"] > 0  # there was an outage
    assert (report["wrong"], report["unsent"]) == (0, 0), said
    after = [second for second in report["timeline"] if second["at_s"] > moments["recovery"] + 1]
    assert sum(second["answered"] for second in after) > 0
    await require_nothing_lost(loaded_system, out, acked_min=20)


async def test_comparison_finds_what_was_tampered_with(loaded_system: LoadedSystem, tmp_path: Path) -> None:
    status, said, _ = await finish(
        await loaded_system.start_locust("steady", range(1, 4), "--run-time", "3s", *BRISK, "--store-forward-ppm", "0")
    )
    assert status == 0, said
    [ledger] = ledgers_of(loaded_system.folder / "steady" / "told")
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    first = cast(dict[str, Any], next(line for line in lines if line["call"] == "CommitReceipt"))
    another = next(line for line in lines if line["reply"] != first["reply"] and line["call"] == "CommitReceipt")

    async def compared(changed: dict[str, Any]) -> Any:
        tampered = tmp_path / "told-tampered.jsonl"
        tampered.write_text("\n".join(json.dumps(line) for line in [changed, another]))
        return await compare(loaded_system.dsn, [tampered])

    clean = await compared(first)
    assert (clean.is_clean, clean.acked) == (True, 2)
    # Nobody has journalled this op_id, and its reply is another receipt's own.
    lost = await compared(first | {"op_id": "00" * 16, "reply": first["reply"] + "f80701"})
    assert (lost.lost, lost.is_clean) == (1, False)
    differing = await compared(first | {"reply": another["reply"]})
    assert (differing.differing, differing.is_clean) == (1, False)


async def test_wrong_setting_ends_before_the_run_with_status_two(loaded_system: LoadedSystem) -> None:
    process, out = await loaded_system.start_locust("steady", range(1, 2), "--threshold", "speed=1", name="refused")
    said, _ = await process.communicate()
    assert process.returncode == 2, said.decode()
    assert b"speed: no such threshold" in said
    assert not (out / "report.json").exists()
