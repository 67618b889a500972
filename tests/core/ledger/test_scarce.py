"""Counters and coupons in the book: what a hold keeps, what a commit settles, what a snapshot carries."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from altyn.core.ledger.book import Book
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.snapshot import SnapshotHead, load_snapshot, write_snapshot
from altyn.core.ledger.view import EffectsFlawed, apply_effects, read_counter, read_coupon, read_hold

DAY_US = 86_400_000_000
TODAY = 20_000
NOW = TODAY * DAY_US
PENDING, POSTED, VOIDED, EXPIRED = 1, 2, 3, 4
FREE, HELD, USED, CANCELLED = 1, 2, 3, 4
DAY, WEEK, MONTH, YEAR, ALWAYS = 1, 2, 3, 4, 5
CODE = b"c" * 16


def budget(
    name: str = "spring", window: int = ALWAYS, day: int = 0, subject: int = 0
) -> tuple[str, int, int, int, int, int]:
    return (name, 2, 3, window, subject, day)


def keep(book: Book, hold_id: bytes, *parts: object, state: int = PENDING) -> None:
    apply_effects(book, NOW, holds=[(hold_id, state, 0, NOW + 900, b"", list(parts))])  # type: ignore[list-item]


def test_counter_held_then_settled_by_a_commit_is_used() -> None:
    book = Book()
    keep(book, b"1" * 16, ("counter", 500, budget()))
    assert read_counter(book, budget()) == (0, 500)
    apply_effects(book, NOW, holds=[(b"1" * 16, POSTED, 0, 0, b"", [])], counters=[(budget(), 470)])
    assert read_counter(book, budget()) == (470, 0)


@pytest.mark.parametrize("state", [VOIDED, EXPIRED])
def test_counter_held_is_free_again_when_the_hold_ends(state: int) -> None:
    book = Book()
    keep(book, b"1" * 16, ("counter", 500, budget()), ("coupon", 0, CODE))
    assert read_coupon(book, CODE)[0] == HELD
    keep(book, b"1" * 16, state=state)
    assert read_counter(book, budget()) == (0, 0)
    assert read_coupon(book, CODE)[0] == FREE


def test_counters_of_other_subjects_windows_and_limits_are_others() -> None:
    book = Book()
    keys = [
        budget(), budget("summer"), budget(subject=7), budget(window=DAY, day=TODAY), budget(window=DAY, day=TODAY + 1),
        ("spring", 1, 3, ALWAYS, 0, 0), ("spring", 2, 1, ALWAYS, 0, 0),
    ]  # fmt: skip
    apply_effects(book, NOW, counters=[(key, 1 + n) for n, key in enumerate(keys)])
    assert [read_counter(book, key)[0] for key in keys] == [1 + n for n in range(len(keys))]


def test_counter_below_zero_is_refused_and_nothing_changes() -> None:
    book = Book()
    apply_effects(book, NOW, counters=[(budget(), 5)])
    with pytest.raises(EffectsFlawed) as refused:
        apply_effects(book, NOW, counters=[(budget("summer"), 1), (budget(), -6)])
    assert refused.value.flaw == "COUNTER_RANGE"
    assert (read_counter(book, budget()), read_counter(book, budget("summer"))) == ((5, 0), (0, 0))


def test_counters_of_a_window_long_over_are_forgotten_and_left_alone() -> None:
    book = Book()
    day, month = budget(window=DAY, day=TODAY), budget(window=MONTH, day=TODAY)
    apply_effects(book, NOW, counters=[(day, 5), (month, 5), (budget(), 5)])
    apply_effects(book, NOW + 42 * DAY_US)
    assert (read_counter(book, day), read_counter(book, month)) == ((0, 0), (5, 0))
    apply_effects(book, NOW + 42 * DAY_US, counters=[(day, -5)])
    apply_effects(book, NOW + 80 * DAY_US)
    assert (read_counter(book, month), read_counter(book, budget())) == ((0, 0), (5, 0))


def test_coupon_goes_its_way_and_no_other() -> None:
    book = Book()
    keep(book, b"1" * 16, ("coupon", 0, CODE))
    with pytest.raises(EffectsFlawed):
        keep(book, b"2" * 16, ("coupon", 0, CODE))
    with pytest.raises(EffectsFlawed):
        apply_effects(book, NOW, coupons=[(CODE, 3, USED, 0, False)])
    apply_effects(book, NOW, holds=[(b"1" * 16, POSTED, 0, 0, b"", [])], coupons=[(CODE, 3, USED, 0, False)])
    assert read_coupon(book, CODE) == (USED, 3, 0, False)
    with pytest.raises(EffectsFlawed):
        keep(book, b"2" * 16, ("coupon", 0, CODE))
    with pytest.raises(EffectsFlawed):
        apply_effects(book, NOW, coupons=[(CODE, 3, CANCELLED, 0, False)])
    apply_effects(book, NOW, coupons=[(CODE, 3, FREE, 0, False)])
    assert read_coupon(book, CODE) == (FREE, 0, 0, False)


def test_issued_coupon_is_remembered_while_free_and_may_be_cancelled() -> None:
    book = Book()
    apply_effects(book, NOW, coupons=[(CODE, 9, FREE, NOW + 5, True)])
    assert read_coupon(book, CODE) == (FREE, 9, NOW + 5, True)
    with pytest.raises(EffectsFlawed):
        apply_effects(book, NOW, coupons=[(CODE, 9, FREE, NOW + 5, True)])
    apply_effects(book, NOW, coupons=[(CODE, 9, CANCELLED, 0, False)])
    assert read_coupon(book, CODE)[0] == CANCELLED
    with pytest.raises(EffectsFlawed):
        keep(book, b"1" * 16, ("coupon", 0, CODE))


def walked(seed: int) -> tuple[Book, dict[tuple[object, ...], int], dict[bytes, dict[tuple[object, ...], int]]]:
    """A book after random holds and settlements, with what its counters must be."""
    rng = random.Random(seed)
    book = Book()
    used: dict[tuple[object, ...], int] = defaultdict(int)
    holds: dict[bytes, dict[tuple[object, ...], int]] = {}
    codes = iter(range(10_000))
    for step in range(200):
        key = budget(rng.choice("abc"), *rng.choice([(ALWAYS, 0), (DAY, TODAY), (WEEK, TODAY - 3)]), rng.randrange(3))  # type: ignore[misc]
        amount = rng.randrange(1, 100)
        if rng.random() < 0.5 or not holds:
            hold_id = step.to_bytes(16, "big")
            code = next(codes).to_bytes(16, "little")
            keep(book, hold_id, ("counter", amount, key), ("coupon", 0, code))
            holds[hold_id] = {key: amount}
        else:
            hold_id = rng.choice(sorted(holds))
            kept = holds.pop(hold_id)
            state = rng.choice([POSTED, VOIDED, EXPIRED])
            settled = [(key, amount) for key, amount in kept.items()] if state == POSTED else []
            code = read_hold(book, hold_id)["parts"][1][2]  # type: ignore[index]
            coupons = [(code, 1, USED, 0, False)] if state == POSTED else []
            apply_effects(book, NOW, holds=[(hold_id, state, 0, 0, b"", [])], counters=settled, coupons=coupons)  # type: ignore[arg-type]
            for key_, amount_ in settled:
                used[key_] += amount_
    return book, used, holds


@pytest.mark.parametrize("seed", range(5))
def test_counters_equal_a_plain_model_and_survive_a_snapshot(seed: int) -> None:
    book, used, holds = walked(seed)
    held: dict[tuple[object, ...], int] = defaultdict(int)
    for kept in holds.values():
        for key, amount in kept.items():
            held[key] += amount
    for key in {*used, *held}:
        assert read_counter(book, key) == (used[key], held[key])  # type: ignore[arg-type]
    blocks = b"".join(write_snapshot(book, Operations(), SnapshotHead(1, 1, 1, 1, bytes(32))))
    again = load_snapshot(blocks)[1]
    assert state_digest(again) == state_digest(book)
    for key in {*used, *held}:
        assert read_counter(again, key) == (used[key], held[key])  # type: ignore[arg-type]
    for hold_id in holds:
        assert read_hold(again, hold_id) == read_hold(book, hold_id)
        keep(again, hold_id, state=VOIDED)
        keep(book, hold_id, state=VOIDED)
    assert state_digest(again) == state_digest(book)
