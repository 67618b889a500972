"""``altyn verify``: check the invariants of a live or stopped system; exit status 1 when one does not hold.

Reads only. An embedded cluster that is stopped is started for the look and stopped again; one that runs is left alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from altyn.cli.options import AsJson, Var, settings_with
from altyn.cli.verify.balances import Door
from altyn.cli.verify.checker import OnProgress, verify
from altyn.cli.verify.report import Report
from altyn.infra.channels import ops_files
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def run(
    var: Var = None,
    history: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="What a register saw; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the journal, the ledger and the answers given: read-only, live or stopped."""
    settings = settings_with(var)
    with reachable_postgres(settings) as dsn, progress(sys.stderr.isatty()) as on_progress:
        report = verify(
            dsn,
            histories=history or (),
            snapshots=settings.var / "snapshots",
            archive=settings.var / "archive",
            server=ops_door(settings),
            pepper=pepper_of(settings),
            on_progress=on_progress,
        )
    print(orjson.dumps(report.as_json()).decode() if as_json else as_text(report))
    if report.violations:
        raise typer.Exit(1)


@contextmanager
def reachable_postgres(settings: Settings) -> Iterator[str]:
    """The address of the given or embedded PostgreSQL. Trouble when there is no cluster yet: a look makes none."""
    if settings.postgres_dsn:
        yield settings.postgres_dsn
        return
    server = EmbeddedPostgres(settings.var)
    if not server.data.exists():
        raise Trouble(f"there is no cluster in {settings.var} to verify")
    server.start()
    try:
        yield server.dsn()
    finally:
        server.stop()


def ops_door(settings: Settings) -> Door | None:
    """The server's door for the back office; None when this installation has no key for it."""
    key = kept_key(settings, "ops_key", settings.ops_key)
    return Door(settings.ops_listen, key, ops_files(settings)) if key else None


def pepper_of(settings: Settings) -> bytes | None:
    """The installation's identity key; None when it is not here."""
    key = kept_key(settings, "pepper", settings.pepper)
    return bytes.fromhex(key) if key else None


def kept_key(settings: Settings, name: str, given: str) -> str:
    """A secret in hex: given, or kept by this installation; empty without one."""
    kept = settings.var / "secrets" / name
    return given or (kept.read_text("ascii").strip() if kept.exists() else "")


@contextmanager
def progress(shown: bool) -> Iterator[OnProgress]:
    """A bar on a terminal, else nothing."""
    columns = (TextColumn("[bold]journal"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task("journal", total=None)
        yield lambda seq, last: bar.update(task, completed=seq, total=last)


def as_text(report: Report) -> str:
    lines = [f"{'invariant':<24}{'checks':>10}{'violations':>12}"]
    for name, tally in report.per_invariant.items():
        lines.append(f"{name:<24}{tally.checks:>10}{tally.violations:>12}")
        lines += [f"    {example}" for example in tally.examples]
    lines += [f"remark: {remark}" for remark in report.remarks]
    found = f"{report.violations} violations" if report.violations else "every invariant holds"
    return "\n".join([*lines, f"{found}; {report.checks} checks up to seq {report.seq} in {report.seconds:.1f} s"])
