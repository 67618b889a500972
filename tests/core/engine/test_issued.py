"""Coupons that a receipt issues: their codes, what is kept of them, and their way to the next receipt and back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.core.engine import (
    Engine,
    calculate_receipt,
    cancel_receipt,
    commit_receipt,
    get_coupons,
    get_operation,
    replay,
    reserve_receipt,
    return_receipt,
    same_decision,
)
from altyn.core.engine.issued import issued_code
from altyn.core.facts.coupon_codes import code_hash, is_code_of
from altyn.core.facts.coupons import COUPON_SHARED, COUPON_UNIQUE, NEVER_US, CodeFact, SeriesFact
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.snapshot import SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import read_coupon
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.issued_world import SLIP, image, new_engine
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import committed, reserved, sale
from tests.core.engine.world import (
    NOW_US,
    PEPPER,
    SCOPE,
    World,
    cancel,
    commit,
    new_facts,
    new_op_id,
    reserve,
)

DAY_US = 86_400_000_000
MOSCOW_MIDNIGHT_US = 1_795_035_600_000_000  # 2026-11-19T00:00 in Moscow
FREE, USED, CANCELLED = 1, 3, 4


@pytest.fixture
def world() -> World:
    return World(new_engine())


def codes_of(reply: pos.CommitReceiptResponse) -> list[str]:
    return [issued.code for issued in reply.outcome.issued_coupons]


def slip_of(reply: pos.CommitReceiptResponse) -> outcome_pb2.IssuedCoupon:
    (found,) = [issued for issued in reply.outcome.issued_coupons if issued.promotion_id == "slip"]
    return found


def use_of(world: World, code: str) -> int:
    return read_coupon(world.engine.book, code_hash(PEPPER, code))[0]


def last(world: World) -> journal.Record:
    return journal.Record.FromString(world.records[-1].body)


def returned(world: World, *lines: tuple[int, int], of: int = 1, number: int = 900) -> pos.ReturnReceiptResponse:
    request = give_back(refund(*lines, of=of, number=number), world.next_seq())
    return pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request))


# CODES


@given(st.integers(1, 2**44 - 1), st.integers(0, 63), st.integers(1, 2**44 - 1), st.integers(0, 63))
def test_codes_of_two_places_of_the_journal_differ_and_have_the_form(seq: int, place: int, other: int, at: int) -> None:
    one, two = issued_code(PEPPER, SLIP, seq, place), issued_code(PEPPER, SLIP, other, at)
    assert (one == two) == ((seq, place) == (other, at))
    assert is_code_of(SLIP, one)
    assert one != issued_code(b"another key" * 3, SLIP, seq, place)


@pytest.mark.parametrize("form", ["############?", "AB-#############-#?", "##########"])
def test_code_has_whatever_form_it_is_asked_for(form: str) -> None:
    made = {issued_code(PEPPER, form, seq, place) for seq in range(1, 40) for place in range(64)}
    assert len(made) == 39 * 64
    assert all(is_code_of(form, code) for code in made)


def test_neighbours_have_nothing_in_common() -> None:
    codes = [issued_code(PEPPER, "############", 1000, place) for place in range(64)]
    alike = sum(a == b for one, two in pairwise(codes) for a, b in zip(one, two, strict=True))
    assert alike < 60  # of 756 pairs one in 32 is alike by chance


# COMMIT


def test_commit_issues_codes_of_the_series_form_and_says_them_on_the_slip(world: World) -> None:
    reply = committed(world, sale(1, price=20000))
    thanks, gift, slip = reply.outcome.issued_coupons
    assert is_code_of(SLIP, slip.code)
    # Too few characters to be hard to guess, and no template at all.
    assert is_code_of("############?", gift.code) and is_code_of("############?", thanks.code)
    assert [one.promotion_id for one in reply.outcome.issued_coupons] == ["earn", "gift", "slip"]
    assert slip.message.text == f"Next time: {slip.code}, again {slip.code}"
    assert (slip.message.language, slip.message.channel) == ("en", outcome_pb2.CHANNEL_SLIP)
    assert [(one.language, one.text) for one in slip.translations] == [("ru", f"В следующий раз: {slip.code}")]
    assert not gift.HasField("message")
    ends = [MOSCOW_MIDNIGHT_US + DAY_US, 0, MOSCOW_MIDNIGHT_US + 30 * DAY_US]
    assert [one.expires_at_us for one in reply.outcome.issued_coupons] == ends


def test_record_books_hashes_and_holds_no_code(world: World) -> None:
    reply = committed(world, sale(1, price=20000))
    body, record = world.records[-1].body, last(world)
    for code in codes_of(reply):
        assert code.encode() not in body
    changes = [(one.code_hash, one.series_no, one.use, one.issued) for one in record.effects.coupons]
    hashes = [code_hash(PEPPER, code) for code in codes_of(reply)]
    assert changes == [(hashed, number, FREE, True) for number, hashed in zip((3, 2, 1), hashes, strict=True)]
    told = [(one.promotion_id, one.expires_at_us) for one in reply.outcome.issued_coupons]
    assert [(one.promotion_id, one.expires_at_us) for one in record.evidence.issues] == told
    assert [one.expires_at_us for one in record.effects.coupons] == [one[1] for one in told]
    stored = pos.CommitReceiptResponse.FromString(record.reply).outcome.issued_coupons
    assert [one.code for one in stored] == ["############?", "############?", SLIP]
    assert stored[2].message.text == "Next time: {{ coupon }}, again {{ coupon }}"
    assert same_decision(body, Ruleset(image()))


def test_forecast_and_reserve_tell_of_a_coupon_and_no_code(world: World) -> None:
    request = pos.CalculateReceiptRequest(receipt=sale(1)).SerializeToString()
    forecast = calculate_receipt(world.engine, request, SCOPE, NOW_US)
    assert isinstance(forecast, bytes)
    for outcome in (pos.CalculateReceiptResponse.FromString(forecast).outcome, reserved(world, sale(1)).outcome):
        assert [(one.promotion_id, one.code) for one in outcome.issued_coupons] == [("earn", ""), ("slip", "")]
        assert outcome.issued_coupons[1].expires_at_us == MOSCOW_MIDNIGHT_US + 30 * DAY_US
        assert not outcome.issued_coupons[1].HasField("message")
    assert same_decision(world.records[-1].body, Ruleset(image()))
    assert not last(world).effects.coupons


def test_repeat_tells_the_same_codes_byte_for_byte_also_after_a_restart(world: World) -> None:
    request = commit(sale(1), world.next_seq())
    first = world.effect(commit_receipt, request)
    assert codes_of(pos.CommitReceiptResponse.FromString(first))
    assert world.effect(commit_receipt, request) == first
    # The template of the series has changed meanwhile.
    again = new_engine()
    again.facts.coupons.upsert_series(SeriesFact(1, "slip", COUPON_UNIQUE, False, 0, NEVER_US, 1, "X-##########?"))
    for record in world.records:
        replay(again, record.seq, record.body)
    restarted = World(again, world.records)
    assert restarted.effect(commit_receipt, request) == first
    # Another op_id for the same receipt is answered with the first one's reply, read from the journal.
    made = pos.CommitReceiptRequest.FromString(request)
    made.op_id = new_op_id()
    assert restarted.effect(commit_receipt, made.SerializeToString()) == first
    asked = pos.GetOperationRequest(
        op_id=pos.CommitReceiptRequest.FromString(request).op_id, store_id="s1", register_id="r1"
    )
    kept = pos.GetOperationResponse.FromString(restarted.effect(get_operation, asked.SerializeToString()))
    assert kept.reply == first
    assert len(world.records) == 1


def test_commit_under_the_op_id_of_its_reserve_is_told_what_that_was(world: World) -> None:
    op_id = new_op_id()
    first = world.effect(reserve_receipt, reserve(sale(1), world.next_seq(), op_id))
    assert pos.ReserveReceiptResponse.FromString(first).outcome.issued_coupons
    assert world.effect(commit_receipt, commit(sale(1), world.register_seq, op_id)) == first


def test_replay_without_the_key_gives_the_same_book(world: World) -> None:
    committed(world, sale(1, price=20000))
    keyless = Engine(tenant="demo", facts=new_facts(), zone="Europe/Moscow", token_key=bytes(16), pepper=bytes(16))
    for record in world.records:
        replay(keyless, record.seq, record.body)
    assert state_digest(keyless.book) == state_digest(world.engine.book)


def test_receipt_made_offline_issues_nothing(world: World) -> None:
    late = sale(1)
    late.mode, late.local_time_us = receipt_pb2.MODE_OFFLINE, NOW_US
    reply = committed(world, late)
    assert (reply.status, list(reply.outcome.issued_coupons)) == (outcome_pb2.STATUS_OK, [])
    assert not last(world).effects.coupons and not last(world).evidence.issues
    assert same_decision(world.records[-1].body, Ruleset(image()))


def test_fact_that_is_not_applied_issues_nothing(world: World) -> None:
    committed(world, sale(1))
    twice = committed(world, sale(1, price=7000))
    assert (twice.status, list(twice.outcome.issued_coupons)) == (outcome_pb2.STATUS_QUARANTINED, [])
    assert not last(world).evidence.issues
    assert same_decision(world.records[-1].body, Ruleset(image()))


def test_points_for_nobody_bring_no_coupon(world: World) -> None:
    reply = committed(world, sale(1, card=""))
    assert [one.promotion_id for one in reply.outcome.issued_coupons] == ["slip"]
    assert same_decision(world.records[-1].body, Ruleset(image()))


@pytest.mark.parametrize(
    ("series", "reason"),
    [
        (None, reasons_pb2.REASON_COUPON_UNKNOWN),
        (SeriesFact(1, "slip", COUPON_SHARED, False, 0, NEVER_US, 1, SLIP), reasons_pb2.REASON_COUPON_UNKNOWN),
        (SeriesFact(1, "slip", COUPON_UNIQUE, True, 0, NEVER_US, 1, SLIP), reasons_pb2.REASON_COUPON_BLOCKED),
        (SeriesFact(1, "slip", COUPON_UNIQUE, False, 0, NOW_US, 1, SLIP), reasons_pb2.REASON_COUPON_EXPIRED),
    ],
)
def test_series_that_is_not_there_to_use_issues_nothing(world: World, series: SeriesFact | None, reason: int) -> None:
    if series is None:
        world.engine.facts.coupons.remove_series(1)
    else:
        world.engine.facts.coupons.upsert_series(series)
    reply = committed(world, sale(1))
    assert [one.promotion_id for one in reply.outcome.issued_coupons] == ["earn"]
    assert [one.reason for one in last(world).evidence.issues] == [0, reason]
    assert same_decision(world.records[-1].body, Ruleset(image()))


def test_code_ends_with_its_series(world: World) -> None:
    ends = NOW_US + DAY_US
    world.engine.facts.coupons.upsert_series(SeriesFact(1, "slip", COUPON_UNIQUE, False, 0, ends, 1, SLIP))
    assert slip_of(committed(world, sale(1))).expires_at_us == ends


def test_code_somebody_has_already_is_not_issued_again(world: World) -> None:
    taken = issued_code(PEPPER, SLIP, 1, 1)
    world.engine.facts.coupons.upsert_code(CodeFact(code_hash(PEPPER, taken), 5, 2))
    reply = committed(world, sale(1))
    assert [one.promotion_id for one in reply.outcome.issued_coupons] == ["earn"]
    assert last(world).evidence.issues[1].reason == reasons_pb2.REASON_COUPON_USED


def test_decision_that_lost_an_issued_coupon_is_not_the_same(world: World) -> None:
    committed(world, sale(1))
    record = last(world)
    del record.evidence.issues[1]
    assert not same_decision(record.SerializeToString(), Ruleset(image()))
    record = last(world)
    reply = pos.CommitReceiptResponse.FromString(record.reply)
    reply.outcome.issued_coupons[0].expires_at_us += 1
    record.reply = reply.SerializeToString()
    assert not same_decision(record.SerializeToString(), Ruleset(image()))


LIMITED = """
promotion: ten
stage: item
group: {name: one, mode: BEST}
reward: [{percent: {rate: 10}}, {issue_coupon: {series: slip}}]
limits: [{per: promotion, window: day, times: 1}]
---
promotion: five
stage: item
group: {name: one, mode: BEST}
reward: [{percent: {rate: 5}}, {issue_coupon: {series: gift}}]
"""


def test_loser_of_a_group_and_a_spent_limit_issue_nothing() -> None:
    world = World(new_engine(LIMITED))
    first, second = committed(world, sale(1)), committed(world, sale(2))
    assert [one.promotion_id for one in first.outcome.issued_coupons] == ["ten"]
    assert [one.promotion_id for one in second.outcome.issued_coupons] == ["five"]


def test_twenty_codes_used_and_sixty_four_issued_are_booked() -> None:
    issues = ", ".join("{issue_coupon: {series: gift}}" for _ in range(16))
    promotions = [f"promotion: issue-{n}\nreward: [{issues}]" for n in range(4)]
    uses = [
        f"promotion: use-{n}\nstage: coupon\nwhen: {{coupon: {{series: s{n}}}}}\nreward: [{{amount: {{off: 0.01}}}}]"
        for n in range(20)
    ]
    world = World(new_engine("\n---\n".join([*promotions, *uses])))
    for n in range(20):
        world.engine.facts.coupons.upsert_series(SeriesFact(100 + n, f"s{n}", COUPON_UNIQUE, False, 0, NEVER_US, 1))
        world.engine.facts.coupons.upsert_code(CodeFact(code_hash(PEPPER, f"C{n}"), n + 1, 100 + n))
    codes = [f"C{n}" for n in range(20)]
    assert reserved(world, sale(1, None, *codes)).status == outcome_pb2.STATUS_OK
    reply = committed(world, sale(1, None, *codes))
    assert (reply.status, len(set(codes_of(reply)))) == (outcome_pb2.STATUS_OK, 64)
    assert [use_of(world, code) for code in codes] == [USED] * 20
    void = pos.CancelReceiptResponse.FromString(world.effect(cancel_receipt, cancel(1, world.next_seq())))
    assert (void.status, list(void.exceptions)) == (outcome_pb2.STATUS_OK, [])
    assert {use_of(world, code) for code in codes_of(reply)} == {CANCELLED}


# THE NEXT RECEIPT


def bought_with(world: World, number: int, code: str, clock_us: int = NOW_US) -> pos.CommitReceiptResponse:
    assert reserved(world, sale(number, None, code), clock_us).status == outcome_pb2.STATUS_OK
    return committed(world, sale(number, None, code), clock_us)


def test_issued_code_is_good_once_from_the_next_receipt_on(world: World) -> None:
    slip = slip_of(committed(world, sale(1))).code
    second = bought_with(world, 2, slip.lower())
    assert (second.outcome.totals.to_pay_minor, second.outcome.coupons[0].state) == (
        8000,
        outcome_pb2.COUPON_STATE_APPLIED,
    )
    assert use_of(world, slip) == USED
    third = committed(world, sale(3, None, slip))
    assert third.outcome.totals.to_pay_minor == 10000
    assert third.outcome.coupons[0].reason == reasons_pb2.REASON_COUPON_USED
    assert slip.encode() not in b"".join(record.body for record in world.records)
    assert all(same_decision(record.body, Ruleset(image())) for record in world.records)


def test_issued_code_ends_when_the_slip_says(world: World) -> None:
    issued = slip_of(committed(world, sale(1)))
    for clock_us, state in (
        (issued.expires_at_us - 1, outcome_pb2.COUPON_STATE_APPLIED),
        (issued.expires_at_us, outcome_pb2.COUPON_STATE_INVALID),
    ):
        request = pos.CalculateReceiptRequest(receipt=sale(2, None, issued.code)).SerializeToString()
        forecast = calculate_receipt(world.engine, request, SCOPE, clock_us)
        assert isinstance(forecast, bytes)
        assert pos.CalculateReceiptResponse.FromString(forecast).outcome.coupons[0].state == state


def test_issued_codes_survive_snapshot_and_replay(world: World) -> None:
    free, used = slip_of(committed(world, sale(1))).code, slip_of(committed(world, sale(2))).code
    reserved(world, sale(3, None, used))
    head = SnapshotHead(world.engine.last_seq, 1, NOW_US, 1, bytes(32))
    image_bytes = b"".join(write_snapshot(world.engine.book, world.engine.operations, head))
    committed(world, sale(3, None, used))
    _, book, operations = load_snapshot(image_bytes)
    engine = new_engine()
    engine.restore(book, operations, head.seq, NOW_US)
    for record in world.records[head.seq :]:
        replay(engine, record.seq, record.body)
    assert state_digest(engine.book) == state_digest(world.engine.book)
    restarted = World(engine, list(world.records), world.register_seq)
    assert (use_of(restarted, free), use_of(restarted, used)) == (FREE, USED)
    assert bought_with(restarted, 4, free).outcome.totals.to_pay_minor == 8000


def test_back_office_is_told_what_has_become_of_codes(world: World) -> None:
    first, second = committed(world, sale(1)), committed(world, sale(2))
    slip, other = slip_of(first), slip_of(second)
    reserved(world, sale(3, None, other.code))
    hashes = [code_hash(PEPPER, code) for code in (slip.code, other.code, "nobody has it")]
    request = ops.GetCouponsRequest(code_hashes=hashes).SerializeToString()
    told = ops.GetCouponsResponse.FromString(get_coupons(world.engine, request).reply)
    assert told.seq == 3
    assert [(one.use, one.issued, one.series_no) for one in told.coupons] == [
        (ops.COUPON_USE_FREE, True, 1),
        (ops.COUPON_USE_RESERVED, True, 1),
        (ops.COUPON_USE_FREE, False, 0),
    ]
    assert told.coupons[0].expires_at_us == slip.expires_at_us
    for wrong in ([b"short"], [bytes(16)] * 1001):
        with pytest.raises(Exception, match="code_hashes"):
            get_coupons(world.engine, ops.GetCouponsRequest(code_hashes=wrong).SerializeToString())


# TAKEN BACK


def two_lines(number: int = 1) -> receipt_pb2.Receipt:
    made = sale(number)
    more = made.lines.add()
    more.CopyFrom(made.lines[0])
    more.line_no = 2
    return made


def test_codes_are_cancelled_when_the_last_of_the_goods_is_back(world: World) -> None:
    codes = codes_of(committed(world, two_lines()))[::-1]
    returned(world, (1, 1000))
    assert [use_of(world, code) for code in codes] == [FREE] * len(codes)
    reply = returned(world, (2, 1000), number=901)
    assert [use_of(world, code) for code in codes] == [CANCELLED] * len(codes)
    assert not reply.exceptions
    third = committed(world, sale(3, None, codes[0]))
    assert third.outcome.coupons[0].reason == reasons_pb2.REASON_COUPON_BLOCKED


@pytest.mark.parametrize("use", ["used", "held"])
def test_code_in_use_when_its_sale_comes_back_is_reported(world: World, use: str) -> None:
    codes = codes_of(committed(world, sale(1, price=20000)))[::-1]
    reserved(world, sale(2, None, codes[0]))
    if use == "used":
        committed(world, sale(2, None, codes[0]))
    reply = returned(world, (1, 1000))
    assert list(reply.exceptions) == [reasons_pb2.REASON_ISSUED_COUPON_USED]
    assert use_of(world, codes[0]) == (USED if use == "used" else 2)
    assert [use_of(world, code) for code in codes[1:]] == [CANCELLED, CANCELLED]


def test_void_cancels_every_code_and_any_partition_leaves_the_same(world: World) -> None:
    worlds = [World(new_engine()) for _ in range(3)]
    codes = [codes_of(committed(world, two_lines())) for world in worlds]
    assert codes[0] == codes[1] == codes[2]
    whole, parts, void = worlds
    returned(whole, (1, 1000), (2, 1000))
    returned(parts, (2, 400))
    returned(parts, (1, 1000), number=901)
    returned(parts, (2, 600), number=902)
    returned(void, (1, 500))
    void.effect(cancel_receipt, cancel(1, void.next_seq()))
    for world in worlds:
        assert {use_of(world, code) for code in codes[0]} == {CANCELLED}


def test_used_code_of_a_returned_sale_is_free_again(world: World) -> None:
    slip = slip_of(committed(world, sale(1))).code
    bought_with(world, 2, slip)
    returned(world, (1, 1000), of=2)
    assert use_of(world, slip) == FREE
    assert bought_with(world, 3, slip).outcome.totals.to_pay_minor == 8000
