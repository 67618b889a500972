"""`altyn chaos`: kill the server and PostgreSQL under load, recover, and prove that nothing acknowledged went missing.

Always on stores of its own in a fresh folder under `--var`, which is removed when nothing was found and kept when
something was. Exit status 0 only when nothing was lost, doubled, or answered differently from what is stored.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from altyn.cli.chaos.kills import REGISTERS_COUNT, Result, run_rounds
from altyn.cli.options import AsJson, Var, say, settings_with

app = typer.Typer(help="Break a system of its own on purpose, under load.", no_args_is_help=True, add_completion=False)


@app.callback()
def chaos() -> None:
    """Break a system of its own on purpose, under load."""


@app.command()
def kill(
    rounds: Annotated[int, typer.Option(min=1, max=100_000, help="Server and PostgreSQL are killed in turn.")] = 10,
    seed: Annotated[int, typer.Option(help="Chooses cards, receipts and moments.")] = 1,
    registers: Annotated[int, typer.Option(min=1, max=256, help="How many sell at once.")] = REGISTERS_COUNT,
    var: Var = None,
    as_json: AsJson = False,
) -> None:
    """Kill -9, restart, let every register send what it owes, compare; again and again."""
    started = time.monotonic()
    parent = settings_with(var).var
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=parent))
    say(f"{rounds} rounds with {registers} registers, seed {seed}, in {folder}")
    result = run_rounds(folder, rounds, seed=seed, registers_count=registers, progress=say)
    if result.is_clean:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        say(f"kept for a look: {folder}")
    show(result, time.monotonic() - started, as_json)
    raise typer.Exit(0 if result.is_clean else 1)


def show(result: Result, seconds: float, as_json: bool) -> None:
    told = result.as_json() | {"seconds": round(seconds, 1)}
    if as_json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        print(f"{name:16} {value}")
