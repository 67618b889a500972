"""Accumulators in the book against a model that keeps every difference by its date and forgets nothing."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.ledger.accumulators_view import (
    accumulator_sizes,
    apply_accumulators,
    move_buckets,
    read_accumulations,
    read_buckets,
    read_stores,
    read_value,
)
from altyn.core.ledger.book import Book
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotDamaged, SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import EffectsFlawed, apply_effects

DAY_US = 86_400_000_000
TODAY = 20_000
LONG_AGO = -1_000_000_000
Difference = tuple[int, int, int, int, int]


def name(measure: str, window: Any = "always", **more: Any) -> str:
    return json.dumps({"measure": measure, "window": window, **more}, sort_keys=True, separators=(",", ":"))


KEPT = {
    1: name("SUM"),
    2: name("RECEIPTS", "week"),
    3: name("SUM", "month"),
    4: name("UNITS", "year"),
    5: name("SUM", {"days": "30"}),
    6: name("RECEIPTS", {"days": "366"}, at="same_store"),
    7: name("REACHED", sum_minor=1000),
    8: json.dumps({"measure": "FIRST_USE", "promotion": "p"}),
    9: name("REACHED", sum_minor=500, at="same_store"),
}
STORES = ("s1", "s2")


def window_of(number: int, day: int) -> range:
    """Business dates by Python's own calendar."""
    at = date(1970, 1, 1) + timedelta(day)
    if number == 2:
        monday = day - at.weekday()
        return range(monday, monday + 7)
    if number == 3:
        first = at.replace(day=1)
        return range(day - at.day + 1, day - at.day + 1 + ((first + timedelta(32)).replace(day=1) - first).days)
    if number == 4:
        first = day - at.timetuple().tm_yday + 1
        return range(first, first + (date(at.year + 1, 1, 1) - date(at.year, 1, 1)).days)
    return range(day - {5: 30, 6: 366}[number] + 1, day + 1)


def bucket_of(number: int, day: int) -> int:
    return 0 if number == 1 else window_of(number, day)[0] if number in (2, 3, 4) else day


class Model:
    """Every part by (number, account, store, date)."""

    def __init__(self) -> None:
        self.parts: dict[tuple[int, int, int], dict[int, int]] = defaultdict(lambda: defaultdict(int))

    def add(self, number: int, account: int, day: int, store: int, part: int) -> None:
        self.parts[number, account, store][day] += part

    def value(self, number: int, account: int, day: int, store: int) -> int | None:
        parts = self.parts[number, account, store if number in (6, 9) else 0]
        if number < 7:
            days = parts if number == 1 else [at for at in window_of(number, day) if at in parts]
            return sum(parts[at] for at in days)
        left = {7: 1000, 8: 1, 9: 500}[number]
        for at in sorted(parts):
            left -= parts[at]
            if left <= 0:
                return at
        return None


def new_book(now: int = TODAY * DAY_US, ready: bool = True, kept: Iterable[int] = KEPT) -> Book:
    book = Book()
    apply_accumulators(
        book,
        now,
        accumulations=[(number, "COUNTING", KEPT[number], 7, 0) for number in kept],
        stores=[(place, store) for place, store in enumerate(STORES, 1)],
    )
    if ready:
        apply_accumulators(book, now, accumulations=[(number, "READY", "", 0, 0) for number in kept])
    return book


def difference(number: int, account: int, day: int, store: int, part: int) -> Difference:
    return number, account, bucket_of(number, day) if number < 7 else day, store if number in (6, 9) else 0, part


def snapshotted(book: Book) -> Book:
    blocks = b"".join(write_snapshot(book, Operations(), SnapshotHead(0, 0, 1, 1, bytes(32))))
    return load_snapshot(blocks)[1]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(30, 140))
def test_values_are_those_of_a_model_that_forgets_nothing(seed: int, steps: int) -> None:
    """Sales up to 30 days late and returns up to 40 days after, over two years, with pauses and snapshots."""
    chance = random.Random(seed)
    book, model, day = new_book(), Model(), TODAY
    sold: list[tuple[int, int, int, int, int]] = []
    for _ in range(steps):
        day += chance.choice((0, 0, 0, 1, 1, 2, 9, 33, 70))
        now = day * DAY_US + chance.randrange(DAY_US)
        changes = []
        account, store = chance.randint(1, 3), chance.randint(1, 2)
        if chance.random() < 0.3 and sold:
            taken = sold.pop(chance.randrange(len(sold)))
            if taken[1] >= day - 39:
                account, at, store, part, number = taken
                changes = [(number, account, at, store, -part)]
        else:
            at = day - chance.choice((0, 0, 0, 1, 5, 30))
            for number in KEPT:
                part = 1 if number in (2, 6, 8) else chance.randint(1, 400)
                changes.append((number, account, at, store, part))
                sold.append((account, at, store, part, number))
        apply_accumulators(book, now, differences=[difference(*change) for change in changes])
        for number, account, at, store, part in changes:
            model.add(number, account, at, store if number in (6, 9) else 0, part)
        if chance.random() < 0.2:
            loaded = snapshotted(book)
            assert state_digest(loaded) == state_digest(book)
            book = loaded
        for number in KEPT:
            for account in (1, 2, 3):
                at, store = day - chance.choice((0, 0, 7, 30)), chance.randint(1, 2)
                assert read_value(book, number, account, at, store) == model.value(number, account, at, store)


def test_a_state_depends_on_the_records_and_not_on_when_a_snapshot_was_loaded() -> None:
    book, now = new_book(), TODAY * DAY_US
    apply_accumulators(
        book, now, differences=[difference(n, a, TODAY, 1, 700) for a in range(1, 400) for n in (1, 5, 7)]
    )
    other = snapshotted(book)
    for hour in range(0, 24 * 90, 5):
        for one in (book, other):
            apply_effects(one, now + hour * DAY_US // 24)
        if hour % 300 == 0:
            other = snapshotted(other)
    assert state_digest(book) == state_digest(other)
    assert accumulator_sizes(book)[0] < 3 * 399


def turn(book: Book, day: int) -> None:
    """A whole day passes, record by record."""
    for part in range(4096 // 8 + 1):
        apply_effects(book, day * DAY_US + part * (DAY_US // 512))


def test_buckets_of_accounts_that_grow_in_step_take_no_more_memory_than_of_one_that_is_loaded() -> None:
    book, accounts = new_book(kept=[5]), range(1, 2001)
    for day in range(20):
        apply_accumulators(book, TODAY * DAY_US, differences=[(5, account, TODAY - day, 0, 7) for account in accounts])
    count, size = accumulator_sizes(book)
    assert count == 40_000 and size / count < 26
    assert size < accumulator_sizes(snapshotted(book))[1] * 1.02


@pytest.mark.parametrize("seed", range(3))
def test_buckets_of_many_accounts_that_grow_and_shrink_stay_each_its_own(seed: int) -> None:
    """Sizes on both sides of what lies alone, so that blocks of all kinds are given back in any order."""
    chance, book = random.Random(seed), new_book(kept=[1, 5])
    model: dict[int, dict[int, int]] = defaultdict(dict)
    for _ in range(400):
        account, size = chance.randint(1, 40), chance.choice((1, 2, 5, 30, 120))
        rows = []
        for day in chance.sample(range(TODAY - 300, TODAY), size):
            known = model[account].pop(day, 0)
            if not known:
                model[account][day] = chance.randint(1, 99)
            rows.append((5, account, day, 0, -known or model[account][day]))
        apply_accumulators(book, 0x1_0000, differences=rows)
    for account, days in model.items():
        assert read_buckets(book, account) == [(5, 0, day, days[day], "") for day in sorted(days)]
    assert accumulator_sizes(book)[0] == sum(map(len, model.values()))
    assert state_digest(snapshotted(book)) == state_digest(book)


def test_a_plan_that_empties_an_account_before_it_puts_more_keeps_to_its_own_room() -> None:
    book = new_book(kept=[5])
    for account in (1, 2, 3):
        apply_accumulators(book, TODAY * DAY_US, differences=[(5, account, TODAY, 0, account)])
    rows = [(5, 2, TODAY, 0, -2), *((5, 2, TODAY - day, 0, day) for day in range(1, 9))]
    apply_accumulators(book, TODAY * DAY_US, differences=rows)
    assert read_buckets(book, 2) == [(5, 0, TODAY - day, day, "") for day in range(8, 0, -1)]
    assert [read_buckets(book, account) for account in (1, 3)] == [[(5, 0, TODAY, n, "")] for n in (1, 3)]


def test_what_is_long_over_takes_no_memory() -> None:
    book = new_book()
    apply_accumulators(book, TODAY * DAY_US, differences=[difference(n, 1, TODAY, 1, 5) for n in KEPT])
    for day, left in (
        (TODAY + 48, [1, 3, 4, 5, 6, 7, 8, 9]),
        (TODAY + 72, [1, 4, 6, 7, 8, 9]),
        (TODAY + 420, [1, 7, 8, 9]),
    ):
        turn(book, day)
        assert [row[0] for row in read_buckets(book, 1)] == left


def test_a_date_that_was_found_is_settled_and_nothing_after_it_is_kept() -> None:
    book = new_book()
    sums = {TODAY - 3: 400, TODAY - 1: 300, TODAY: 400, TODAY + 5: 900}
    for day, part in sums.items():
        apply_accumulators(book, TODAY * DAY_US, differences=[(7, 1, day, 0, part)])
    assert read_value(book, 7, 1, TODAY + 5) == TODAY
    turn(book, TODAY + 42)
    assert read_buckets(book, 1) == [(7, 0, TODAY, 1100, "CLOSED")]
    apply_accumulators(book, (TODAY + 43) * DAY_US, differences=[(7, 1, TODAY + 43, 0, 50)])
    assert read_buckets(book, 1) == [(7, 0, TODAY, 1100, "CLOSED")]
    assert read_value(book, 7, 1, TODAY + 43) == TODAY
    # What the date rested on comes back much later: the date holds no more, and no other is made up.
    apply_accumulators(book, (TODAY + 43) * DAY_US, differences=[(7, 1, TODAY - 3, 0, -400)])
    assert read_value(book, 7, 1, TODAY + 43) == LONG_AGO


def test_days_before_a_date_that_is_not_found_yet_become_one() -> None:
    book = new_book()
    apply_accumulators(book, TODAY * DAY_US, differences=[(7, 1, TODAY - day, 0, 90) for day in (3, 2, 1, 0)])
    turn(book, TODAY + 42)
    assert read_buckets(book, 1) == [(7, 0, TODAY, 360, "MERGED")]
    late = (TODAY + 43) * DAY_US
    apply_accumulators(book, late, differences=[(7, 1, TODAY - 3, 0, -90), (7, 1, TODAY + 43, 0, 730)])
    assert read_value(book, 7, 1, TODAY + 43) == TODAY + 43


def test_nothing_is_settled_while_history_is_counted() -> None:
    book = new_book(ready=False)
    apply_accumulators(book, TODAY * DAY_US, differences=[(7, 1, TODAY, 0, 1000), (7, 2, TODAY, 0, 1)])
    turn(book, TODAY + 50)
    apply_accumulators(book, (TODAY + 51) * DAY_US, differences=[(7, 1, TODAY - 300, 0, 1000)])
    assert read_value(book, 7, 1, TODAY + 51) == TODAY - 300


def test_a_difference_may_come_before_what_it_is_taken_from() -> None:
    book = new_book(ready=False)
    apply_accumulators(book, TODAY * DAY_US, differences=[(1, 1, 0, 0, -70)])
    assert read_value(book, 1, 1, TODAY) == -70
    apply_accumulators(book, TODAY * DAY_US, differences=[(1, 1, 0, 0, 70)])
    assert (read_value(book, 1, 1, TODAY), read_buckets(book, 1)) == (0, [])


def test_sums_stop_at_their_bounds() -> None:
    book = new_book()
    for _ in range(3):
        apply_accumulators(book, TODAY * DAY_US, differences=[(1, 1, 0, 0, 2 * 10**18)])
    assert read_value(book, 1, 1, TODAY) == 2 * 10**18


@pytest.mark.parametrize(
    "wrong",
    [
        {"differences": [(40, 1, 0, 0, 1)]},
        {"differences": [(1, 1, -1, 0, 1)]},
        {"differences": [(1, 1, 0, 1, 1)]},
        {"differences": [(6, 1, TODAY, 0, 1)]},
        {"differences": [(6, 1, TODAY, 3, 1)]},
        {"differences": [(1, 2, 0, 0, 1), (1, 1, 0, 0, 1)]},
        {"differences": [(1, 1, 0, 0, 3 * 10**18)]},
        {"stores": [(2, "s3")]},
        {"stores": [(3, "s1")]},
        {"accumulations": [(1, "COUNTING", KEPT[1], 0, 0)]},
        {"accumulations": [(1, "COUNTING", "", 0, 5)]},
        {"accumulations": [(1, "READY", "", 0, 0)]},
        {"accumulations": [(1, "DROPPED", "", 0, 0)]},
        {"accumulations": [(40, "READY", "", 0, 0)]},
        {"accumulations": [(5000, "COUNTING", KEPT[1], 0, 0)]},
    ],
)
def test_what_cannot_be_is_refused_whole(wrong: dict[str, Any]) -> None:
    book = new_book()
    before = state_digest(book)
    with pytest.raises(EffectsFlawed) as refused:
        apply_accumulators(book, TODAY * DAY_US, **wrong)
    assert refused.value.flaw == "ACCUMULATOR_RANGE"
    assert state_digest(book) == before


def test_a_dropped_accumulation_loses_its_buckets_and_then_its_number() -> None:
    book = new_book(kept=(1, 5))
    apply_accumulators(book, TODAY * DAY_US, differences=[(1, 1, 0, 0, 5), (5, 1, TODAY, 0, 5)])
    apply_accumulators(book, TODAY * DAY_US, accumulations=[(1, "RESTING", "", 0, 0)])
    apply_accumulators(book, TODAY * DAY_US, accumulations=[(1, "DROPPED", "", 0, 0)])
    with pytest.raises(EffectsFlawed):
        apply_accumulators(book, TODAY * DAY_US, differences=[(1, 1, 0, 0, 5)])
    turn(book, TODAY + 1)
    assert read_buckets(book, 1) == [(5, 0, TODAY, 5, "")]
    turn(book, TODAY + 2)
    assert [row.accumulation_no for row in read_accumulations(book)] == [5]
    apply_accumulators(book, (TODAY + 3) * DAY_US, accumulations=[(1, "COUNTING", KEPT[3], 9, 0)])
    assert read_accumulations(book)[0].name == KEPT[3]


def test_one_account_takes_over_what_another_has() -> None:
    chance, book, whole = random.Random(3), new_book(), new_book()
    for _ in range(200):
        number, day = chance.choice(list(KEPT)), TODAY - chance.randrange(30)
        part = chance.randint(1, 90)
        store = chance.randint(1, 2)
        apply_accumulators(
            book, TODAY * DAY_US, differences=[difference(number, chance.choice((1, 2)), day, store, part)]
        )
        apply_accumulators(whole, TODAY * DAY_US, differences=[difference(number, 2, day, store, part)])
    move_buckets(book, 1, 2)
    assert read_buckets(book, 1) == []
    assert read_buckets(book, 2) == read_buckets(whole, 2)
    assert state_digest(book) == state_digest(whole)


def test_a_settled_date_moves_with_its_account() -> None:
    book = new_book()
    apply_accumulators(book, TODAY * DAY_US, differences=[(7, 1, TODAY, 0, 1000)])
    turn(book, TODAY + 42)
    later = (TODAY + 43) * DAY_US
    apply_accumulators(book, later, differences=[(7, 2, TODAY + 20, 0, 300), (7, 2, TODAY + 43, 0, 300)])
    move_buckets(book, 1, 2)
    assert read_buckets(book, 2) == [(7, 0, TODAY, 1000, "CLOSED")]


def test_a_snapshot_keeps_names_stores_and_buckets_and_a_damaged_one_is_refused() -> None:
    book = new_book()
    apply_accumulators(book, TODAY * DAY_US, differences=[difference(n, 5, TODAY, 2, 5) for n in KEPT])
    loaded = snapshotted(book)
    assert read_accumulations(loaded) == read_accumulations(book)
    assert read_stores(loaded) == list(STORES)
    assert read_buckets(loaded, 5) == read_buckets(book, 5)
    blocks = list(write_snapshot(book, Operations(), SnapshotHead(0, 0, 1, 1, bytes(32))))
    without = b"".join(block for block in blocks if KEPT[7].encode() not in block)
    with pytest.raises(SnapshotDamaged):
        load_snapshot(without)


def test_a_book_that_keeps_none_has_the_snapshot_it_always_had() -> None:
    kinds = [
        int.from_bytes(block[6:8], "little")
        for block in write_snapshot(Book(), Operations(), SnapshotHead(0, 0, 1, 1, bytes(32)))
    ]
    assert not {15, 16} & set(kinds)


def test_twenty_buckets_a_customer_take_less_than_24_bytes_each() -> None:
    book = new_book(kept=(5,))
    for account in range(1, 20_001, 100):
        rows = [(5, one, TODAY - day, 0, 100) for one in range(account, account + 100) for day in range(0, 60, 3)]
        apply_accumulators(book, TODAY * DAY_US, differences=rows)
    count, size = accumulator_sizes(book)
    assert count == 20_000 * 20
    assert size / count < 24
