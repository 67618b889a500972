"""Codes that receipts issue, through any conversation: the engine against the book kept by the word of the
specification, and any partition of a return against the whole one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.engine import cancel_receipt, replay, return_receipt
from altyn.core.facts.coupon_codes import code_hash
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.view import read_coupon
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.issued_world import new_engine
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import committed, reserved
from tests.core.engine.world import PEPPER, World, cancel, line, receipt
from tests.reference.coupons import CodeBook

STATES = {1: "FREE", 2: "HELD", 3: "USED", 4: "CANCELLED"}
QTY = 3000


def basket(number: int, code: str | None) -> receipt_pb2.Receipt:
    """Three pieces for 90.00, the discount of a code on two of the lines."""
    made = receipt(line(1, "loaf", 2000, QTY), line(2, "milk", 1000, QTY), number=number)
    if code is not None:
        made.coupons.add(code=code)
    return made


@dataclass
class Shop:
    """One engine and the reference's book, told the same."""

    world: World = field(default_factory=lambda: World(new_engine()))
    book: CodeBook = field(default_factory=CodeBook)
    left: dict[int, dict[int, int]] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    slips: list[str] = field(default_factory=list)  # those that a promotion takes something off for
    returns_count: int = 0

    def reserve(self, number: int, code: str | None) -> None:
        reserved(self.world, basket(number, code), op_no=self.world.next_seq())
        self.book.reserve(str(number), code)

    def sell(self, number: int, code: str | None) -> None:
        may_use = code is not None and self.book.may_use(str(number), code)
        reply = committed(self.world, basket(number, code))
        if code is not None:
            applied = reply.outcome.coupons[0].state == outcome_pb2.COUPON_STATE_APPLIED
            assert applied == may_use
        issued = [one.code for one in reply.outcome.issued_coupons]
        self.book.commit(str(number), code, issued)
        self.codes += issued
        self.slips += [one.code for one in reply.outcome.issued_coupons if one.promotion_id == "slip"]
        self.left[number] = {1: QTY, 2: QTY}

    def give_back(self, number: int, *lines: tuple[int, int]) -> None:
        left = self.left[number]
        for line_no, qty in lines:
            left[line_no] -= qty
        self.returns_count += 1
        request = give_back(
            refund(*lines, of=number, number=1000 + self.returns_count, cashier_id="c"), self.world.next_seq()
        )
        reply = pos.ReturnReceiptResponse.FromString(self.world.effect(return_receipt, request))
        assert reply.status == outcome_pb2.STATUS_OK
        self._settle(number, list(reply.exceptions))

    def void(self, number: int) -> None:
        self.left[number] = {1: 0, 2: 0}
        reply = self.world.effect(cancel_receipt, cancel(number, self.world.next_seq()))
        self._settle(number, list(pos.CancelReceiptResponse.FromString(reply).exceptions))

    def _settle(self, number: int, exceptions: list[int]) -> None:
        all_back = not any(self.left[number].values())
        reported = self.book.take_back(str(number), is_all_back=all_back, is_touched_back=all_back)
        assert (reasons_pb2.REASON_ISSUED_COUPON_USED in exceptions) == reported
        if all_back:
            del self.left[number]

    def check(self) -> None:
        found = {code: STATES[read_coupon(self.world.engine.book, code_hash(PEPPER, code))[0]] for code in self.codes}
        assert found == self.book.states


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_codes_go_as_the_specification_says_through_any_conversation(data: st.DataObject) -> None:
    shop, number = Shop(), 0
    for _ in range(data.draw(st.integers(1, 14))):
        deed = data.draw(st.sampled_from(["sell", "reserve and sell", "reserve", "return", "return", "void"]))
        if deed in ("return", "void") and shop.left:
            sold = data.draw(st.sampled_from(sorted(shop.left)))
            if deed == "void":
                shop.void(sold)
            else:
                line_no = data.draw(st.sampled_from([n for n, qty in shop.left[sold].items() if qty]))
                shop.give_back(sold, (line_no, data.draw(st.integers(1, shop.left[sold][line_no]))))
        else:
            number += 1
            code = data.draw(st.none() | st.sampled_from(shop.slips)) if shop.slips else None
            if deed != "sell":
                shop.reserve(number, code)
            if deed != "reserve":
                shop.sell(number, code)
        shop.check()
    again = new_engine()
    for record in shop.world.records:
        replay(again, record.seq, record.body)
    assert state_digest(again.book) == state_digest(shop.world.engine.book)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_any_partition_of_a_return_leaves_every_code_as_the_whole_one(data: st.DataObject) -> None:
    use = data.draw(st.sampled_from(["nothing", "reserve", "reserve and sell"]))
    shops = whole, parts, void = Shop(), Shop(), Shop()
    for shop in shops:
        shop.sell(1, None)
        if use != "nothing":
            shop.reserve(2, shop.slips[0])
        if use == "reserve and sell":
            shop.sell(2, shop.slips[0])
    whole.give_back(1, (1, QTY), (2, QTY))
    while 1 in parts.left:
        line_no = data.draw(st.sampled_from([n for n, qty in parts.left[1].items() if qty]))
        parts.give_back(1, (line_no, min(data.draw(st.sampled_from([QTY, 1000, 999, 500])), parts.left[1][line_no])))
    void.void(1)
    for shop in shops:
        shop.check()
    assert whole.book.states == parts.book.states == void.book.states
    assert whole.codes == parts.codes == void.codes
    assert [whole.book.states[code] for code in whole.codes[:1]] == ["CANCELLED"]
