"""A journal as it should be has no violation; each planted one is found by the invariant it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from altyn.cli.main import app
from altyn.cli.verify.balances import Balances, Door
from altyn.cli.verify.checker import verify_async
from altyn.cli.verify.rebuilt import Rebuilt
from altyn.cli.verify.report import Report
from altyn.core.engine import Engine, Record, commit_receipt, get_balance, replay, reserve_receipt
from altyn.core.ledger.snapshot import SnapshotHead, write_snapshot
from altyn.infra.database import connect
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database, embedded_services
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings, load_secrets
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.register.history import Attempt, JsonLines, request_hash
from altyn.server.ops import OPS_SERVICE, ops_authenticate
from altyn.server.transport.door import Service, choose, new_door
from tests.cli.journalled import MINUTE_US, Attempted, busy_world, execute, lay, published_engine, write
from tests.cli.verified import altered
from tests.core.engine.world import NOW_US, World, basket, commit, reserve

NAMES = [
    "I1_acked_once", "I2_unanswered_whole", "I3_stable_answers", "I4_gap_free", "I5_double_entry", "I6_balance",
    "I7_money", "I7_points", "I8_no_overdraft", "I9_lots", "I10_coupons", "I11_limits", "I12_receipt_arithmetic",
    "I13_decided_again", "I14_taken_back", "I15_holds_end", "I17_model", "I19_rebuild", "I19_purchases",
    "I19_tiers", "I21_exceptions",
]  # fmt: skip


BUSY = busy_world()


def broken(report: Report) -> set[str]:
    """Numbers of the invariants that do not hold."""
    return {name.partition("_")[0] for name, tally in report.per_invariant.items() if tally.violations}


def history(path: Path, attempts: list[Attempted], *unknown: bytes) -> Path:
    with JsonLines(path) as write_line:
        for made in attempts:
            write_line(Attempt(made.op_id, made.call, request_hash(made.request), 1, made.reply, 2))
        for op_id in unknown:
            write_line(Attempt(op_id, "CommitReceipt", bytes(32), 1, None, 2, "UNAVAILABLE"))
    return path


def in_reply(change: Callable[[Any], object]) -> Callable[[journal.Record], None]:
    def apply(record: journal.Record) -> None:
        reply = pos.CommitReceiptResponse.FromString(record.reply)
        change(reply)
        record.reply = reply.SerializeToString()

    return apply


def by_image_alone(sha256: bytes) -> Callable[[journal.Record], None]:
    """As records were before their evidence named the document."""

    def apply(record: journal.Record) -> None:
        record.evidence.ClearField("document_sha256")
        record.evidence.rules_sha256 = sha256

    return apply


def replayed(records: list[Record]) -> Engine:
    engine = published_engine()
    for record in records:
        replay(engine, record.seq, record.body)
    return engine


async def rows(dsn: str, query: str, *args: object) -> list[Any]:
    connection = await connect(dsn, name="test")
    try:
        return list(await connection.fetch(query, *args))
    finally:
        await connection.close()


TABLES = [
    "journal_000000",
    "operations",
    "shard_owner",
    "projector_checkpoint",
    "ledger_entries",
    "receipts",
    "receipt_lines",
    "receipt_discounts",
    "receipt_returns",
    "coupon_changes",
    "exception_resolutions",
    "exceptions",
]


@pytest.fixture(scope="module")
def module_dsn(embedded_postgres: EmbeddedPostgres, postgres_dsn: str) -> str:
    """One database for all tests, with the busy world's tables put aside."""
    asyncio.run(create_database(postgres_dsn, "verify"))
    dsn = embedded_postgres.dsn("verify")
    asyncio.run(lay(dsn))
    asyncio.run(write(dsn, BUSY[0].records))
    keep_tables = "; ".join(f"CREATE TABLE kept.{name} AS TABLE {name}" for name in TABLES)
    asyncio.run(execute(dsn, f"CREATE SCHEMA kept; {keep_tables}"))
    return dsn


@pytest.fixture
async def dsn(module_dsn: str) -> str:
    """The busy world's records, written and projected."""
    put_back = "; ".join(f"INSERT INTO {name} TABLE kept.{name}" for name in TABLES)
    await execute(module_dsn, f"SET session_replication_role = replica; TRUNCATE {', '.join(TABLES)}; {put_back}")
    return module_dsn


@pytest.fixture
async def empty_dsn(module_dsn: str) -> str:
    """Rules, and nothing journalled yet."""
    await execute(module_dsn, f"TRUNCATE {', '.join(TABLES)}; INSERT INTO projector_checkpoint VALUES ('receipts', 0)")
    return module_dsn


# AS IT SHOULD BE


async def test_journal_as_served_has_no_violation(dsn: str, tmp_path: Path) -> None:
    records, attempts = BUSY[0].records, BUSY[1][:-1]
    lost = BUSY[1][-1]
    report = await verify_async(
        dsn, histories=[history(tmp_path / "h", [*attempts, attempts[0]], lost.op_id, bytes(16))]
    )
    assert broken(report) == set(), report.as_json()
    assert report.remarks == []
    assert report.seq == len(records) == 35
    assert list(report.per_invariant) == NAMES
    # This journal has none of these: test_verify_tenders.py, test_verify_lots.py, test_taken_back.py,
    # test_verify_purchases.py, test_verify_tiers.py.
    unproven = [name for name, tally in report.per_invariant.items() if not tally.checks]
    assert unproven == ["I7_money", "I11_limits", "I14_taken_back", "I19_purchases", "I19_tiers"]
    assert report.per_invariant["I13_decided_again"].checks == 25 + 2  # one release, one hash
    assert report.per_invariant["I3_stable_answers"].checks == len(attempts)


async def test_empty_journal_has_no_violation(empty_dsn: str) -> None:
    report = await verify_async(empty_dsn)
    assert (report.violations, report.seq) == (0, 0)


async def test_database_without_a_journal_is_told_in_one_line(database_dsn: str) -> None:
    with pytest.raises(Trouble, match="altyn migrate"):
        await verify_async(database_dsn)


async def test_journal_ahead_of_the_projector_is_compared_as_far_as_it_is_projected(dsn: str) -> None:
    later = World(replayed(BUSY[0].records))
    later.effect(commit_receipt, commit(basket(900), 900), NOW_US + 200 * MINUTE_US)
    await write(dsn, later.records, project=False)
    report = await verify_async(dsn)
    assert (report.violations, report.seq) == (0, 36)
    assert report.per_invariant["I6_balance"].checks > 0


async def test_repeat_under_another_op_id_is_acked_by_the_first_ones_row(dsn: str, tmp_path: Path) -> None:
    first = BUSY[1][0]
    again = Attempted(first.call, b"other-op-id-----", first.request, first.reply)
    report = await verify_async(dsn, histories=[history(tmp_path / "h", [again])])
    assert broken(report) == set()
    assert "first op_id" in report.remarks[0]


# PLANTED IN THE TABLES


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE journal SET body = set_byte(body, 400, get_byte(body, 400) # 1) WHERE seq = 8", "I4"),
        ("UPDATE journal SET hash = sha256('') WHERE seq = 8", "I4"),
        ("UPDATE journal SET epoch = 9 WHERE seq = 8", "I4"),
        ("UPDATE journal SET op_id = gen_random_uuid() WHERE seq = 8", "I4"),
        ("UPDATE journal SET natural_key = NULL WHERE seq = 8", "I4"),
        ("DELETE FROM journal WHERE seq = 8", "I4"),
        ("DELETE FROM journal WHERE seq = 35", "I4"),
        ("DELETE FROM operations WHERE seq = 8", "I1"),
        ("UPDATE operations SET seq = 1000 WHERE seq = 8", "I1"),
        ("UPDATE ledger_entries SET points = points + 1 WHERE seq = 1 AND posting_no = 0", "I6"),
        ("UPDATE ledger_entries SET account_id = 71 WHERE seq = 1 AND posting_no = 0", "I6"),
        ("DELETE FROM ledger_entries WHERE seq = 1", "I6"),
        ("UPDATE ledger_entries SET account_id = -2 WHERE seq = 1 AND posting_no = 1", "I6"),
        ("DELETE FROM exceptions WHERE seq = 7", "I21"),
        ("UPDATE exceptions SET reason = reason + 1 WHERE seq = 7", "I21"),
        ("UPDATE exceptions SET seq = 8 WHERE seq = 7", "I21"),
        ("INSERT INTO exception_resolutions VALUES (8, 0, 'gone', 'x', now())", "I21"),
    ],
)
async def test_changed_row_is_found(dsn: str, change: str, found: str) -> None:
    await execute(dsn, change)
    report = await verify_async(dsn)
    assert found in broken(report), report.as_json()


async def test_deleted_row_breaks_the_rebuild_and_is_told_where(dsn: str) -> None:
    await execute(dsn, "DELETE FROM journal WHERE seq = 8")
    report = await verify_async(dsn)
    assert broken(report) == {"I1", "I4", "I19"}
    assert report.per_invariant["I4_gap_free"].examples == ["seq 9: stands after seq 7"]
    assert report.per_invariant["I19_rebuild"].examples[0].startswith("seq 9 cannot be applied")


async def test_changed_entries_row_is_found_by_the_balance_alone(dsn: str) -> None:
    await execute(dsn, "UPDATE ledger_entries SET points = points + 1 WHERE seq = 1 AND posting_no = 0")
    report = await verify_async(dsn)
    assert broken(report) == {"I6"}
    assert report.per_invariant["I6_balance"].examples[0].startswith("account 70, asset 1: the book holds")


# PLANTED IN THE RECORDS


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda record: setattr(record.evidence.store, "region", "spb"), {"I13"}),
        (lambda record: setattr(record.evidence, "rules_version", 7), {"I13"}),
        (lambda record: setattr(record.evidence, "document_sha256", bytes(32)), {"I13"}),
        (by_image_alone(bytes(32)), {"I13"}),
        (in_reply(lambda reply: setattr(reply.outcome.totals, "to_pay_minor", 1)), {"I12", "I13"}),
        (in_reply(lambda reply: setattr(reply.outcome.lines[0], "discount_minor", -1)), {"I12", "I13"}),
        (in_reply(lambda reply: setattr(reply.outcome.totals.accrual[0], "points", 9)), {"I12", "I13"}),
        (lambda record: setattr(record.effects.entries[0].postings[0], "points", 9), {"I5", "I7", "I19"}),
        (lambda record: setattr(record.effects.lots[0], "points", 9), {"I5", "I9", "I12", "I19"}),
        (lambda record: setattr(record, "instant_us", 1), {"I4"}),
    ],
)
async def test_wrong_record_under_a_sound_chain_is_found(
    empty_dsn: str,
    change: Callable[[journal.Record], object],
    found: set[str],
) -> None:
    await write(empty_dsn, altered(BUSY[0].records, 8, change))
    report = await verify_async(empty_dsn)
    assert broken(report) == found, report.as_json()


async def test_overdue_hold_is_found_unless_the_server_has_just_come_back(empty_dsn: str) -> None:
    world = World(published_engine())
    world.effect(reserve_receipt, reserve(basket(1), 1))
    world.effect(commit_receipt, commit(basket(2), 2), NOW_US + 16 * MINUTE_US)
    await write(empty_dsn, world.records)
    back = await verify_async(empty_dsn)
    assert broken(back) == set()
    assert "was due 60 s ago; the server has only just come back" in back.remarks[0]
    await execute(empty_dsn, "UPDATE shard_owner SET since = 'epoch'")
    assert broken(await verify_async(empty_dsn)) == {"I15"}


async def test_image_of_another_compiler_is_counted_and_no_violation(empty_dsn: str) -> None:
    await write(
        empty_dsn, altered(BUSY[0].records, 8, lambda record: setattr(record.evidence, "rules_sha256", bytes(32)))
    )
    report = await verify_async(empty_dsn)
    assert broken(report) == set()
    assert [remark for remark in report.remarks if remark.startswith("1 receipts were decided by images")]


async def test_record_older_than_the_documents_hash_is_proven_by_its_image(empty_dsn: str) -> None:
    image = journal.Record.FromString(BUSY[0].records[7].body).evidence.rules_sha256
    await write(empty_dsn, altered(BUSY[0].records, 8, by_image_alone(image)))
    report = await verify_async(empty_dsn)
    assert broken(report) == set()
    assert [remark for remark in report.remarks if "another compiler" in remark] == []


# PLANTED IN HISTORIES


async def test_answered_operation_that_is_not_in_the_journal_is_found(dsn: str, tmp_path: Path) -> None:
    lost = BUSY[1][0]
    reply = pos.CommitReceiptResponse.FromString(lost.reply)
    reply.server_time_us += 1
    made = Attempted(lost.call, b"lost-op-id------", lost.request, reply.SerializeToString())
    report = await verify_async(dsn, histories=[history(tmp_path / "h", [*BUSY[1], made])])
    assert broken(report) == {"I1"}
    assert b"lost-op-id------".hex() in report.per_invariant["I1_acked_once"].examples[0]


async def test_answer_that_is_not_the_stored_reply_is_found(dsn: str, tmp_path: Path) -> None:
    made = BUSY[1][1]
    reply = pos.ReserveReceiptResponse.FromString(made.reply)
    reply.server_time_us += 1
    other = Attempted(made.call, made.op_id, made.request, reply.SerializeToString())
    report = await verify_async(dsn, histories=[history(tmp_path / "h", [*BUSY[1], other])])
    assert broken(report) == {"I3"}


async def test_unanswered_operation_whose_entries_are_missing_is_found(dsn: str, tmp_path: Path) -> None:
    await execute(dsn, "DELETE FROM ledger_entries WHERE seq = 8")
    report = await verify_async(dsn, histories=[history(tmp_path / "h", [], BUSY[0].records[7].op_id)])
    assert broken(report) == {"I2", "I6"}


def told_in_an_upload(op_id: bytes, seq: int, status: int = 1) -> Attempted:
    result = pos.UploadResult(op_id=op_id, seq=seq)
    result.status = status  # type: ignore[assignment]
    return Attempted("UploadReceipts", op_id, b"", result.SerializeToString())


async def test_facts_told_in_an_upload_are_looked_for_at_the_seq_it_named(dsn: str, tmp_path: Path) -> None:
    [first, *_] = BUSY[1]
    declined = told_in_an_upload(b"declined--------", 0, 2)
    good = [told_in_an_upload(first.op_id, 1), declined]
    report = await verify_async(dsn, histories=[history(tmp_path / "good", good)])
    assert (broken(report), report.per_invariant["I1_acked_once"].violations) == (set(), 0)
    elsewhere = history(tmp_path / "elsewhere", [told_in_an_upload(first.op_id, 2)])
    assert broken(await verify_async(dsn, histories=[elsewhere])) == {"I3"}
    lost = history(tmp_path / "lost", [told_in_an_upload(b"lost-op-id------", 10_000)])
    assert broken(await verify_async(dsn, histories=[lost])) == {"I1"}
    # Answered with what an earlier operation on the same receipt had been: its seq is that one's.
    repeated = history(tmp_path / "repeated", [told_in_an_upload(b"second-op-id----", 1)])
    report = await verify_async(dsn, histories=[repeated])
    assert (broken(report), len(report.remarks)) == (set(), 1)


async def test_file_that_is_no_history_is_told_with_its_line(dsn: str, tmp_path: Path) -> None:
    (tmp_path / "h").write_text('{"op_id": "zz"}\n')
    with pytest.raises(Trouble, match="h:1: not a line"):
        await verify_async(dsn, histories=[tmp_path / "h"])


# SNAPSHOTS


async def keep(dsn: str, folder: Path, records: list[Record], seq: int, *, taken_at: int = 0) -> Path:
    """A snapshot named after `seq`, of the state after `taken_at` records."""
    row = (await rows(dsn, "SELECT hash, epoch FROM journal WHERE seq = $1", seq))[0]
    engine = replayed(records[: taken_at or seq])
    head = SnapshotHead(seq, row["epoch"], engine.last_instant_us, 1, row["hash"])
    path = folder / f"{seq:019d}.snapshot"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(write_snapshot(engine.book, engine.operations, head)))
    return path


async def test_snapshots_of_this_journal_hold_its_state(dsn: str, tmp_path: Path) -> None:
    for seq in (5, 20, 30):
        await keep(dsn, tmp_path / "s", BUSY[0].records, seq)
    report = await verify_async(dsn, snapshots=tmp_path / "s")
    assert broken(report) == set(), report.as_json()
    assert report.per_invariant["I19_rebuild"].checks == 1 + 3 + 1


async def test_snapshot_of_another_state_is_found(dsn: str, tmp_path: Path) -> None:
    await keep(dsn, tmp_path / "s", BUSY[0].records, 20, taken_at=21)
    assert broken(await verify_async(dsn, snapshots=tmp_path / "s")) == {"I19"}


async def test_damaged_snapshot_is_found(dsn: str, tmp_path: Path) -> None:
    path = await keep(dsn, tmp_path / "s", BUSY[0].records, 20)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert broken(await verify_async(dsn, snapshots=tmp_path / "s")) == {"I19"}


# THE SERVER'S OWN BALANCES


async def test_servers_balances_are_compared_at_the_seq_they_name(dsn: str) -> None:
    engine, other = replayed(BUSY[0].records), replayed(BUSY[0].records)
    late_us = NOW_US + 300 * MINUTE_US

    def answer(request: bytes, scope: object) -> bytes:
        reply: bytes = get_balance(engine, request, NOW_US).reply
        return reply

    balance = Service(OPS_SERVICE, {"GetBalance": answer}, ops_authenticate("k" * 32))
    door = new_door(choose("auto"), [balance], "127.0.0.1:0")
    await door.start()
    try:
        server = Door(f"127.0.0.1:{door.port}", "k" * 32)
        clean, without = await verify_async(dsn, server=server), await verify_async(dsn)
        assert broken(clean) == set(), clean.as_json()
        assert clean.per_invariant["I6_balance"].checks == without.per_invariant["I6_balance"].checks + 1
        # The server tells of a record that is not durable.
        later = World(engine)
        later.effect(commit_receipt, commit(basket(950), 950), late_us)
        assert broken(await verify_async(dsn, server=server)) == {"I6"}
        await write(dsn, later.records)
        assert broken(await verify_async(dsn, server=server)) == set()
        # The journal goes on otherwise than the server's memory.
        later.effect(commit_receipt, commit(basket(951), 951), late_us)
        replay(other, 36, later.records[0].body)
        elsewhere = World(other)
        elsewhere.effect(commit_receipt, commit(basket(951, card=""), 951), late_us)
        await write(dsn, elsewhere.records)
        assert broken(await verify_async(dsn, server=server)) == {"I6"}
    finally:
        await door.stop(0)


async def test_answers_are_compared_with_what_the_journal_has_got_meanwhile(dsn: str) -> None:
    rebuilt = Rebuilt(None)
    for record in BUSY[0].records[:30]:
        rebuilt.apply(record.seq, record.body, "demo")
    rebuilt.last_hash = (await rows(dsn, "SELECT hash FROM journal WHERE seq = 30"))[0]["hash"]
    rebuilt.accounts = {70}
    engine = replayed(BUSY[0].records[:33])

    def answer(request: bytes, scope: object) -> bytes:
        reply: bytes = get_balance(engine, request, NOW_US).reply
        return reply

    balance = Service(OPS_SERVICE, {"GetBalance": answer}, ops_authenticate("k" * 32))
    door = new_door(choose("auto"), [balance], "127.0.0.1:0")
    await door.start()
    balances = Balances(rebuilt)
    try:
        await balances.ask_server(Door(f"127.0.0.1:{door.port}", "k" * 32), dsn, 0)
    finally:
        await door.stop(0)
    assert (balances.tally.checks, balances.tally.violations) == (1, 0)
    assert rebuilt.engine is not None
    assert rebuilt.engine.last_seq == 33


async def test_server_that_does_not_answer_is_a_remark(dsn: str) -> None:
    report = await verify_async(dsn, server=Door("unix:/nonexistent", "k"))
    assert broken(report) == set()
    assert "was not asked: UNAVAILABLE" in report.remarks[0]


# THE COMMAND


async def test_command_prints_json_and_its_status_says_whether_all_holds(
    dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALTYN_POSTGRES_DSN", dsn)

    def called(*words: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as ended:
            app(["verify", "--var", str(tmp_path), *words])
        return ended.value.code, capsys.readouterr().out

    status, out = await asyncio.to_thread(called, "--json")
    told = orjson.loads(out.splitlines()[-1])
    assert (status, told["violations"], told["seq"]) == (0, 0, 35)
    assert list(told["per_invariant"]) == NAMES
    await execute(dsn, "UPDATE ledger_entries SET points = 0 WHERE seq = 1")
    status, out = await asyncio.to_thread(called)
    assert status == 1
    assert "2 violations" in out
    assert "I6_balance" in out


def test_command_of_a_folder_without_a_cluster_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load_secrets(Settings(var=tmp_path))
    with pytest.raises(SystemExit) as ended:
        app(["verify", "--var", str(tmp_path)])
    assert ended.value.code == 1
    assert "there is no cluster" in capsys.readouterr().err
    assert not (tmp_path / "postgres").exists()


def test_command_of_a_stopped_cluster_looks_and_leaves_it_stopped(
    stores_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    var = stores_folder / "verified"
    with embedded_services(Settings(var=var), valkey=False) as endpoints:
        asyncio.run(lay(endpoints.postgres_dsn))
        asyncio.run(write(endpoints.postgres_dsn, BUSY[0].records))
    with pytest.raises(SystemExit) as ended:
        app(["verify", "--var", str(var)])
    assert ended.value.code == 0
    assert "every invariant holds" in capsys.readouterr().out
    assert not (var / "postgres" / "data" / "postmaster.pid").exists()
