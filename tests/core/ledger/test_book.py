"""The compiled book against its plain Python model, and every refusal of a flawed plan."""

from __future__ import annotations

import pytest

from altyn.core.ledger.book import Book
from altyn.core.ledger.view import (
    EffectsFlawed,
    apply_effects,
    read_balances,
    read_due_hold,
    read_due_lots,
    read_hold,
    read_leads_to,
    read_lots,
    read_pick,
    read_totals,
)
from tests.core.ledger.model import (
    ACCRUAL,
    ADJUSTED,
    ADJUSTMENT,
    CLAWBACK,
    EXPIRED,
    EXPIRED_POINTS,
    EXPIRY,
    ISSUED,
    PENDING,
    POSTED,
    REDEEMED,
    REDEMPTION,
    RESTORE,
    TRANSFER,
    VOIDED,
)
from tests.core.ledger.walk import Walk

NOW = 1_000_000
DAY = 86_400_000_000


def accrue(
    book: Book,
    lot_id: int,
    points: int,
    *,
    account: int = 7,
    asset: int = 0,
    active: int = 0,
    expires: int = 0,
    instant: int = NOW,
) -> None:
    apply_effects(
        book,
        instant,
        lots=[(lot_id, account, asset, points, active, expires)],
        entries=[(ACCRUAL, [(account, asset, points, lot_id), (ISSUED, asset, -points, 0)])],
    )


def hold(
    hold_id: bytes, points: int, lot_id: int, *, key: bytes = b"", expires: int = NOW + 5
) -> tuple[bytes, int, int, int, bytes, list[tuple[int, int, int]]]:
    return (hold_id, PENDING, 7, expires, key, [(0, points, lot_id)] if points else [])


def ended(hold_id: bytes, state: int) -> tuple[bytes, int, int, int, bytes, list[tuple[int, int, int]]]:
    return (hold_id, state, 0, 0, b"", [])


H1, H2, H3 = b"1" * 16, b"2" * 16, b"3" * 16
K1 = b"k" * 16


def test_accrual_opens_a_lot_and_moves_the_programme_total() -> None:
    book = Book()
    accrue(book, 256, 500)
    assert read_balances(book, 7, NOW) == {0: (500, 0, 0, 0)}
    assert read_totals(book, 0) == {1: -500, 2: 0, 3: 0, 4: 0, 5: 0}
    assert read_lots(book, 7) == [(256, 0, 500, 500, 0, 0, 0)]


def test_balance_at_an_instant_splits_active_pending_and_leaves_out_expired() -> None:
    book = Book()
    accrue(book, 256, 100, active=NOW + 10)
    accrue(book, 512, 200, expires=NOW + 20)
    assert read_balances(book, 7, NOW) == {0: (200, 100, 0, 0)}
    assert read_balances(book, 7, NOW + 10) == {0: (300, 0, 0, 0)}
    assert read_balances(book, 7, NOW + 19) == {0: (300, 0, 0, 0)}
    assert read_balances(book, 7, NOW + 20) == {0: (100, 0, 0, 0)}


def test_pick_uses_earliest_expiry_then_earned_then_id_and_never_expiring_last() -> None:
    book = Book()
    accrue(book, 1, 10)
    accrue(book, 2, 10, expires=NOW + 9, active=5)
    accrue(book, 4, 10, expires=NOW + 9, active=3)
    accrue(book, 3, 10, expires=NOW + 9, active=3)
    accrue(book, 5, 10, expires=NOW + 8, active=9)
    accrue(book, 6, 10, expires=NOW + 1, asset=1)
    assert [lot for _, _, lot in read_pick(book, 7, 0, 99, NOW)] == [5, 3, 4, 2, 1]
    assert read_pick(book, 7, 0, 15, NOW) == [(0, 10, 5), (0, 5, 3)]


def test_hold_lowers_active_until_voided() -> None:
    book = Book()
    accrue(book, 256, 100)
    apply_effects(book, NOW, holds=[hold(H1, 60, 256, key=K1)])
    assert read_balances(book, 7, NOW) == {0: (40, 0, 60, 0)}
    assert read_pick(book, 7, 0, 100, NOW) == [(0, 40, 256)]
    apply_effects(book, NOW, holds=[ended(H1, VOIDED)])
    assert read_balances(book, 7, NOW) == {0: (100, 0, 0, 0)}
    assert read_hold(book, H1) is None


def test_hold_posted_with_its_redemption_takes_the_points() -> None:
    book = Book()
    accrue(book, 256, 100)
    apply_effects(book, NOW, holds=[hold(H1, 60, 256, key=K1)])
    apply_effects(
        book,
        NOW,
        entries=[(REDEMPTION, [(7, 0, -60, 256), (REDEEMED, 0, 60, 0)])],
        holds=[ended(H1, POSTED)],
    )
    assert read_balances(book, 7, NOW) == {0: (40, 0, 0, 0)}


def test_hold_of_a_whole_lot_posted_leaves_an_empty_lot_that_a_return_refills() -> None:
    book = Book()
    accrue(book, 256, 100, expires=NOW + 100)
    apply_effects(book, NOW, entries=[(REDEMPTION, [(7, 0, -100, 256), (REDEEMED, 0, 100, 0)])])
    assert read_balances(book, 7, NOW) == {}
    assert read_lots(book, 7) == [(256, 0, 100, 0, 0, 0, NOW + 100)]
    apply_effects(book, NOW, entries=[(RESTORE, [(7, 0, 30, 256), (REDEEMED, 0, -30, 0)])])
    assert read_balances(book, 7, NOW) == {0: (30, 0, 0, 0)}


def test_hold_without_parts_keeps_a_price() -> None:
    book = Book()
    apply_effects(book, NOW, holds=[(H1, PENDING, 0, NOW + 5, K1, [])])
    held = read_hold(book, H1)
    assert held is not None and held["parts"] == [] and held["state"] == PENDING
    apply_effects(book, NOW, holds=[ended(H1, POSTED)])
    assert book.holds_count == 0


def test_second_hold_of_a_receipt_is_refused_unless_the_first_ends_in_the_same_operation() -> None:
    book = Book()
    accrue(book, 256, 100)
    apply_effects(book, NOW, holds=[hold(H1, 60, 256, key=K1)])
    with pytest.raises(EffectsFlawed, match="HOLD_TAKEN"):
        apply_effects(book, NOW, holds=[hold(H2, 40, 256, key=K1)])
    apply_effects(book, NOW, holds=[ended(H1, VOIDED), hold(H2, 100, 256, key=K1)])
    assert read_balances(book, 7, NOW) == {0: (0, 0, 100, 0)}


def test_expired_hold_gives_points_back_and_is_remembered_for_a_late_commit() -> None:
    book = Book()
    accrue(book, 256, 100)
    apply_effects(book, NOW, holds=[hold(H1, 60, 256, key=K1)])
    assert read_due_hold(book, NOW + 4) is None
    due = read_due_hold(book, NOW + 5)
    assert due is not None and due["hold_id"] == H1
    apply_effects(book, NOW + 5, holds=[ended(H1, EXPIRED)])
    assert read_balances(book, 7, NOW) == {0: (100, 0, 0, 0)}
    assert read_due_hold(book, NOW + 5) is None
    remembered = read_hold(book, H1)
    assert remembered is not None and remembered["state"] == EXPIRED and remembered["parts"] == [(0, 60, 256)]
    with pytest.raises(EffectsFlawed, match="HOLD_STATE"):
        apply_effects(book, NOW + 6, holds=[ended(H1, EXPIRED)])
    apply_effects(
        book, NOW + 6, holds=[ended(H1, POSTED)], entries=[(REDEMPTION, [(7, 0, -60, 256), (REDEEMED, 0, 60, 0)])]
    )
    assert read_hold(book, H1) is None
    assert read_balances(book, 7, NOW) == {0: (40, 0, 0, 0)}


def test_expired_hold_is_forgotten_after_thirty_days_by_any_operation() -> None:
    book = Book()
    apply_effects(book, NOW, holds=[hold(H1, 0, 0)])
    apply_effects(book, NOW + 5, holds=[ended(H1, EXPIRED)])
    accrue(book, 256, 1, instant=NOW + 5 + 30 * DAY - 1)
    assert read_hold(book, H1) is not None
    apply_effects(book, NOW + 4 + 30 * DAY, holds=[(H2, PENDING, 0, NOW + 40 * DAY, b"", [])])
    accrue(book, 512, 1, instant=NOW + 5 + 30 * DAY)
    assert read_hold(book, H1) is None


def test_due_hold_is_found_behind_an_expired_one_that_waits_to_be_forgotten() -> None:
    book = Book()
    apply_effects(book, NOW, holds=[hold(H1, 0, 0)])
    apply_effects(book, NOW + 5, holds=[ended(H1, EXPIRED)])
    apply_effects(
        book, NOW + 6, holds=[(H2, PENDING, 0, NOW + 40 * DAY, b"", []), (H3, PENDING, 0, NOW + 39 * DAY, b"", [])]
    )
    due = read_due_hold(book, NOW + 50 * DAY)
    assert due is not None and due["hold_id"] == H3


def test_debt_is_a_balance_below_zero_that_the_next_accrual_pays() -> None:
    book = Book()
    apply_effects(book, NOW, entries=[(CLAWBACK, [(7, 0, -30, 0), (ISSUED, 0, 30, 0)])])
    assert read_balances(book, 7, NOW) == {0: (0, 0, 0, 30)}
    apply_effects(
        book,
        NOW,
        lots=[(256, 7, 0, 100, 0, 0)],
        entries=[
            (ACCRUAL, [(7, 0, 100, 256), (ISSUED, 0, -100, 0)]),
            (CLAWBACK, [(7, 0, -30, 256), (7, 0, 30, 0)]),
        ],
    )
    assert read_balances(book, 7, NOW) == {0: (70, 0, 0, 0)}
    assert book.lots_count == 1


def test_expiry_closes_the_lot_and_leaves_a_held_part() -> None:
    book = Book()
    accrue(book, 256, 100, expires=NOW + 10)
    apply_effects(book, NOW, holds=[hold(H1, 60, 256, expires=NOW + 99)])
    assert read_due_lots(book, 0, NOW + 9, 100) == (0, [])
    assert read_due_lots(book, 0, NOW + 10, 100) == (0, [(7, 0, 40, 256)])
    apply_effects(book, NOW + 10, entries=[(EXPIRY, [(7, 0, -40, 256), (EXPIRED_POINTS, 0, 40, 0)])])
    assert read_balances(book, 7, NOW + 10) == {0: (0, 0, 60, 0)}
    assert read_due_lots(book, 0, NOW + 10, 100) == (0, [])
    apply_effects(book, NOW + 11, holds=[ended(H1, VOIDED)])
    assert read_due_lots(book, 0, NOW + 11, 100) == (0, [(7, 0, 60, 256)])
    apply_effects(book, NOW + 11, entries=[(EXPIRY, [(7, 0, -60, 256), (EXPIRED_POINTS, 0, 60, 0)])])
    assert read_lots(book, 7) == [] and book.lots_count == 0
    assert read_totals(book, 0) == {1: -100, 2: 0, 3: 100, 4: 0, 5: 0}


def test_expiry_of_nothing_closes_an_empty_lot() -> None:
    book = Book()
    accrue(book, 256, 100, expires=NOW + 10)
    apply_effects(book, NOW, entries=[(REDEMPTION, [(7, 0, -100, 256), (REDEEMED, 0, 100, 0)])])
    assert read_due_lots(book, 0, NOW + 10, 100) == (0, [(7, 0, 0, 256)])
    apply_effects(book, NOW + 10, entries=[(EXPIRY, [(7, 0, 0, 256), (EXPIRED_POINTS, 0, 0, 0)])])
    assert book.lots_count == 0


def test_totals_beyond_64_bits_stay_exact() -> None:
    book = Book()
    most = 10**15
    for n in range(0, 40_000, 200):
        lots = [(n + i + 1, 7, 0, most, 0, 0) for i in range(200)]
        entry = (ADJUSTMENT, [(7, 0, most, lot[0]) for lot in lots] + [(ADJUSTED, 0, -most, 0)] * 200)
        apply_effects(book, NOW, lots=lots, entries=[entry])
        apply_effects(
            book, NOW, entries=[(EXPIRY, [(7, 0, -most, lot[0]) for lot in lots] + [(ISSUED, 0, most, 0)] * 200)]
        )
    assert read_totals(book, 0) == {1: 40_000 * most, 2: 0, 3: 0, 4: -40_000 * most, 5: 0}
    assert 40_000 * most > 2**64


def test_a_merged_account_leaves_its_lots_whole_and_leads_to_the_other() -> None:
    book = Book()
    accrue(book, 256, 100, account=8, active=5, expires=NOW + 9)
    accrue(book, 257, 50, account=8)
    apply_effects(book, NOW, entries=[(REDEMPTION, [(8, 0, -30, 256), (8, 0, -50, 257), (REDEEMED, 0, 80, 0)])])
    apply_effects(book, NOW, entries=[(CLAWBACK, [(8, 1, -9, 0), (ISSUED, 1, 9, 0)])])
    apply_effects(
        book,
        NOW,
        lots=[(256, 7, 0, 100, 5, NOW + 9), (257, 7, 0, 50, 0, 0)],
        entries=[
            (TRANSFER, [(8, 0, -70, 256), (7, 0, 70, 256)]),
            (TRANSFER, [(8, 1, 9, 0), (7, 1, -9, 0)]),
        ],
        closed=[(8, 0, 256), (8, 0, 257)],
        forward=(8, 7),
    )
    assert read_lots(book, 8) == [] and book.lots_count == 3
    assert read_lots(book, 7) == [(256, 0, 100, 70, 0, 5, NOW + 9), (0, 1, 0, -9, 0, 0, 0), (257, 0, 50, 0, 0, 0, 0)]
    assert [read_leads_to(book, account) for account in (6, 7, 8)] == [6, 7, 7]
    assert read_totals(book, 0) == {1: -150, 2: 80, 3: 0, 4: 0, 5: 0}


def test_what_led_to_a_merged_account_leads_where_that_one_goes() -> None:
    book = Book()
    for account, to in ((1, 9), (2, 9), (3, 8), (4, 8), (9, 8), (5, 8), (8, 7), (6, 7)):
        apply_effects(book, NOW, forward=(account, to))
    assert {read_leads_to(book, account) for account in range(1, 10)} == {7}


def accrual(*postings: tuple[int, int, int, int]) -> dict[str, object]:
    return {"entries": [(ACCRUAL, list(postings))]}


FLAWED: list[tuple[str, dict[str, object]]] = [
    ("ENTRY_UNBALANCED", accrual((7, 0, 1, 256), (ISSUED, 0, -2, 0))),
    ("ENTRY_UNBALANCED", accrual((7, 0, 1, 256), (ISSUED, 1, -1, 0))),
    ("ENTRY_UNBALANCED", accrual((7, 0, 1, 256))),
    ("KIND_UNKNOWN", {"entries": [(0, [])]}),
    ("KIND_UNKNOWN", {"entries": [(11, [])]}),
    ("LOT_UNKNOWN", accrual((7, 0, 1, 257), (ISSUED, 0, -1, 0))),
    ("LOT_UNKNOWN", accrual((8, 0, 1, 256), (ISSUED, 0, -1, 0))),
    ("LOT_UNKNOWN", accrual((7, 1, 1, 256), (ISSUED, 1, -1, 0))),
    ("LOT_OVERFILLED", accrual((7, 0, 1, 256), (ISSUED, 0, -1, 0))),
    ("LOT_OVERFILLED", accrual((7, 0, 1, 0), (ISSUED, 0, -1, 0))),
    ("LOT_OVERDRAWN", accrual((7, 0, -101, 256), (ISSUED, 0, 101, 0))),
    ("LOT_OVERDRAWN", {"holds": [hold(H1, 101, 256)]}),
    ("LOT_OVERDRAWN", {"holds": [hold(H1, 60, 256), hold(H2, 41, 256)]}),
    ("LOT_TAKEN", {"lots": [(256, 7, 0, 5, 0, 0)]}),
    ("LOT_TAKEN", {"lots": [(512, 7, 0, 5, 0, 0), (512, 7, 0, 5, 0, 0)]}),
    ("ACCOUNT_RANGE", accrual((0, 0, 1, 0), (ISSUED, 0, -1, 0))),
    ("ACCOUNT_RANGE", accrual((-9, 0, 1, 0), (ISSUED, 0, -1, 0))),
    ("ACCOUNT_RANGE", accrual((-1, 0, 1, 256), (ISSUED, 0, -1, 0))),
    ("ACCOUNT_RANGE", {"lots": [(512, 0, 0, 5, 0, 0)]}),
    ("ACCOUNT_RANGE", {"lots": [(0, 7, 0, 5, 0, 0)]}),
    ("POINTS_RANGE", {"holds": [(H1, PENDING, 0, NOW, b"", [(0, 1, 256)])]}),
    ("ASSET_RANGE", accrual((7, 256, 1, 256), (ISSUED, 0, -1, 0))),
    ("ASSET_RANGE", accrual((7, -1, 1, 256), (ISSUED, 0, -1, 0))),
    ("ASSET_RANGE", {"lots": [(512, 7, 256, 5, 0, 0)]}),
    ("POINTS_RANGE", {"holds": [(H1, PENDING, 7, NOW, b"", [(256, 1, 256)])]}),
    ("POINTS_RANGE", accrual((7, 0, 0, 256), (ISSUED, 0, 0, 0))),
    ("POINTS_RANGE", accrual((7, 0, 10**15 + 1, 256), (ISSUED, 0, -(10**15) - 1, 0))),
    ("POINTS_RANGE", {"lots": [(512, 7, 0, 0, 0, 0)]}),
    ("POINTS_RANGE", {"lots": [(512, 7, 0, 10**15 + 1, 0, 0)]}),
    ("POINTS_RANGE", {"holds": [(H1, PENDING, 7, NOW, b"", [(0, 0, 256)])]}),
    ("TIME_RANGE", {"lots": [(512, 7, 0, 5, -1, 0)]}),
    ("TIME_RANGE", {"lots": [(512, 7, 0, 5, 0, -1)]}),
    ("TIME_RANGE", {"holds": [(H1, PENDING, 7, 0, b"", [])]}),
    ("HOLD_UNKNOWN", {"holds": [ended(H1, VOIDED)]}),
    ("HOLD_STATE", {"holds": [(H3, 5, 0, 0, b"", [])]}),
    ("HOLD_TAKEN", {"holds": [hold(H3, 1, 256)]}),
    ("HOLD_TAKEN", {"holds": [hold(H1, 1, 256), hold(H1, 1, 256)]}),
    ("HOLD_TAKEN", {"holds": [hold(H1, 1, 256, key=K1), hold(H2, 1, 256, key=K1)]}),
    ("LOT_UNKNOWN", {"closed": [(7, 0, 257)]}),
    ("FORWARD_STATE", {"forward": (7, 8)}),
    ("FORWARD_STATE", {"forward": (8, 8)}),
    ("FORWARD_STATE", {"forward": (0, 7)}),
    ("FORWARD_STATE", {"forward": (9, 0)}),
    ("FORWARD_STATE", {"forward": (5, 7)}),
    ("FORWARD_STATE", {"forward": (8, 5)}),
    ("FORWARD_STATE", {"forward": (8, 7), "lots": [(512, 8, 0, 5, 0, 0)]}),
    ("FORWARD_STATE", {"forward": (8, 7), "entries": [(CLAWBACK, [(8, 0, -1, 0), (ISSUED, 0, 1, 0)])]}),
    ("FORWARD_STATE", {"forward": (7, 8), "entries": [(TRANSFER, [(7, 0, -100, 256), (ADJUSTED, 0, 100, 0)])]}),
    ("TOO_MANY", {"lots": [(512 + i, 7, 0, 5, 0, 0) for i in range(257)]}),
    ("TOO_MANY", {"entries": [(ACCRUAL, [(ISSUED, 0, 1, 0), (ISSUED, 0, -1, 0)] * 513)]}),
    ("TOO_MANY", {"holds": [(bytes([i + 100]) * 16, PENDING, 0, NOW, b"", []) for i in range(65)]}),
]


@pytest.mark.parametrize(("flaw", "effects"), FLAWED)
def test_flawed_effects_are_refused_whole_and_change_nothing(flaw: str, effects: dict[str, object]) -> None:
    book = Book()
    accrue(book, 256, 100)
    apply_effects(book, NOW, holds=[(H3, PENDING, 0, NOW + 9, b"", [])], forward=(5, 6))
    before = (read_lots(book, 7), read_totals(book, 0), book.holds_count, book.lots_count)
    with pytest.raises(EffectsFlawed) as refused:
        apply_effects(book, NOW, **effects)  # type: ignore[arg-type]
    assert refused.value.flaw == flaw
    assert (read_lots(book, 7), read_totals(book, 0), book.holds_count, book.lots_count) == before


@pytest.mark.parametrize("seed", range(12))
def test_random_operations_agree_with_the_model(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(400):
        walk.step()
        walk.compare_one()
    walk.compare_all()
