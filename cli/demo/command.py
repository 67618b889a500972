"""``altyn demo``: the main job on real input. A fresh system sells the baskets of a published retail dataset through
the gRPC door, from many registers at once, with repeats, time-outs, voids, returns, coupons, points and offline
receipts mixed in; then everything is verified.

Exit status 0 only when every receipt was answered, every repeat got the same bytes, every shift's books agree and no
invariant is violated.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import orjson
import typer
from rich.console import Console

from altyn.admin_api.promotions.service import id_of
from altyn.cli.demo import dataset
from altyn.cli.demo.load import Loaded, load_chain, programme
from altyn.cli.demo.replay import Replay, progress_bar, replay
from altyn.cli.demo.report import show
from altyn.cli.migrate import apply_migrations
from altyn.cli.options import AsJson, Var, say, settings_with
from altyn.cli.up import PROCESSES, STOP_PATIENCE_S, StopAsked, ignore_stop_signals, start_processes, stop_signals_raise
from altyn.cli.verify.balances import Door
from altyn.cli.verify.checker import verify
from altyn.cli.verify.report import Report
from altyn.infra.channels import ops_files
from altyn.infra.database import connect
from altyn.infra.embedded import Endpoints, embedded_services
from altyn.infra.errors import Trouble
from altyn.infra.processes import Child, stop_children
from altyn.infra.settings import Settings, load_secrets
from altyn.register import JsonLines

BASKETS_COUNT = 5_200
PROJECTOR_PATIENCE_S = 120.0
ANY_PORT = "127.0.0.1:0"

app = typer.Typer(add_completion=False)


@app.command()
def run(
    var: Var = None,
    as_json: AsJson = False,
    baskets: Annotated[int, typer.Option(min=1, help="How many baskets to sell.")] = BASKETS_COUNT,
) -> None:
    """Sell a demonstration chain's baskets through a real server, verify, and tell what came of it."""
    settings = settings_with(var, grpc_listen=ANY_PORT, ops_listen=ANY_PORT, admin_listen=ANY_PORT)
    settings = settings.model_copy(update={"metrics_listen": ANY_PORT, "admin_metrics_listen": ANY_PORT})
    if (settings.var / "demo").exists():
        raise Trouble(f"{settings.var} has seen a demonstration already; name a fresh directory with --var")
    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = 110
    with suppress(StopAsked), stop_signals_raise():
        chain = dataset.load(date.today() - timedelta(days=1), baskets_count=baskets)
        say(f"{len(chain.baskets)} baskets of {len(chain.stores)} stores, {len(chain.products)} products")
        sold, report = sell_and_verify(settings, chain, console)
        console.print(show(sold.tally.totals, titles()))
        found = figures(sold, report)
        print(
            orjson.dumps(found).decode() if as_json else "\n".join(f"{key:24} {value}" for key, value in found.items())
        )
        raise typer.Exit(0 if is_sound(sold, report) else 1)


def sell_and_verify(settings: Settings, chain: dataset.Dataset, console: Console) -> tuple[Replay, Report]:
    """A whole life of a system: start, load, sell, project, verify, stop."""
    with embedded_services(settings, say) as endpoints:
        asyncio.run(apply_migrations(endpoints.postgres_dsn, settings))
        loaded = asyncio.run(load_chain(settings, endpoints.postgres_dsn, endpoints.redis_url, chain))
        say(f"programme published as release {loaded.rules_version}")
        children: list[Child] = []
        try:
            ready = start_processes(settings, endpoints, PROCESSES, children)
            folder = settings.var / "demo"
            folder.mkdir(parents=True)
            sold = sell(chain, ready["server"]["grpc"], loaded, folder, console)
            asyncio.run(wait_for_projector(endpoints))
            secrets = load_secrets(settings)
            door = Door(ready["server"]["ops"], secrets.ops_key.hex(), ops_files(settings))
            say("verifying")
            report = verify(
                endpoints.postgres_dsn,
                histories=[folder / "history.jsonl"],
                snapshots=settings.var / "snapshots",
                server=door,
                pepper=secrets.pepper,
            )
            return sold, report
        finally:
            ignore_stop_signals()
            stop_children(children[::-1], STOP_PATIENCE_S)


def sell(chain: dataset.Dataset, target: str, loaded: Loaded, folder: Path, console: Console) -> Replay:
    with JsonLines(folder / "history.jsonl") as history, progress_bar(console) as bar:
        task = bar.add_task("selling", total=len(chain.baskets))
        return asyncio.run(
            replay(
                chain.baskets,
                target,
                loaded.key,
                folder / "registers",
                codes=[code for codes in loaded.coupons.values() for code in codes],
                history=history,
                on_receipt=lambda: bar.advance(task),
            )
        )


async def wait_for_projector(endpoints: Endpoints) -> None:
    """Until the tables people read hold the whole journal. Trouble when that takes too long."""
    connection: asyncpg.Connection[Any] = await connect(endpoints.postgres_dsn, name="altyn demo")
    try:
        deadline = time.monotonic() + PROJECTOR_PATIENCE_S
        while time.monotonic() < deadline:
            row = await connection.fetchrow(
                "SELECT (SELECT max(last_seq) FROM shard_owner) AS last,"
                " (SELECT seq FROM projector_checkpoint WHERE projection = 'receipts') AS projected"
            )
            assert row is not None
            if row["projected"] >= row["last"]:
                return
            await asyncio.sleep(0.2)
    finally:
        await connection.close()
    raise Trouble(f"the projector has not caught up in {PROJECTOR_PATIENCE_S:.0f} s")


def titles() -> dict[str, str]:
    """English titles of promotions and caps by id."""
    return {
        id_of(document): document.get("title", {}).get("en", id_of(document))
        for document in programme()
        if "asset" not in document and "payment" not in document
    }


def is_sound(sold: Replay, report: Report) -> bool:
    return (
        report.violations == 0
        and report.checks > 0
        and sold.left_count == 0
        and not sold.stopped_by
        and sold.tally.unequal_replies_count == 0
        and not sold.tally.shift_differences
    )


def figures(sold: Replay, report: Report) -> dict[str, Any]:
    """What outside checks read; latencies in milliseconds."""

    def milliseconds(call: str, percent: int) -> float | None:
        latency_us = sold.latency_us(call, percent)
        return None if latency_us is None else round(latency_us / 1000, 2)

    tally, totals = sold.tally, sold.tally.totals
    return {
        "receipts": totals.receipts_count,
        "calls_per_s": sold.calls_per_s,
        "calculate_p50_ms": milliseconds("CalculateReceipt", 50),
        "calculate_p99_ms": milliseconds("CalculateReceipt", 99),
        "commit_p50_ms": milliseconds("CommitReceipt", 50),
        "commit_p99_ms": milliseconds("CommitReceipt", 99),
        "gross": totals.gross_minor,
        "discount": totals.discount_minor,
        "points_accrued": totals.points_accrued,
        "points_redeemed": totals.points_redeemed,
        "duplicates_sent": tally.duplicates_sent,
        "time_outs": tally.time_outs_count,
        "voids": tally.voids_count,
        "voids_after_print": tally.voids_after_print_count,
        "returns": tally.returns_count,
        "returned": totals.returned_minor,
        "parked": tally.parked_count,
        "offline_receipts": tally.offline_count,
        "uploads": tally.uploads_count,
        "redemptions": tally.redemptions_count,
        "coupons_used": tally.coupons_used_count,
        "coupons_refused": tally.coupons_refused_count,
        "coupons_issued": tally.coupons_issued_count,
        "messages": tally.messages_count,
        "promotions": len(titles()),
        "promotions_silent": totals.silent(titles()),
        "shifts": tally.shifts_count,
        "shift_differences": tally.shift_differences,
        "statuses": dict(sorted(tally.statuses.items())),
        "unequal_replies": tally.unequal_replies_count,
        "unanswered": sold.left_count,
        "stopped_registers": len(sold.stopped_by),
        "invariant_checks": report.checks,
        "invariant_violations": report.violations,
    }
