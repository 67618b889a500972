"""`altyn bench`: measures parts of the system and prints one JSON object. Numbers are medians of rounds, in processor
time, so that neighbours on the machine disturb them little.

Each subject is one command; a subject that needs a database or a network says so in its own module.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Measure the core, the ledger, the front door.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


@app.callback()
def bench() -> None:
    """Measure parts of the system."""


@app.command()
def core(as_json: AsJson = False) -> None:
    """Codec, calculation, compilation, and plain Python beside them: no network, no storage; with quartiles."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    show(import_module("altyn.benchmarks.core_run").run(), as_json)


@app.command()
def ledger(
    accounts: Annotated[int, typer.Option(min=1_000, help="Accounts to load.")] = 1_000_000, as_json: AsJson = False
) -> None:
    """Accounts in memory, and the journal on an embedded PostgreSQL of its own."""
    from altyn.benchmarks.ledger_bench import run

    show(run(accounts), as_json)


@app.command()
def projector(as_json: AsJson = False) -> None:
    """How fast people's tables follow the journal, on an embedded PostgreSQL of its own."""
    show(import_module("altyn.benchmarks.projector_bench").run(), as_json)


@app.command()
def coupons(
    codes: Annotated[int, typer.Option(min=1_000, help="Listed codes to load.")] = 1_000_000,
    serials: Annotated[int, typer.Option(min=1_000, help="Codes of a serial series.")] = 10_000_000,
    as_json: AsJson = False,
) -> None:
    """Coupon codes in memory, listed and computed: bytes a code, load, one look at the till."""
    from altyn.benchmarks.coupons_bench import run

    show(run(codes, serials), as_json)


@app.command()
def console(
    customers: Annotated[int, typer.Option(min=1_000, help="Customers to lay.")] = 1_000_000,
    lines: Annotated[int, typer.Option(min=10_000, help="Receipt lines to lay, ten a receipt.")] = 10_000_000,
    as_json: AsJson = False,
) -> None:
    """Every page of the console over a big chain, on an embedded PostgreSQL of its own: ten minutes, up to 10 GB."""
    from altyn.benchmarks.console_bench import run

    show(run(customers, lines), as_json)


@app.command()
def front(as_json: AsJson = False) -> None:
    """The registers' door beside servers that only echo, 1 to 4,000 connections: two cores, about five minutes."""
    show(import_module("altyn.benchmarks.front_bench").run(), as_json)


@app.command()
def backtest(as_json: AsJson = False) -> None:
    """A draft over a million receipts of a journal, extracted from an embedded PostgreSQL: about two minutes."""
    show(import_module("altyn.benchmarks.backtest_bench").run(), as_json)


@app.command()
def overload(as_json: AsJson = False) -> None:
    """Forecasts and commits answered in time at 1 and 3 times the capacity, and recovery: three minutes."""
    show(import_module("altyn.benchmarks.overload_bench").run(), as_json)


@app.command()
def hostile(as_json: AsJson = False) -> None:
    """What registers wait for while one attacker is at the door, attack by attack: two minutes."""
    show(import_module("altyn.benchmarks.hostile_bench").run(), as_json)


@app.command()
def page(folder: Annotated[Path, typer.Argument(help="Where front.md and its plots go.")]) -> None:
    """Measure the front door and its attackers, and write the page of results with its plots: about nine minutes."""
    front = import_module("altyn.benchmarks.front_bench").run()
    hostile = import_module("altyn.benchmarks.hostile_bench").run()
    print(import_module("altyn.benchmarks.front_page").write(front, hostile, folder))


@app.command()
def swap(as_json: AsJson = False) -> None:
    """Latencies of calculations while a release of 100,000 promotions is compiled and taken: about six minutes."""
    show(import_module("altyn.benchmarks.swap_bench").run(), as_json)


def show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    for key, value in result.items():
        print(f"{key:24} {value}", file=sys.stdout)


if __name__ == "__main__":
    app()
