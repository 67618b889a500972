"""What of a journal is kept for replays, and what is counted instead."""

from __future__ import annotations

from altyn.core.backtest.extractor import Extractor
from altyn.core.engine import return_receipt
from altyn.pos.v1 import receipt_pb2
from tests.core.backtest.past import busy_past, extracted
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import committed
from tests.core.engine.test_returns import settle
from tests.core.engine.world import World, basket, new_engine

RETURN = 4


def test_sales_are_kept_and_the_rest_is_counted() -> None:
    world = busy_past()
    _, extractor = extracted(world)
    assert set(extractor.skipped.values()) == {0}
    assert (extractor.returns_count, extractor.voids_count) == (3, 1)
    names = extractor.names()
    assert names["dates"] == [20_775, 20_776, 20_777]
    assert (names["stores"], names["segments"], names["versions"]) == (["s1"], ["friends"], [1])
    assert names["assets"] == [("bonus", 2)]
    assert set(names["promotions"]) == {"bakery", "first-today", "friends", "spring", "earn"}


def test_return_that_waits_for_its_sale_is_counted_once_it_is_applied() -> None:
    world = World(new_engine())
    world.effect(return_receipt, give_back(refund((1, 1000), of=1), world.next_seq()))
    committed(world, basket(1))
    settle(world)
    assert [record.kind for record in world.records].count(RETURN) == 2
    _, extractor = extracted(world)
    assert extractor.returns_count == 1


def test_what_could_not_be_applied_or_read_is_counted_by_its_reason() -> None:
    world = World(new_engine())
    committed(world, basket(1))
    committed(world, basket(1, card=""))
    extractor = Extractor()
    assert extractor.take(world.records[0].body) is not None
    assert extractor.take(world.records[1].body) is None
    assert extractor.take(b"\xff") is None
    assert extractor.skipped == {"not_applied": 1, "undecided": 0, "unreadable": 1, "out_of_range": 0}


def test_nothing_is_kept_that_no_decision_reads() -> None:
    world = World(new_engine())
    of = basket(1)
    of.cashier_id = "cashier-17"
    of.lines[0].barcode = "4600000000017"
    of.lines[0].mark_code = "mark-0123456789"
    of.fiscal.CopyFrom(receipt_pb2.FiscalMark(drive="drive-1", document="document-1", sign="sign-1"))
    committed(world, of)
    body = world.records[0].body
    item = Extractor().take(body)
    assert item is not None
    for told in (b"cashier-17", b"4600000000017", b"mark-0123456789", b"drive-1", b"sign-1", world.records[0].op_id):
        assert told in body
        assert told not in item


def test_names_begin_anew_with_every_extractor() -> None:
    world = World(new_engine())
    committed(world, basket(1))
    first, second = Extractor(), Extractor()
    assert first.take(world.records[0].body) == second.take(world.records[0].body)
