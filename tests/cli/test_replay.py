"""`altyn replay`: a stored receipt decided again, from the command line."""

from __future__ import annotations

import asyncio
from uuid import UUID

import orjson
import pytest

from altyn.cli.main import app
from altyn.core.engine import Record
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.journal.v1 import record_pb2 as journal
from tests.cli.backtest.test_backtest import DOCUMENT, PAST
from tests.cli.journalled import lay, write

COMMIT = 2
WITH_A_CODE = next(r for r in PAST.records if r.kind == COMMIT and b"spring" in journal.Record.FromString(r.body).reply)


def altered(record: Record) -> Record:
    """The same under a sound chain, with another region in the evidence: the bakery was never there."""
    body = journal.Record.FromString(record.body)
    body.evidence.store.region = "spb"
    keys = record.natural_key, record.receipt_key, record.instant_us
    return Record(record.seq, record.op_id, record.kind, *keys, body.SerializeToString())


@pytest.fixture(scope="module")
def dsn(embedded_postgres: EmbeddedPostgres, postgres_dsn: str) -> str:
    asyncio.run(create_database(postgres_dsn, "replay"))
    address = embedded_postgres.dsn("replay")
    asyncio.run(lay(address, DOCUMENT))
    asyncio.run(write(address, [altered(r) if r.seq == 3 else r for r in PAST.records], project=False))
    return address


@pytest.fixture
def replay(dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("ALTYN_POSTGRES_DSN", dsn)
    monkeypatch.setenv("ALTYN_VAR", str(tmp_path))

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            app(["replay", *words])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_every_sale_is_replayed_equal_by_its_seq(replay) -> None:  # type: ignore[no-untyped-def]
    for record in PAST.records:
        if record.kind != COMMIT or record.seq == 3:
            continue
        status, out, _ = replay("--seq", str(record.seq), "--json")
        told = orjson.loads(out)
        assert (status, told["replayed"], told["why"]) == (0, "equal", "")
        assert told["outcome"]["explain"]["rules"]


def test_receipt_is_found_by_its_operation_and_told_in_a_table(replay) -> None:  # type: ignore[no-untyped-def]
    status, out, err = replay("--op-id", str(UUID(bytes=WITH_A_CODE.op_id)))
    assert status == 0
    assert "replayed equal" in err
    for text in ("spring", "bakery", "milk", "the budget is spent"):
        assert text in out
    assert "AAA" not in out


def test_receipt_that_differs_is_told_with_status_one(replay) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = replay("--seq", "3", "--json")
    told = orjson.loads(out)
    assert (status, told["replayed"]) == (1, "different")
    assert "other amounts" in told["why"]
    # What is shown is what was answered.
    assert told["outcome"]["totals"]["discount_minor"] == 500


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--seq", "1"), "no sale that was priced"),
        (("--seq", "900"), "no seq 900"),
        (("--op-id", str(UUID(int=0))), "no operation"),
    ],
)
def test_what_is_no_receipt_is_told_in_one_line(replay, words: tuple[str, ...], says: str) -> None:  # type: ignore[no-untyped-def]
    status, _, err = replay(*words)
    assert status == 1
    assert says in err
