"""Path independence: any partition of a return leaves every account as one whole return does (semantics §6.7.9).

The sale is a journal record made here, so that it may have done anything a sale can do: opened lots, used lots,
counted, used and issued codes.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.engine import cancel_receipt, return_receipt
from altyn.core.engine.identity import card_hash
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.view import read_balances, read_counter, read_coupon, read_lots
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import give_back, refund
from tests.core.engine.world import NOW_US, PEPPER, World, cancel, line, new_op_id, new_world, receipt

DAY_US = 86_400_000_000
FREE, USED, CANCELLED = 1, 3, 4
USED_CODE, ISSUED_CODE = b"u" * 16, b"i" * 16
assert card_hash(PEPPER, "1001")


@dataclass(frozen=True)
class SoldLine:
    """One line as it was sold: thousandths, and what it was paid by."""

    qty_milli: int
    net: int
    discount: int
    paid: int
    earned: int


@dataclass(frozen=True)
class SoldCase:
    lines: list[SoldLine]
    older: list[int]  # points of the lots the account had before, of which the sale used the first ones
    used: int
    pending: bool
    expired: bool
    spent: int  # of what was left, after the sale


lines = st.builds(
    SoldLine,
    st.sampled_from([1000, 2000, 3000, 7000, 1234]),
    st.integers(0, 5000),
    st.integers(0, 900),
    st.integers(0, 900),
    st.integers(0, 200),
)
cases = st.builds(
    SoldCase,
    st.lists(lines, min_size=1, max_size=4),
    st.lists(st.integers(1, 300), min_size=1, max_size=3),
    st.integers(0, 900),
    st.booleans(),
    st.booleans(),
    st.integers(0, 500),
)


def entry(record: journal.Record, kind: int, system: int, *postings: tuple[int, int]) -> None:
    made = record.effects.entries.add(kind=kind)
    total = 0
    for lot_id, points in postings:
        if points:
            made.postings.add(account_id=70, asset_no=1, points=points, lot_id=lot_id)
            total += points
    if total:
        made.postings.add(account_id=-system, asset_no=1, points=-total)
    else:
        del record.effects.entries[-1]


def new_record(world: World, kind: int) -> journal.Record:
    return journal.Record(
        format=1,
        kind=kind,
        seq=world.engine.last_seq + 1,
        instant_us=NOW_US,
        op_id=new_op_id(),
        content_sha256=bytes(32),
        tenant="demo",
    )


def older_lots(world: World, case: SoldCase) -> list[int]:
    record = new_record(world, 5)
    ids = []
    for n, points in enumerate(case.older):
        ids.append(record.seq * 256 + n)
        record.effects.lots.add(
            lot_id=ids[-1],
            account_id=70,
            asset_no=1,
            points=points,
            active_from_us=NOW_US - DAY_US,
            expires_at_us=NOW_US + (n + 1) * DAY_US,
        )
    entry(record, 3, 4, *zip(ids, case.older, strict=True))
    world.take(record)
    return ids


def sale(world: World, case: SoldCase) -> journal.Record:
    """The sale's record, applied."""
    ids = older_lots(world, case)
    record = new_record(world, 2)
    record.request.receipt.CopyFrom(receipt(*(line(n + 1, "milk", 1, s.qty_milli) for n, s in enumerate(case.lines))))
    record.request.receipt.ClearField("identity")
    record.evidence.rules_version = 1
    record.evidence.customer.account_id = 70
    record.evidence.assets.add(asset_no=1, asset="bonus", scale=2)
    record.evidence.coupons.add(place=0, code_hash=USED_CODE, series="s", series_no=1)
    reply = pos.CommitReceiptResponse(status=1, seq=record.seq)
    for n, sold in enumerate(case.lines):
        out = reply.outcome.lines.add(line_no=n + 1, net_minor=sold.net, discount_minor=sold.discount)
        out.points_paid_minor = sold.paid
        out.gross_minor = sold.net + sold.discount + sold.paid
        if sold.discount:
            out.discounts.add(promotion_id="spring", amount_minor=sold.discount)
        if sold.earned:
            out.accrual.add(asset="bonus", points=sold.earned)
    reply.outcome.coupons.add(state=1, promotion_id="spring")
    record.reply = reply.SerializeToString()
    earned = sum(sold.earned for sold in case.lines)
    if earned:
        record.effects.lots.add(
            lot_id=record.seq * 256,
            account_id=70,
            asset_no=1,
            points=earned,
            active_from_us=NOW_US + (DAY_US if case.pending else 0),
            expires_at_us=NOW_US + 40 * DAY_US,
        )
        entry(record, 1, 1, (record.seq * 256, earned))
    left = min(case.used, sum(case.older)) if any(sold.paid for sold in case.lines) else 0
    used = []
    for lot_id, points in zip(ids, case.older, strict=True):
        used.append((lot_id, -min(left, points)))
        left -= min(left, points)
    entry(record, 2, 2, *used)
    for measure, count in ((1, 1), (2, sum(sold.discount for sold in case.lines)), (3, 5000)):
        if count:
            change = record.effects.counters.add(used=count)
            change.key.limit, change.key.measure, change.key.per, change.key.window = "spring", measure, 3, 5
    record.effects.coupons.add(code_hash=USED_CODE, series_no=1, use=USED)
    record.effects.coupons.add(code_hash=ISSUED_CODE, series_no=2, use=FREE, issued=True)
    world.take(record)
    spend(world, case.spent)
    return record


def spend(world: World, wanted: int) -> None:
    """Another sale's payment: active points in the order of use, as far as there are."""
    record = new_record(world, 5)
    taken = []
    for lot_id, asset_no, _, remaining, _, active_from, _ in read_lots(world.engine.book, 70):
        if asset_no == 1 and lot_id and remaining and active_from <= NOW_US:
            taken.append((lot_id, -min(wanted, remaining)))
            wanted -= min(wanted, remaining)
    entry(record, 2, 2, *taken)
    world.take(record)


def returned(world: World, clock_us: int, number: int, *lines: tuple[int, int]) -> pos.ReturnReceiptResponse:
    request = give_back(refund(*lines, number=number), world.next_seq())
    return pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request, clock_us))


def state(world: World, clock_us: int) -> tuple[object, ...]:
    """Every account of the case: points, counters, codes, and the programme's own."""
    counters = [read_counter(world.engine.book, ("spring", measure, 3, 5, 0, 0))[0] for measure in (1, 2, 3)]
    codes = [read_coupon(world.engine.book, code)[0] for code in (USED_CODE, ISSUED_CODE)]
    return read_balances(world.engine.book, 70, clock_us).get(1, (0, 0, 0, 0)), counters, codes


@given(cases, st.data())
@settings(max_examples=150, deadline=None)
def test_any_partition_of_a_return_is_one_whole_return_in_every_account(case: SoldCase, data: st.DataObject) -> None:
    clock_us = NOW_US + (2 * DAY_US if case.expired else 0)
    whole, parts, void = new_world(), new_world(), new_world()
    for world in (whole, parts, void):
        sale(world, case)
    everything = [(n + 1, sold.qty_milli) for n, sold in enumerate(case.lines)]
    total = returned(whole, clock_us, 900, *everything).outcome.totals.to_pay_minor
    left, sum_parts, number = dict(everything), 0, 900
    while left:
        line_no = data.draw(st.sampled_from(sorted(left)))
        qty = data.draw(st.integers(1, left[line_no]))
        left[line_no] -= qty
        if not left[line_no]:
            del left[line_no]
        if number > 925:  # enough pieces: the rest at once
            qty, left = qty + left.pop(line_no, 0), left
        number += 1
        sum_parts += returned(parts, clock_us, number, (line_no, qty)).outcome.totals.to_pay_minor
    assert sum_parts == total == sum(sold.net for sold in case.lines)
    assert state(parts, clock_us) == state(whole, clock_us)
    void.effect(cancel_receipt, cancel(1, void.next_seq()), clock_us)
    assert state(void, clock_us) == state(whole, clock_us)
    assert state(whole, clock_us)[1:] == ([0, 0, 0], [FREE, CANCELLED])


@given(cases)
@settings(max_examples=60, deadline=None)
def test_sale_and_its_whole_return_leave_the_lots_it_used_as_they_were(case: SoldCase) -> None:
    world = new_world()
    made = sale(world, SoldCase(case.lines, case.older, case.used, case.pending, False, 0))
    used = {p.lot_id: p.points for e in made.effects.entries if e.kind == 2 for p in e.postings if p.account_id > 0}
    before = {lot[0]: lot[3] for lot in read_lots(world.engine.book, 70)}
    returned(world, NOW_US, 900, *((n + 1, sold.qty_milli) for n, sold in enumerate(case.lines)))
    after = {lot[0]: lot[3] for lot in read_lots(world.engine.book, 70)}
    assert {lot_id: after[lot_id] - before[lot_id] for lot_id in used} == {k: -points for k, points in used.items()}
    assert sum(after.values()) == sum(case.older)


def test_points_go_back_to_lots_in_reverse_order_of_use() -> None:
    """semantics §6.11.26: used A 30.00, B 40.00; 25.00 go to B, 50.00 to B 40.00 and A 10.00."""
    world = new_world()
    case = SoldCase([SoldLine(14_000, 7000, 0, 7000, 0)], [3000, 4000], 7000, False, False, 0)
    sale(world, case)
    first, second = sorted(lot[0] for lot in read_lots(world.engine.book, 70))
    for qty, expected in ((5000, {first: 0, second: 2500}), (5000, {first: 1000, second: 4000})):
        returned(world, NOW_US, 900 + world.next_seq(), (1, qty))
        assert {lot[0]: lot[3] for lot in read_lots(world.engine.book, 70)} == expected


def test_points_of_an_expired_lot_come_back_with_thirty_days_of_grace() -> None:
    world = new_world()
    sale(world, SoldCase([SoldLine(1000, 100, 0, 100, 0)], [100], 100, False, False, 0))
    clock_us = NOW_US + 2 * DAY_US
    returned(world, clock_us, 900, (1, 1000))
    assert [lot[3] for lot in read_lots(world.engine.book, 70) if lot[6] == clock_us + 30 * DAY_US] == [100]


def test_refused_return_changes_nothing_in_the_book() -> None:
    world = new_world()
    sale(world, SoldCase([SoldLine(1000, 100, 0, 0, 10)], [5], 0, False, False, 0))
    before = state_digest(world.engine.book)
    assert returned(world, NOW_US, 900, (2, 1000)).status == 4
    assert state_digest(world.engine.book) == before
