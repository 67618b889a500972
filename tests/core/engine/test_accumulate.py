"""Earlier purchases in the engine: counted by sales and returns, read, brought from history, decided again."""

from __future__ import annotations

import random

import pytest

from altyn.core.engine import (
    Gap,
    Tally,
    are_ready,
    backfill_accumulations,
    calculate_receipt,
    cancel_receipt,
    find_gap,
    finish_accumulations,
    prepare_accumulations,
    replay,
    return_receipt,
    same_decision,
    tend_accumulations,
)
from altyn.core.ledger.accumulators_view import read_accumulations, read_buckets, read_stores, read_value
from altyn.core.ledger.image import state_digest
from altyn.core.rules.compile import compile_accumulations
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import DAY_US, committed, new_engine, new_world, ruleset, sale
from tests.core.engine.world import NOW_US, SCOPE, World, cancel, line, receipt

RULES = """
promotion: a-turnover
stage: card
when: {turnover: {window: {days: 30}, from: 200.00}}
reward: [{percent: {rate: 10}}]
---
promotion: b-third
stage: card
when: {purchase_number: {every: 3, at: same_store}}
reward: [{amount: {off: 1.00}}]
---
promotion: c-dairy
stage: card
when: {purchases: {window: month, of: {category: dairy}, count_by: UNITS, from: 5}}
reward: [{amount: {off: 2.00}}]
---
promotion: d-since
stage: card
when: {validity: {days: 5, after: {turnover: {sum: 150.00}}}}
reward: [{amount: {off: 0.50}}]
---
promotion: e-own
stage: card
when: {validity: {days: 3, after: {first_use: c-dairy}}}
reward: [{amount: {off: 0.30}}]
"""
# Asks for nothing earlier, so that what a receipt comes to does not depend on what is counted.
PLAIN = """
promotion: c-dairy
stage: card
when: {receipt_sum: {of: {category: dairy}, from: 100.00}}
reward: [{percent: {rate: 7}}]
---
promotion: f-points
reward: [{points: {asset: bonus, percent: 1}}]
"""
DAY = NOW_US // DAY_US


def count(world: World, text: str = RULES, clock_us: int = NOW_US) -> None:
    """Begin to count what the rules ask for."""
    names = ruleset(text).read_set["accumulations"]
    kept = [row.name for row in read_accumulations(world.engine.book)]
    counting = Ruleset(compile_accumulations(dict.fromkeys([*kept, *names])))
    while (record := prepare_accumulations(world.engine, names, counting, clock_us)) is not None:
        world.records.append(record)


def backfill(world: World, *, rows_max: int = 1000, clock_us: int = NOW_US) -> int:
    """History, part by part; how many there were."""
    parts = 0
    while (gap := find_gap(world.engine)) is not None:
        names = {row.accumulation_no: row.name for row in read_accumulations(world.engine.book)}
        tally = Tally(Ruleset(compile_accumulations(names[number] for number in gap.numbers)), gap.numbers)
        seq = gap.after_seq
        while seq < gap.until_seq and len(tally) < rows_max:
            seq += 1
            tally.take(world.records[seq - 1].body)
        record = backfill_accumulations(world.engine, gap, seq, tally.drain(), clock_us)
        assert record is not None
        world.records.append(record)
        parts += 1
    return parts


def make_ready(world: World, text: str = RULES, clock_us: int = NOW_US) -> None:
    count(world, text, clock_us)
    backfill(world, clock_us=clock_us)
    while (record := finish_accumulations(world.engine, clock_us)) is not None:
        world.records.append(record)


def given_back(world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US) -> pos.ReturnReceiptResponse:
    request = give_back(of, world.next_seq())
    return pos.ReturnReceiptResponse.FromString(world.effect(return_receipt, request, clock_us))


def replayed(world: World) -> object:
    engine = new_engine(RULES)
    for record in world.records:
        replay(engine, record.seq, record.body)
    return engine


def discounts(outcome: outcome_pb2.Outcome) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in (row for one in outcome.lines for row in one.discounts):
        found[row.promotion_id] = found.get(row.promotion_id, 0) + row.amount_minor
    return found


def test_a_decision_reads_the_customers_sales_and_returns_take_them_away() -> None:
    world = new_world(RULES)
    make_ready(world)
    first = committed(world, sale(1, price=10000)).outcome
    assert (discounts(first), first.degraded) == ({}, False)
    second = committed(world, sale(2, price=12000)).outcome
    assert discounts(second) == {}
    # 220.00 so far, its third purchase here, and 150.00 reached today.
    third = committed(world, sale(3, price=10000)).outcome
    assert discounts(third) == {"a-turnover": 1000, "b-third": 100, "d-since": 50}
    given_back(world, refund((1, 1000), of=2))
    fourth = committed(world, sale(4, price=10000)).outcome
    # 100.00 and 88.50 are left: below 200.00; two receipts, so that this is the third again.
    assert discounts(fourth) == {"b-third": 100, "d-since": 50}
    for record in world.records:
        if record.kind == pos.OPERATION_KIND_COMMIT:
            assert same_decision(record.body, ruleset(RULES))
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)  # type: ignore[attr-defined]


def test_evidence_has_the_numbers_that_were_read_and_another_number_decides_otherwise() -> None:
    world = new_world(RULES)
    make_ready(world)
    for number in (1, 2, 3):
        committed(world, sale(number, price=12000))
    record = journal.Record.FromString(world.records[-1].body)
    assert [fact.value for fact in record.evidence.accumulations] == [24000, 2, 2000, DAY, -(1 << 63)]
    assert same_decision(record.SerializeToString(), ruleset(RULES))
    record.evidence.accumulations[0].value = 100
    assert not same_decision(record.SerializeToString(), ruleset(RULES))
    del record.evidence.accumulations[0]
    assert not same_decision(record.SerializeToString(), ruleset(RULES))


def test_a_forecast_and_its_commit_read_the_same_and_a_hold_is_no_purchase() -> None:
    world = new_world(RULES)
    make_ready(world)
    committed(world, sale(1, price=25000))
    request = pos.CalculateReceiptRequest(receipt=sale(2))
    reply = calculate_receipt(world.engine, request.SerializeToString(), SCOPE, NOW_US)
    shown = pos.CalculateReceiptResponse.FromString(reply).outcome
    assert discounts(shown) == discounts(committed(world, sale(2)).outcome) == {"a-turnover": 1000, "d-since": 50}


def test_before_history_is_counted_conditions_fail_and_the_answer_says_so() -> None:
    world = new_world(RULES)
    committed(world, sale(1, price=25000))
    count(world)
    outcome = committed(world, sale(2)).outcome
    assert discounts(outcome) == {}
    assert outcome.degraded
    assert reasons_pb2.REASON_HISTORY_NOT_KEPT in outcome.flags
    assert not are_ready(world.engine, ruleset(RULES).read_set["accumulations"])
    make_ready(world)
    assert are_ready(world.engine, ruleset(RULES).read_set["accumulations"])
    assert discounts(committed(world, sale(3)).outcome)["a-turnover"] == 1000


def live(world: World, chance: random.Random, number: int, open_sales: dict[int, list[int]]) -> None:
    clock_us = NOW_US + number * DAY_US // 3
    if open_sales and chance.random() < 0.35:
        of = chance.choice(list(open_sales))
        if chance.random() < 0.3:
            world.effect(cancel_receipt, cancel(of, world.next_seq()), clock_us)
            del open_sales[of]
            return
        place = chance.randrange(len(open_sales[of]))
        qty = chance.randint(1, max(open_sales[of][place], 1))
        open_sales[of][place] -= min(qty, open_sales[of][place])
        given_back(world, refund((place + 1, qty), of=of, number=10_000 + number), clock_us)
        return
    qtys = [chance.choice((1000, 1500, 3000)) for _ in range(chance.randint(1, 3))]
    made = receipt(
        *(
            line(place, chance.choice(("milk", "loaf")), chance.randint(0, 9000), qty)
            for place, qty in enumerate(qtys, 1)
        ),
        number=number,
        card=chance.choice(("1001", "1001", "1001", "")),
    )
    committed(world, made, clock_us)
    open_sales[number] = qtys


@pytest.mark.parametrize("seed", range(6))
def test_history_counted_beside_live_sales_is_what_counting_from_the_beginning_is(seed: int) -> None:
    """The same receipts: counted from the first one on, and from some middle on with the rest brought in parts."""
    chance = random.Random(seed)
    early, late = new_world(PLAIN), new_world(PLAIN)
    make_ready(early)
    begins, backfills = chance.randint(1, 30), chance.randint(31, 50)
    for world in (early, late):
        chance.seed(seed + 1)
        sales: dict[int, list[int]] = {}
        for number in range(1, 60):
            if world is late and number == begins:
                count(late, clock_us=NOW_US)
            if world is late and number == backfills:
                backfill(late, rows_max=3, clock_us=NOW_US)
            live(world, chance, number, sales)
    names = {row.accumulation_no: row.name for row in read_accumulations(early.engine.book)}
    assert {row.accumulation_no: row.name for row in read_accumulations(late.engine.book)} == names
    assert read_buckets(late.engine.book, 70) == read_buckets(early.engine.book, 70) != []
    # And what one reader of the whole journal comes to.
    tally = Tally(Ruleset(compile_accumulations(names.values())), names)
    for record in late.records:
        tally.take(record.body)
    told = {(number, day): sum_ for number, account, day, store, sum_ in tally.drain() if account == 70}
    assert told == {(number, day): sum_ for number, _, day, sum_, _ in read_buckets(late.engine.book, 70)}
    assert state_digest(replayed(late).book) == state_digest(late.engine.book)  # type: ignore[attr-defined]


def test_a_part_of_history_is_applied_once() -> None:
    world = new_world(RULES)
    for number in (1, 2, 3):
        committed(world, sale(number))
    count(world)
    gap = find_gap(world.engine)
    assert gap is not None
    assert gap[1:] == (0, 4)
    rows = [(gap.numbers[0], 70, DAY, b"", 10000)]
    assert backfill_accumulations(world.engine, gap, 2, rows, NOW_US) is not None
    assert backfill_accumulations(world.engine, gap, 2, rows, NOW_US) is None
    assert backfill_accumulations(world.engine, gap._replace(after_seq=2), 5, rows, NOW_US) is None
    assert read_value(world.engine.book, gap.numbers[0], 70, DAY) == 10000
    assert find_gap(world.engine) == Gap(gap.numbers, 2, 4)
    assert finish_accumulations(world.engine, NOW_US) is None


def test_a_late_sale_counts_at_its_own_date() -> None:
    world = new_world(RULES)
    make_ready(world)
    made = sale(1, price=25000)
    made.mode = receipt_pb2.MODE_OFFLINE
    made.local_time_us = NOW_US - 20 * DAY_US
    committed(world, made)
    assert {row[2] for row in read_buckets(world.engine.book, 70)} >= {DAY - 20}
    assert discounts(committed(world, sale(2)).outcome) == {"a-turnover": 1000}


def test_names_of_a_second_release_are_counted_beside_the_first_and_stores_get_numbers_once() -> None:
    world = new_world(RULES)
    make_ready(world)
    committed(world, sale(1))
    when = "{purchases: {window: year, at: same_store, from: 1}}"
    more = f"{RULES}---\npromotion: z\nstage: card\nwhen: {when}\nreward: [{{percent: {{rate: 1}}}}]\n"
    make_ready(world, more)
    committed(world, sale(2))
    last = max(row.accumulation_no for row in read_accumulations(world.engine.book))
    assert [row[3] for row in read_buckets(world.engine.book, 70) if row[0] == last] == [2]
    assert read_stores(world.engine.book) == ["s1"]
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)  # type: ignore[attr-defined]


def test_what_no_release_asks_for_rests_and_is_dropped_after_forty_days() -> None:
    world = new_world(RULES)
    make_ready(world)
    names = ruleset(RULES).read_set["accumulations"]
    assert tend_accumulations(world.engine, names, NOW_US) is None
    assert tend_accumulations(world.engine, names[1:], NOW_US) is not None
    assert read_accumulations(world.engine.book)[0].state == "RESTING"
    assert are_ready(world.engine, names)
    assert tend_accumulations(world.engine, names, NOW_US + DAY_US) is not None
    assert read_accumulations(world.engine.book)[0].state == "READY"
    assert tend_accumulations(world.engine, names[1:], NOW_US + 2 * DAY_US) is not None
    assert tend_accumulations(world.engine, names[1:], NOW_US + 42 * DAY_US) is None
    assert tend_accumulations(world.engine, names[1:], NOW_US + 43 * DAY_US) is not None
    assert not are_ready(world.engine, names)
    committed(world, sale(1), NOW_US + 43 * DAY_US)
    assert 1 not in {row[0] for row in read_buckets(world.engine.book, 70)}


def test_an_engine_that_is_not_told_how_to_measure_does_not_decide_sales() -> None:
    world = new_world(RULES)
    make_ready(world)
    recovered = World(replayed(world), list(world.records))  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        committed(recovered, sale(1))
    names = [row.name for row in read_accumulations(recovered.engine.book)]
    with pytest.raises(ValueError, match="does not measure"):
        recovered.engine.take_counting(Ruleset(compile_accumulations(names[1:])))
    recovered.engine.take_counting(Ruleset(compile_accumulations(names)))
    assert committed(recovered, sale(1)).outcome.totals.gross_minor == 10000
