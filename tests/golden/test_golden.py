"""What released versions have written: replayed, loaded, decided and answered again by today's code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from altyn.core.engine import (
    Engine,
    Record,
    adjust_points,
    cancel_receipt,
    commit_receipt,
    convert_points,
    decide_exception,
    merge_accounts,
    replay,
    reserve_receipt,
    return_receipt,
    same_decision,
    set_tier,
)
from altyn.core.facts import AssetFact, Facts
from altyn.core.ledger.chain import ORIGIN, chain_hash
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.snapshot import load_snapshot
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.zones import ensure_zone
from altyn.journal.v1 import record_pb2 as journal
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.world import PEPPER, TOKEN_KEY, World

HERE = Path(__file__).parent
# By kind: the call that made it, and what it answered with.
CALLS: dict[int, tuple[Callable[..., Any], Any]] = {
    pos.OPERATION_KIND_RESERVE: (reserve_receipt, pos.ReserveReceiptResponse),
    pos.OPERATION_KIND_COMMIT: (commit_receipt, pos.CommitReceiptResponse),
    pos.OPERATION_KIND_CANCEL: (cancel_receipt, pos.CancelReceiptResponse),
    pos.OPERATION_KIND_ADJUST: (adjust_points, ops.AdjustPointsResponse),
    pos.OPERATION_KIND_RETURN: (return_receipt, pos.ReturnReceiptResponse),
    pos.OPERATION_KIND_TRANSFER: (merge_accounts, ops.MergeAccountsResponse),
    pos.OPERATION_KIND_CONVERT: (convert_points, ops.ConvertPointsResponse),
    pos.OPERATION_KIND_DECIDE: (decide_exception, ops.DecideExceptionResponse),
    pos.OPERATION_KIND_SET_TIER: (set_tier, ops.SetTierResponse),
}
# By the end of a folder's name: kinds it was the first to have. The first version had none of these.
FIRST: dict[str, set[int]] = {
    "": set(),
    "gift-cards": {pos.OPERATION_KIND_RETURN},
    "decisions": {pos.OPERATION_KIND_RETURN, pos.OPERATION_KIND_DECIDE},
    "tiers": {pos.OPERATION_KIND_RETURN},
    "fraud": {pos.OPERATION_KIND_RETURN, pos.OPERATION_KIND_SET_TIER},
    "value": {
        pos.OPERATION_KIND_RETURN,
        pos.OPERATION_KIND_TRANSFER,
        pos.OPERATION_KIND_CONVERT,
        pos.OPERATION_KIND_ACCUMULATE,
    },
}


class Golden:
    """One version's files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state: dict[str, Any] = json.loads((folder / "state.json").read_text())
        restated = folder / "restated.json"
        if restated.exists():
            self.state |= json.loads(restated.read_text())
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in (folder / "journal.jsonl").open()]

    @cached_property
    def document(self) -> bytes:
        return (self.folder / "rules.json").read_bytes()

    @cached_property
    def document_sha256(self) -> bytes:
        return hashlib.sha256(self.document).digest()

    @cached_property
    def image(self) -> bytes:
        rules = read_documents(load_documents(self.document.decode()))
        return compile_ruleset(rules.promotions, rules.assets, rules.limits, version=1)

    @cached_property
    def bodies(self) -> list[bytes]:
        return [bytes.fromhex(row["body"]) for row in self.rows]

    def engine(self) -> Engine:
        """One that knows the rules, but no fact of that day."""
        facts = Facts()
        ensure_zone(facts.zones, "Europe/Moscow")
        engine = Engine(tenant="demo", facts=facts, zone="Europe/Moscow", token_key=TOKEN_KEY, pepper=PEPPER)
        for row in self.rows:
            for asset in journal.Record.FromString(bytes.fromhex(row["body"])).evidence.assets:
                facts.assets[asset.asset] = AssetFact(asset.asset, asset.asset_no, asset.scale, 1, "{}")
        engine.take_ruleset(Ruleset(self.image), self.document_sha256, 0)
        return engine


@pytest.fixture(params=sorted(path.name for path in HERE.glob("v*")))
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(HERE / request.param)


def test_golden_files_are_of_every_kind_of_operation(golden: Golden) -> None:
    later = set[int]().union(*FIRST.values()) - FIRST[golden.folder.name.partition("-")[2]]
    wanted = {*CALLS, pos.OPERATION_KIND_HOLD_EXPIRY, pos.OPERATION_KIND_ACCUMULATE} - later
    assert {row["kind"] for row in golden.rows} >= wanted
    assert len(golden.rows) == golden.state["last_seq"] >= 30


def test_golden_journal_keeps_its_chain(golden: Golden) -> None:
    hash_ = ORIGIN
    for seq, (row, body) in enumerate(zip(golden.rows, golden.bodies, strict=True), 1):
        hash_ = chain_hash(hash_, seq, row["epoch"], body)
        assert (row["seq"], row["hash"]) == (seq, hash_.hex())


def test_golden_journal_is_replayed_to_the_stored_state(golden: Golden) -> None:
    engine = golden.engine()
    for seq, body in enumerate(golden.bodies, 1):
        replay(engine, seq, body)
        if seq == golden.state["snapshot_seq"]:
            assert state_digest(engine.book).hex() == golden.state["snapshot_digest"]
    assert state_digest(engine.book).hex() == golden.state["state_digest"]


def test_golden_snapshot_and_the_records_after_it_give_the_stored_state(golden: Golden) -> None:
    head, book, operations = load_snapshot((golden.folder / "snapshot.bin").read_bytes())
    assert (head.seq, head.chain_hash.hex()) == (golden.state["snapshot_seq"], golden.rows[head.seq - 1]["hash"])
    assert state_digest(book).hex() == golden.state["snapshot_digest"]
    engine = golden.engine()
    engine.restore(book, operations, head.seq, head.instant_us)
    for seq in range(head.seq + 1, golden.state["last_seq"] + 1):
        replay(engine, seq, golden.bodies[seq - 1])
    assert state_digest(engine.book).hex() == golden.state["state_digest"]


def test_golden_decisions_are_made_again(golden: Golden) -> None:
    ruleset = Ruleset(golden.image)
    decided = [
        body
        for row, body in zip(golden.rows, golden.bodies, strict=True)
        if row["kind"] in (pos.OPERATION_KIND_RESERVE, pos.OPERATION_KIND_COMMIT)
    ]
    assert len(decided) >= 24
    assert [body for body in decided if not same_decision(body, ruleset)] == []
    named = {journal.Record.FromString(body).evidence.document_sha256 for body in decided}
    assert named == {golden.document_sha256}


def test_golden_replies_are_read_and_written_as_they_were(golden: Golden) -> None:
    for row, body in zip(golden.rows, golden.bodies, strict=True):
        record = journal.Record.FromString(body)
        if row["kind"] in CALLS:
            reply = CALLS[row["kind"]][1].FromString(record.reply)
            assert reply.seq == row["seq"]
            assert len(reply.SerializeToString()) == len(record.reply)
        else:
            assert record.reply == b""


@pytest.mark.parametrize("from_snapshot", [False, True])
def test_golden_requests_sent_again_get_the_stored_replies(golden: Golden, from_snapshot: bool) -> None:
    engine = golden.engine()
    if from_snapshot:
        head, book, operations = load_snapshot((golden.folder / "snapshot.bin").read_bytes())
        engine.restore(book, operations, head.seq, head.instant_us)
    for seq in range(engine.last_seq + 1, golden.state["last_seq"] + 1):
        replay(engine, seq, golden.bodies[seq - 1])
    world = World(engine)
    for row, body in zip(golden.rows, golden.bodies, strict=True):
        keys = (bytes.fromhex(row[name]) for name in ("natural_key", "receipt_key"))
        world.records.append(
            Record(row["seq"], bytes.fromhex(row["op_id"]), row["kind"], *keys, row["instant_us"], body)
        )
    before = state_digest(engine.book)
    for row, body in zip(golden.rows, golden.bodies, strict=True):
        if row["request"]:
            reply = world.effect(CALLS[row["kind"]][0], bytes.fromhex(row["request"]), engine.last_instant_us)
            assert reply == journal.Record.FromString(body).reply, row["seq"]
    assert len(world.records) == len(golden.rows)
    assert state_digest(engine.book) == before
