"""``altyn backtest``: what a draft would have cost over the days the journal knows.

The sales of each day are taken out of the journal once (VAR/extracts); the draft is replayed over them in processes of
its own, and what is done of a draft is kept (VAR/backtests), so a run that was stopped goes on where it ended. Exit
status 0 when everything asked for was replayed, 1 when it was stopped early or something cannot be done.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from altyn.admin_api.backtests.extracts import Extract, make_extracts
from altyn.admin_api.backtests.journal_days import open_days
from altyn.admin_api.backtests.report import report_of
from altyn.admin_api.backtests.rules import PROBLEMS_TOLD, draft_of
from altyn.admin_api.backtests.work import Draft, OnProgress, Replayed, Replays, Runs
from altyn.cli.archiving import archive_folder
from altyn.cli.options import AsJson, Var, say, settings_with
from altyn.cli.up import StopAsked, stop_signals_raise
from altyn.cli.verify.command import reachable_postgres
from altyn.core.rules.definition import DocumentError, load_documents
from altyn.infra.database import connect
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings
from altyn.server.journal_archive import JournalArchive

DAYS = 30
DAYS_MAX = 1_000
WRITERS = (".xlsx", ".csv", ".json")

app = typer.Typer(add_completion=False)


@app.command()
def run(
    rules: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The draft: rule documents, YAML or JSON.")],
    on_release: Annotated[
        bool, typer.Option("--on-release", help="Lay the documents over the newest release, by their ids.")
    ] = False,
    days: Annotated[
        int, typer.Option(min=1, max=DAYS_MAX, help="Days of the journal, its newest day included.")
    ] = DAYS,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Also write the report: .xlsx, .csv or .json by its name.")
    ] = None,
    processes: Annotated[int, typer.Option(min=0, help="How many at a time; 0: as many as cores.")] = 0,
    var: Var = None,
    as_json: AsJson = False,
) -> None:
    """Replay the journal's sales on a draft, and tell what would have been given instead."""
    if out is not None and out.suffix not in WRITERS:
        raise Trouble(f"{out}: a report is one of {', '.join(WRITERS)}")
    settings = settings_with(var)
    begun = time.monotonic()
    with stop_signals_raise(), reachable_postgres(settings) as dsn:
        draft, base, extracts = asyncio.run(prepare(dsn, settings, rules, days, on_release))
        report = replay(draft, extracts, settings, processes or len(os.sched_getaffinity(0)))
    report |= {"draft": draft.key[:16], "on_release": base, "seconds": round(time.monotonic() - begun, 3)}
    if out is not None:
        write_report(report, out)
    if as_json:
        print(orjson.dumps(report).decode())
    else:
        show(report)
    raise typer.Exit(0 if report["complete"] else 1)


async def prepare(
    dsn: str, settings: Settings, rules: Path, days: int, on_release: bool
) -> tuple[Draft, int, list[Extract]]:
    """The compiled draft, the release under it, and the extracts of the days, made where they are not there."""
    connection = await connect(dsn, name="altyn backtest", command_timeout_s=None)
    try:
        tenant = settings.tenant_id
        documents = await asyncio.to_thread(read_rules, rules)
        draft, base = await draft_of(connection, tenant, documents, name=str(rules), on_release=on_release)
        if on_release and not base:
            raise Trouble(f"nothing has been published for {tenant} yet")
        zone = await connection.fetchval("SELECT zone FROM tenants WHERE tenant = $1", tenant)
        journal = await open_days(connection, JournalArchive(archive_folder(settings.var)))
        wanted = await journal.last_days(days, zone or settings.tenant_zone)
        with progress("extracting") as on_progress:
            made = [one async for one in make_extracts(journal, wanted, settings.var / "extracts", on_progress)]
        return draft, base, made
    finally:
        connection.terminate()


def read_rules(file: Path) -> list[Any]:
    """The documents of a file. Trouble: what is wrong, by path."""
    try:
        return list(load_documents(file.read_text("utf-8")))
    except DocumentError as error:
        told = [f"{one.path}: {one.code}: {one.message}" for one in error.problems[:PROBLEMS_TOLD]]
        raise Trouble("\n".join([f"{file} cannot be tried:", *told])) from None
    except UnicodeDecodeError:
        raise Trouble(f"{file}: the file is not UTF-8") from None


def replay(draft: Draft, extracts: list[Extract], settings: Settings, processes: int) -> dict[str, Any]:
    """The report; of what was done, when it is stopped."""
    replays = Replays(draft, extracts, settings.var / "extracts", Runs(settings.var / "backtests", draft), processes)
    done: list[Replayed] = []
    with suppress(StopAsked), progress("replaying") as on_progress, closing(replays.run(on_progress)) as running:
        for one in running:
            done.append(one)
    return report_of(done, extracts, complete=len(done) == len(extracts))


def write_report(report: dict[str, Any], out: Path) -> None:
    """By the name's end. OSError."""
    if out.suffix == ".json":
        out.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
        return
    from altyn.admin_api.backtests.workbook import write_csv, write_workbook

    (write_csv if out.suffix == ".csv" else write_workbook)(report, out)


@contextmanager
def progress(what: str) -> Iterator[OnProgress]:
    """A bar on a terminal, else a line now and then."""
    console = Console(stderr=True)
    columns = (TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)


def show(report: dict[str, Any]) -> None:
    from altyn.cli.backtest.told import told

    Console().print(told(report))
    if not report["complete"]:
        say("stopped early: the same command goes on from here")
