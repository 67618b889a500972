"""`altyn backtest` over a real journal: the same rules, a known change, stopping and going on, files, archived days."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from altyn.admin_api.backtests import extracts as extracts_module
from altyn.admin_api.backtests import work
from altyn.admin_api.backtests.extracts import Extract, ExtractDamaged, read_head
from altyn.admin_api.backtests.report import report_of
from altyn.admin_api.backtests.work import Draft, OnProgress, Replayed, Replays, Runs, Worker
from altyn.cli.backtest import command
from altyn.cli.backtest.command import prepare
from altyn.cli.main import app
from altyn.cli.up import StopAsked
from altyn.core.ledger.snapshot import SnapshotHead
from altyn.core.rules.definition import canonical_json, load_documents
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.settings import Settings
from altyn.server import journal as journal_module
from altyn.server.feeds.compiler import compile_document
from altyn.server.journal_reader import JournalReader
from altyn.server.snapshots import Snapshots
from tests.cli.journalled import execute, lay, write
from tests.cli.test_archiving import shrink_partitions
from tests.core.backtest.past import RULES, busy_past, new_engine

DOCUMENT = canonical_json(load_documents(RULES))
SHA256 = hashlib.sha256(DOCUMENT).digest()
PAST = busy_past(new_engine(SHA256, compile_document(1, SHA256, DOCUMENT).image))
LARGER = RULES.replace("budget: 38.00", "budget: 50.00")
LARGER_CHANGE_MINOR = 198 + 297 + 495 + 178
"""Worked out by hand: tests/core/backtest/test_replayer.py."""
SALES, OF_A_DAY = 27, 9
MEMBERSHIP = """
INSERT INTO customer_segments (tenant, customer_id, segment, version, valid_from) VALUES ('demo', 7, $1, 1, $2)
"""
Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def dsn(embedded_postgres: EmbeddedPostgres, postgres_dsn: str) -> str:
    """Three days of the small shop, written by the journal's own writer."""
    asyncio.run(create_database(postgres_dsn, "backtest"))
    address = embedded_postgres.dsn("backtest")
    asyncio.run(lay(address, DOCUMENT))
    asyncio.run(write(address, PAST.records, project=False))
    asyncio.run(execute(address, MEMBERSHIP, "friends", datetime(2020, 1, 1, tzinfo=UTC)))
    return address


@pytest.fixture
def var(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALTYN_POSTGRES_DSN", dsn)
    monkeypatch.setenv("ALTYN_VAR", str(tmp_path / "var"))
    return tmp_path / "var"


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four sales a file: three files a day."""
    monkeypatch.setattr(extracts_module, "RECEIPTS_OF_FILE", 4)


@pytest.fixture
def backtest(var: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(text: str, *options: str) -> tuple[int, dict[str, Any]]:
        draft = tmp_path / "draft.yaml"
        draft.write_text(text)
        with pytest.raises(SystemExit) as ended:
            app(["backtest", "--rules", str(draft), "--json", "--processes", "1", *options])
        out = capsys.readouterr().out
        return int(ended.value.code or 0), orjson.loads(out.splitlines()[-1]) if out else {}

    return run


def change(row: dict[str, Any]) -> int:
    found: int = row["discount_after_minor"] - row["discount_before_minor"]
    return found


# WHAT IT TELLS


def test_same_rules_cost_the_same_to_the_kopeck_on_every_receipt(backtest: Run) -> None:
    status, report = backtest(RULES)
    assert status == 0
    assert (report["complete"], report["receipts"], report["changed"]) == (True, SALES, 0)
    assert (report["first_day"], report["last_day"]) == ("2026-11-18", "2026-11-20")
    assert [(row["day"], row["receipts"], change(row)) for row in report["days"]] == [
        ("2026-11-18", 9, 0),
        ("2026-11-19", 9, 0),
        ("2026-11-20", 9, 0),
    ]
    assert {row["promotion"]: change(row) for row in report["promotions"]} == dict.fromkeys(
        ("bakery", "first-today", "friends", "spring", "earn"), 0
    )
    assert report["top"] == []
    assert (report["returns"], report["voids"], report["skipped"]) == (3, 1, {})
    assert report["missing"] == {"codes": 3}
    assert "assumed to have bought exactly what they bought" in report["assumptions"][0]


def test_known_change_is_found_where_it_happens(backtest: Run) -> None:
    status, report = backtest(LARGER)
    assert status == 0
    assert change(report["total"]) == LARGER_CHANGE_MINOR
    assert [change(row) for row in report["days"]] == [LARGER_CHANGE_MINOR, 0, 0]
    assert [(row["store"], change(row)) for row in report["stores"]] == [("s1", LARGER_CHANGE_MINOR)]
    assert sum(change(row) for row in report["categories"]) == LARGER_CHANGE_MINOR
    assert [row["segment"] for row in report["segments"]] == ["friends"]
    assert [(row["seq"], change(row)) for row in report["top"]] == [(12, 495), (10, 297), (6, 198), (14, 178)]
    budget = next(limit for limit in report["limits"] if limit["promotion"] == "bakery")
    assert (budget["cap"], budget["taken"], budget["spent_on"]) == (5_000, 5_500, "2026-11-18")
    assert [day["counted"] for day in budget["days"]] == [5_000, 5_000, 5_000]


@pytest.mark.parametrize(("days", "first"), [(1, "2026-11-20"), (2, "2026-11-19"), (500, "2026-11-18")])
def test_days_are_counted_from_the_newest(backtest: Run, days: int, first: str) -> None:
    status, report = backtest(RULES, "--days", str(days))
    assert (status, report["first_day"], report["receipts"]) == (0, first, min(days, 3) * OF_A_DAY)
    assert report["changed"] == 0


def test_draft_laid_over_the_release_changes_its_promotion_alone(backtest: Run) -> None:
    one = "promotion: friends\nstage: card\nwhen: {customer: {segment: friends}}\nreward: [{percent: {rate: 2}}]\n"
    status, over = backtest(one, "--on-release")
    assert (status, over["on_release"]) == (0, 1)
    changed = {row["promotion"] for row in over["promotions"] if change(row)}
    assert changed == {"friends"}
    alone = backtest(one)[1]
    assert {row["promotion"]: row["receipts_after"] for row in alone["promotions"]}["bakery"] == 0


def test_draft_that_cannot_be_read_is_told_by_path(backtest: Run, capsys: pytest.CaptureFixture[str]) -> None:
    status, _ = backtest("promotion: a\nreward: [{percent: {rate: 1000}}]\n")
    assert status == 1
    backtest("promotion: a\nreward: [{percent: {rate: 1000}}]\n")


def test_segment_without_history_is_counted(backtest: Run, dsn: str) -> None:
    draft = "promotion: a\nstage: item\nwhen: {customer: {segment: new}}\nreward: [{percent: {rate: 1}}]\n"
    assert backtest(draft)[1]["missing"] == {"segments": 21}
    asyncio.run(execute(dsn, MEMBERSHIP, "new", datetime(2026, 11, 19, tzinfo=UTC)))
    assert backtest(draft)[1]["missing"] == {"segments": 7}


# FILES


@pytest.mark.usefixtures("small_files")
def test_extract_is_made_once_and_made_again_where_it_is_damaged(backtest: Run, var: Path) -> None:
    assert backtest(RULES)[1]["receipts"] == SALES
    files = sorted((var / "extracts").iterdir())
    assert [file.name for file in files[:4]] == [
        "2026-11-18.000.extract",
        "2026-11-18.001.extract",
        "2026-11-18.002.extract",
        "2026-11-19.000.extract",
    ]
    made = {file: file.stat().st_mtime_ns for file in files}
    assert backtest(LARGER)[1]["receipts"] == SALES
    assert {file: file.stat().st_mtime_ns for file in files} == made
    files[1].write_bytes(files[1].read_bytes()[:-1])
    assert change(backtest(LARGER)[1]["total"]) == LARGER_CHANGE_MINOR
    again = [file for file in files if file.stat().st_mtime_ns != made[file]]
    assert again == [files[1]]


def test_changed_item_is_refused_by_the_files_hash(backtest: Run, var: Path) -> None:
    backtest(RULES)
    file = sorted((var / "extracts").iterdir())[0]
    data = bytearray(file.read_bytes())
    data[200] ^= 1
    file.write_bytes(data)
    with pytest.raises(ExtractDamaged, match="SHA-256"), extracts_module.mapped_items(file, read_head(file)):
        pass
    assert backtest(LARGER)[0] == 1


@pytest.mark.usefixtures("small_files")
def test_day_that_goes_on_is_extracted_anew_from_its_last_file_on(
    embedded_postgres: EmbeddedPostgres, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch, backtest: Run, var: Path
) -> None:
    asyncio.run(create_database(postgres_dsn, "goes_on"))
    address = embedded_postgres.dsn("goes_on")
    monkeypatch.setenv("ALTYN_POSTGRES_DSN", address)
    asyncio.run(lay(address, DOCUMENT))
    part = [record for record in PAST.records if record.seq <= 12]
    asyncio.run(write(address, part, project=False))
    assert backtest(LARGER)[1]["receipts"] == 7
    heads = {file.name: read_head(file) for file in (var / "extracts").iterdir()}
    assert [head.closed for _, head in sorted(heads.items())] == [True, False]
    asyncio.run(write(address, PAST.records[12:], project=False))
    report = backtest(LARGER)[1]
    assert (report["receipts"], change(report["total"])) == (SALES, LARGER_CHANGE_MINOR)
    again = {file.name: read_head(file) for file in (var / "extracts").iterdir()}
    assert again["2026-11-18.000.extract"] == heads["2026-11-18.000.extract"]
    assert again["2026-11-18.001.extract"].receipts == 4


def test_extract_of_another_journal_is_not_used(backtest: Run, var: Path) -> None:
    backtest(RULES)
    file = sorted((var / "extracts").iterdir())[0]
    told = read_head(file)
    data = file.read_bytes()
    items = data[64 : 64 + told.items_bytes]
    head = json.loads(data[64 + told.items_bytes :]) | {"hash_last": "00" * 32, "receipts": 999}
    end = json.dumps(head).encode()
    sha256 = hashlib.sha256(items + end).digest()
    file.write_bytes(
        extracts_module.HEAD.pack(extracts_module.MAGIC, extracts_module.FORMAT, 0, len(items), len(end), sha256)
        + items
        + end
    )
    assert backtest(RULES)[1]["receipts"] == SALES
    assert read_head(file) == told


# STOPPING AND GOING ON


def prepared(var: Path, text: str, tmp_path: Path) -> tuple[Draft, list[Extract], Path]:
    draft = tmp_path / "stopped.yaml"
    draft.write_text(text)
    settings = Settings()
    made = asyncio.run(prepare(settings.postgres_dsn, settings, draft, 30, False))
    return made[0], made[2], var / "extracts"


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("text", [LARGER, "promotion: a\nstage: item\nreward: [{percent: {rate: 1}}]\n"])
@pytest.mark.parametrize("after", [1, 4, 8])
def test_stopped_run_goes_on_where_it_ended(backtest: Run, var: Path, tmp_path: Path, text: str, after: int) -> None:
    draft, extracts, folder = prepared(var, text, tmp_path)
    assert len(extracts) == 9
    runs = Runs(var / "backtests", draft)
    stopped = Replays(draft, extracts, folder, runs, 1)
    done: list[Replayed] = []
    for one in stopped.run():
        done.append(one)
        if len(done) == after:
            stopped.stop()
    assert after <= len(done) < 9
    again = list(Replays(draft, extracts, folder, runs, 1).run())
    assert [one.new for one in again].count(False) == len(done)
    whole = list(Replays(draft, extracts, folder, Runs(var / "others", draft), 2).run())
    in_order = {one.extract.file: one.sums["total"] for one in whole}
    assert {one.extract.file: one.sums["total"] for one in again} == in_order
    status, report = backtest(text)
    assert (status, report["receipts"], report["processor_seconds"] > 0) == (0, SALES, True)


@pytest.mark.usefixtures("small_files")
def test_lost_counters_make_the_run_begin_where_they_are_there(backtest: Run, var: Path) -> None:
    first = backtest(LARGER)[1]
    [folder] = (var / "backtests").iterdir()
    assert len(list(folder.glob("*.counters"))) == 2
    newest = max(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    newest.unlink()
    for kept in folder.glob("*.counters"):
        kept.unlink()
    second = backtest(LARGER)[1]
    for report in (first, second):
        del report["seconds"], report["processor_seconds"]
    assert second == first


@pytest.mark.usefixtures("small_files")
def test_stop_signal_leaves_a_report_of_what_is_done(backtest: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def stopping(what: str) -> Iterator[OnProgress]:
        def tell(done: int, whole: int) -> None:
            if what == "replaying" and done > 8:
                raise StopAsked

        yield tell

    with monkeypatch.context() as changed:
        changed.setattr(command, "progress", stopping)
        status, report = backtest(LARGER)
    assert (status, report["complete"], report["receipts"]) == (1, False, 8)
    assert change(report["total"]) == LARGER_CHANGE_MINOR
    status, report = backtest(LARGER)
    assert (status, report["complete"], report["receipts"]) == (0, True, SALES)


@pytest.mark.usefixtures("small_files")
def test_processes_side_by_side_find_what_one_finds(backtest: Run, var: Path, tmp_path: Path) -> None:
    text = "promotion: a\nstage: item\nreward: [{percent: {rate: 7}}]\n"
    one = backtest(text)[1]
    draft, extracts, folder = prepared(var, text, tmp_path)
    told: list[int] = []
    replays = Replays(draft, extracts, folder, Runs(var / "others", draft), 2)
    both = report_of(list(replays.run(lambda done, whole: told.append(done))), extracts, complete=True)
    assert told[-1] <= SALES
    for key in ("total", "days", "stores", "categories", "segments", "promotions", "top"):
        assert both[key] == one[key]


def test_stop_in_a_file_keeps_nothing_of_it(var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draft, extracts, folder = prepared(var, RULES, tmp_path)
    monkeypatch.setattr(work, "SLICE_RECEIPTS", 2)
    counted: list[int] = []

    def tell(count: int) -> bool:
        counted.append(count)
        return True

    worker = Worker(draft, tell)
    assert worker.replay(folder / extracts[0].file, extracts[0]) is None
    assert counted == [2]


# ARCHIVED DAYS


def test_days_that_left_for_files_are_read_from_them(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch, backtest: Run, var: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(journal_module, "PARTITION_ROWS", 10)
    monkeypatch.setenv("ALTYN_POSTGRES_DSN", database_dsn)

    async def make() -> bytes:
        await lay(database_dsn, DOCUMENT)
        await shrink_partitions(database_dsn)
        await write(database_dsn, PAST.records)
        reader = JournalReader(database_dsn, 0)
        tail = await reader.tail()
        await reader.close()
        return tail.hash

    last_hash = asyncio.run(make())
    head = SnapshotHead(len(PAST.records), 1, PAST.engine.last_instant_us, 1, last_hash)
    Snapshots(var / "snapshots").write(PAST.engine.book, PAST.engine.operations, head)
    with pytest.raises(SystemExit):
        app(["journal", "archive", "--older-than-days", "0", "--json"])
    states = [row["state"] for row in orjson.loads(capsys.readouterr().out.splitlines()[-1])["partitions"]]
    assert states.count("archived") == 3
    status, report = backtest(LARGER)
    assert (status, report["receipts"], change(report["total"])) == (0, SALES, LARGER_CHANGE_MINOR)
    for file in (var / "archive").glob("journal_000001.*"):
        file.unlink()
    shutil.rmtree(var / "extracts")
    # What was in the file before it is not reached any more.
    status, report = backtest(RULES)
    assert (status, report["first_day"], report["changed"]) == (0, "2026-11-19", 0)


# WRITTEN REPORTS


def test_workbook_and_csv_hold_the_tables(backtest: Run, tmp_path: Path) -> None:
    assert backtest(LARGER, "--out", str(tmp_path / "report.xlsx"))[0] == 0
    with zipfile.ZipFile(tmp_path / "report.xlsx") as book:
        sheets = book.read("xl/workbook.xml").decode()
        charts = [name for name in book.namelist() if name.startswith("xl/charts/")]
        days = book.read("xl/worksheets/sheet2.xml").decode()
    for title in ("Summary", "By day", "By store", "By category", "By segment", "Top receipts", "Limits and budgets"):
        assert f'name="{title}"' in sheets
    assert len(charts) == 4
    assert "<v>11.68</v>" in days
    backtest(LARGER, "--out", str(tmp_path / "report.csv"))
    rows = list(csv.reader((tmp_path / "report.csv").read_text("utf-8-sig").splitlines()))
    at = rows.index(["By day"])
    day = dict(zip(rows[at + 1], rows[at + 2], strict=True))
    assert (day["day"], day["receipts"], day["discount_change"]) == ("2026-11-18", "9", "11.68")
    assert any("assumed" in row[0] for row in rows if row)
    backtest(LARGER, "--out", str(tmp_path / "report.json"))
    assert orjson.loads((tmp_path / "report.json").read_bytes())["receipts"] == SALES


def test_other_endings_of_a_report_are_refused(backtest: Run, tmp_path: Path) -> None:
    assert backtest(RULES, "--out", str(tmp_path / "report.doc"))[0] == 1
    assert not (tmp_path / "report.doc").exists()


def test_text_of_a_csv_is_never_a_formula(tmp_path: Path) -> None:
    from altyn.admin_api.backtests.workbook import _safe

    assert _safe(["=1+1", "plain", 3]) == ["'=1+1", "plain", 3]


def test_table_for_people_tells_changes_and_assumptions(
    var: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / "draft.yaml").write_text(LARGER)
    with pytest.raises(SystemExit) as ended:
        app(["backtest", "--rules", str(tmp_path / "draft.yaml")])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    for text in ("+11.68", "bakery", "2026-11-18 – 2026-11-20", "amount per promotion, always", "returns and 1 voids"):
        assert text in told
    assert "3 receipts with a coupon code" in told
