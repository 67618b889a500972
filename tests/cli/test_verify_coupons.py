"""A journal whose receipts issue coupons has no violation; each planted one is found by I10, and answers need the
key.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from altyn.cli.verify.checker import verify_async
from altyn.cli.verify.coupons import Coupons
from altyn.core.engine import Record, commit_receipt, return_receipt
from altyn.core.facts.coupon_codes import code_hash
from altyn.core.rules.definition import load_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.register.history import Attempt, JsonLines, request_hash
from altyn.server.feeds.compiler import compile_document
from tests.cli.journalled import execute, lay, write
from tests.cli.verified import NOWHERE, altered, page_of
from tests.core.engine.issued_world import RULES, new_engine
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import reserved, sale
from tests.core.engine.world import NOW_US, PEPPER, World, commit

DOCUMENT = json.dumps(load_documents(RULES), separators=(",", ":"), sort_keys=True).encode()
SHA256 = hashlib.sha256(DOCUMENT).digest()
HASH = code_hash(PEPPER, "another")


def lived() -> tuple[World, list[Attempt]]:
    """1 issues; 2 keeps and 3 uses a code of 1; 4 issues and 5 takes it back; 6 takes 3 back, 7 takes 1 back: one code
    of 1 is free again then; 8 takes nothing.
    """
    world = World(new_engine())
    world.engine.take_ruleset(Ruleset(compile_document(1, SHA256, DOCUMENT).image), SHA256, 0)
    told = []

    def sold(number: int, *codes: str) -> pos.CommitReceiptResponse:
        request = commit(sale(number, None, *codes, price=20000), world.next_seq())
        reply = world.effect(commit_receipt, request)
        told.append(Attempt(world.records[-1].op_id, "CommitReceipt", request_hash(request), 1, reply, 2))
        return pos.CommitReceiptResponse.FromString(reply)

    def back(number: int, of: int) -> None:
        world.effect(return_receipt, give_back(refund((1, 1000), of=of, number=number), world.next_seq()), NOW_US)

    code = sold(1).outcome.issued_coupons[2].code
    reserved(world, sale(2, None, code, price=20000))
    sold(2, code)
    sold(4)
    back(900, 4)
    back(901, 2)
    back(902, 1)
    sold(8)
    return world, told


LIVED = lived()


def found_in(records: Iterable[Record]) -> Coupons:
    """The check, fed with records as the journal's pages feed it."""
    check = Coupons()
    asyncio.run(check.take(page_of(records), NOWHERE))
    return check


def in_reply(change: Callable[[pos.CommitReceiptResponse], object]) -> Callable[[journal.Record], None]:
    def apply(record: journal.Record) -> None:
        reply = pos.CommitReceiptResponse.FromString(record.reply)
        change(reply)
        record.reply = reply.SerializeToString()

    return apply


def test_codes_of_a_lived_journal_go_their_way() -> None:
    check = found_in(LIVED[0].records)
    assert (check.tally.violations, check.tally.examples) == (0, [])
    # Four sales; 12 codes issued, one used, and of three sales taken back one freed and 9 cancelled.
    assert check.tally.checks == 4 + 12 + 1 + 1 + 9


def issue_again(record: journal.Record) -> None:
    first = journal.Record.FromString(LIVED[0].records[0].body)
    record.effects.coupons[0].code_hash = first.effects.coupons[0].code_hash


PLANTED = [
    ("is issued, and was there before", 4, issue_again),
    ("2 codes are issued, 3 in the reply", 1, lambda record: record.effects.coupons.pop()),
    ("3 codes are issued, 4 in the reply", 1, in_reply(lambda reply: reply.outcome.issued_coupons.add())),
    ("3 in the reply, 2 by the evidence", 1, lambda record: record.evidence.issues.pop()),
    ("is told in two ways", 1, lambda record: setattr(record.effects.coupons[1], "expires_at_us", 5)),
    ("is told in two ways", 1, lambda record: setattr(record.effects.coupons[0], "series_no", 2)),
    (
        "not its form",
        1,
        in_reply(lambda reply: setattr(reply.outcome.issued_coupons[0], "code", "S-0123456789A")),
    ),
    ("was not applied", 1, in_reply(lambda reply: setattr(reply, "status", 4))),
    ("is used, and was used before", 8, lambda record: record.effects.coupons.extend(2 * [used_code()])),
    ("is used, and was cancelled before", 8, lambda record: record.effects.coupons.append(cancelled_code())),
    (
        "freed by what takes back no sale",
        8,
        lambda record: record.effects.coupons.add(code_hash=HASH, use=journal.COUPON_USE_FREE),
    ),
    (
        "is cancelled, and no free code",
        8,
        lambda record: record.effects.coupons.add(code_hash=HASH, use=journal.COUPON_USE_CANCELLED),
    ),
    ("code 7 of series 1 is used, and was", 8, lambda record: record.effects.coupons.extend(2 * [serial(3)])),
    ("code 7 of series 1 is freed by what takes", 8, lambda record: record.effects.coupons.append(serial(1))),
    ("its series computes its codes", 8, lambda record: record.effects.coupons.append(serial(1, issued=True))),
    ("is free, and all of the sale that issued it is back", 5, lambda record: record.effects.coupons.pop()),
]


def used_code() -> journal.CouponChange:
    return journal.CouponChange(code_hash=HASH, use=journal.COUPON_USE_USED)


def serial(use: int, *, issued: bool = False) -> journal.CouponChange:
    return journal.CouponChange(series_no=1, serial=7, use=use, issued=issued)  # type: ignore[arg-type]


def cancelled_code() -> journal.CouponChange:
    code = journal.Record.FromString(LIVED[0].records[4].body).effects.coupons[0].code_hash
    return journal.CouponChange(code_hash=code, use=journal.COUPON_USE_USED)


@pytest.mark.parametrize(("what", "seq", "change"), PLANTED, ids=[f"{seq} {what}" for what, seq, _ in PLANTED])
def test_planted_violation_is_found(what: str, seq: int, change: Callable[[journal.Record], object]) -> None:
    check = found_in(altered(LIVED[0].records, seq, change))
    assert any(what in example for example in check.tally.examples), check.tally.examples


def test_used_code_of_a_sale_that_is_back_has_to_be_told() -> None:
    world = World(new_engine())
    reply = pos.CommitReceiptResponse.FromString(world.effect(commit_receipt, commit(sale(1), world.next_seq())))
    code = reply.outcome.issued_coupons[1].code
    reserved(world, sale(2, None, code))
    world.effect(commit_receipt, commit(sale(2, None, code), world.next_seq()))
    world.effect(return_receipt, give_back(refund((1, 1000), of=1, number=900), world.next_seq()))
    assert found_in(world.records).tally.violations == 0
    record = journal.Record.FromString(world.records[-1].body)
    record.ClearField("exceptions")
    last = world.records[-1]
    world.records[-1] = Record(4, last.op_id, last.kind, None, None, last.instant_us, record.SerializeToString())
    assert ["nobody is told" in example for example in found_in(world.records).tally.examples] == [True]


# IN A DATABASE


@pytest.fixture(scope="module")
def dsn(embedded_postgres: EmbeddedPostgres, postgres_dsn: str) -> str:
    asyncio.run(create_database(postgres_dsn, "verify_coupons"))
    dsn = embedded_postgres.dsn("verify_coupons")
    asyncio.run(lay(dsn, DOCUMENT))
    asyncio.run(write(dsn, LIVED[0].records))
    return dsn


async def test_answers_that_told_codes_are_compared_with_the_key_alone(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "history"
    with JsonLines(path) as write_line:
        for attempt in LIVED[1]:
            write_line(attempt)
    report = await verify_async(dsn, histories=[path], pepper=PEPPER)
    assert (report.violations, report.remarks) == (0, [])
    assert report.per_invariant["I3_stable_answers"].checks == len(LIVED[1]) == 4
    keyless = await verify_async(dsn, histories=[path])
    assert (keyless.violations, keyless.per_invariant["I3_stable_answers"].checks) == (0, 0)
    assert keyless.remarks == ["4 answers that told codes were not compared: the identity key is not here"]
    wrong = await verify_async(dsn, histories=[path], pepper=b"w" * 32)
    assert wrong.per_invariant["I3_stable_answers"].violations == 4


async def test_change_that_is_not_projected_is_found(dsn: str) -> None:
    await execute(dsn, "DELETE FROM coupon_changes WHERE seq = 7 AND change_no = 0")
    report = await verify_async(dsn)
    assert report.per_invariant["I10_coupons"].examples == ["seq 7: 2 of 3 changes of codes are projected"]
