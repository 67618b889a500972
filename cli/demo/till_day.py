"""What a till does with one basket of the demonstration: the calls, and the mishaps mixed in between.

A mishap is drawn from the basket's id alone, so a replay meets the same ones every time. None of them may change what
the server ends up with: a repeated fact must bring the same bytes, a commit that timed out is sent again from the
file, an abandoned reservation is voided, receipts sold without the server are uploaded late, out of order and twice.
Some sales are voided after print or come back, whole or in two goes, some before the server has heard of them. At the
end the register's books of every shift must be the server's. Refusals are data here too; nothing is decided about
amounts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from altyn.cli.demo.dataset import CURRENCY, EXPONENT, LITRE, Basket, stable_number
from altyn.cli.demo.tally import ASSET, Shift, Tally
from altyn.pos.v1 import outcome_pb2, pos_service_pb2, receipt_pb2
from altyn.register import Answer, CallRejected, Line, LocalTime, NoAnswer, Register, TimeOut, build_receipt, card

#: Shorter than any answer takes: the register gives up, and the operation waits in its file.
HOPELESS = TimeOut(0.001, 0.001)
#: After so many offline receipts the till has its connection again.
UPLOAD_AFTER_COUNT = 3
UPLOAD_FACTS_MAX = 128
RECONCILE_ROUNDS_MAX = 20
RECONCILE_PAUSE_S = 0.5
POINTS_WISH_MIN = 100
#: Numbers of return receipts begin here, past those of any shift's sales.
RETURN_NUMBERS_FROM = 100_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How often what happens, in millionths of the baskets."""

    anonymous_ppm: int = 80_000
    recalculated_ppm: int = 250_000
    explained_ppm: int = 100_000
    coupon_ppm: int = 60_000
    unique_ppm: int = 80_000
    redeem_ppm: int = 300_000
    reserved_ppm: int = 40_000
    abandoned_ppm: int = 15_000
    repeated_ppm: int = 60_000
    timed_out_ppm: int = 30_000
    voided_ppm: int = 10_000
    returned_ppm: int = 20_000
    returned_twice_ppm: int = 20_000
    offline_ppm: int = 60_000
    returned_offline_ppm: int = 100_000


class Open(NamedTuple):
    """A fact without its answer: the basket it came of, and the receipt as told."""

    basket: Basket
    receipt: receipt_pb2.Receipt


Clock = Callable[[Basket], LocalTime]


def now_in_store(basket: Basket) -> LocalTime:
    """The replay happens now: an online receipt must carry the present moment, in the store's zone."""
    return LocalTime.now(basket.sold_at.tzinfo)


class Till:
    """One register working through its baskets."""

    def __init__(
        self,
        register: Register,
        time_outs: dict[str, TimeOut],
        plan: Plan,
        tally: Tally,
        clock: Clock = now_in_store,
        codes: Sequence[str] = (),
    ) -> None:
        """``time_outs`` must be the very mapping the register was made with: a mishap shortens it for a moment.
        ``codes`` are the unique coupons that customers come with.
        """
        self._register = register
        self._time_outs = time_outs
        self._plan = plan
        self._tally = tally
        self._clock = clock
        self._codes = codes
        self._unanswered: dict[bytes, Open] = {}
        self._kept: list[Answer] = []
        self._unread: list[Answer] = []
        self._outage_baskets_count = 0
        self._returns_count = 0
        self._shifts: dict[int, Shift] = {}
        #: What was paid for a basket, in minor units; and returns whose sum depends on it.
        self._sums: dict[str, int] = {}
        self._parked: list[Open] = []

    async def sell(self, basket: Basket) -> None:
        """All calls of one basket, from the first line to the commit, the void, or what comes back."""
        if self._draws("offline", basket):
            await self._sell_offline(basket)
            return
        if self._outage_baskets_count >= UPLOAD_AFTER_COUNT:
            await self._upload()
        receipt = self._receipt(basket)
        if receipt.HasField("identity"):
            await self._identify(basket, receipt)
        if self._draws("recalculated", basket) and len(receipt.lines) > 1:
            await self._forecast(self._part_of(receipt))
        shown = await self._forecast(receipt, explained=self._draws("explained", basket))
        if shown is not None and shown.status != outcome_pb2.STATUS_OK and receipt.points:
            del receipt.points[:]
            shown = await self._forecast(receipt)
        token = shown.calc_token if shown is not None and shown.status == outcome_pb2.STATUS_OK else b""
        needed = shown is not None and shown.outcome.reserve_required
        abandoned = self._draws("abandoned", basket)
        if needed or abandoned or self._draws("reserved", basket):
            held = await self._register.reserve(receipt, calc_token=token)
            self._shift(receipt).op_ids.append(held.op_id)
            self._tally.statuses["ReserveReceipt " + held.status] += 1
            if abandoned:
                await self._void(basket, receipt)
                return
            if not held.is_ok:
                # Declined or silent: the customer pays the full price with money.
                del receipt.points[:]
                token = b""
        if await self._commit(basket, receipt, token):
            await self._regret(basket, receipt)

    async def settle(self) -> int:
        """Send what is still owed; the number left."""
        if self._kept:
            await self._upload()
        drained = await self._register.drain()
        self._unread += drained.answers
        while self._unread:
            answer = self._unread[-1]
            try:
                # What was told in an upload has only its status.
                reply = answer.reply or (await self._register.get_operation(answer.op_id)).reply
            except NoAnswer:
                break
            self._note(answer.call, answer.op_id, reply)
            self._unread.pop()
        return drained.left_count + len(self._unread)

    async def close_shifts(self) -> None:
        """Hold every shift against the server, once nothing is owed. Raises CallRejected."""
        while self._parked:
            opened = self._parked.pop()
            paid_minor = self._sums.get(opened.basket.basket_id, 0)
            self._shift(opened.receipt).returns_sum_minor += paid_minor
            self._tally.totals.returned_minor += paid_minor
        for shift_number, shift in self._shifts.items():
            difference = "nobody answered"
            # A return that had waited is decided, and projected, a moment later.
            for _ in range(RECONCILE_ROUNDS_MAX):
                with suppress(NoAnswer):
                    difference = await shift.difference(self._register, shift_number)
                if not difference:
                    break
                await asyncio.sleep(RECONCILE_PAUSE_S)
            self._tally.shifts_count += 1
            self._tally.shift_differences += [difference] if difference else []

    # STEPS

    async def _identify(self, basket: Basket, receipt: receipt_pb2.Receipt) -> None:
        try:
            known = await self._register.authorize(receipt.identity, at=self._time_of(receipt))
        except (NoAnswer, CallRejected) as silence:
            # Nobody is identified: the sale goes on without points to spend.
            self._tally.unidentified[silence.code.name] += 1
            return
        spendable = sum(balance.active_points for balance in known.balances if balance.asset == ASSET)
        if spendable > 0 and self._draws("redeem", basket):
            if stable_number(f"wish:{basket.basket_id}", 2):
                receipt.points.append(receipt_pb2.PointsRequest(asset=ASSET, max=True))
            else:
                wish = max(POINTS_WISH_MIN, spendable // 2)
                receipt.points.append(receipt_pb2.PointsRequest(asset=ASSET, requested_points=wish))

    async def _forecast(
        self, receipt: receipt_pb2.Receipt, *, explained: bool = False
    ) -> pos_service_pb2.CalculateReceiptResponse | None:
        try:
            shown = await self._register.calculate(receipt, want=receipt_pb2.Want(explain=True) if explained else None)
        except NoAnswer:
            self._tally.unanswered_forecasts_count += 1
            return None
        self._tally.note_status("CalculateReceipt", shown.status)
        self._tally.add_explained(shown.outcome)
        return shown

    async def _commit(self, basket: Basket, receipt: receipt_pb2.Receipt, token: bytes) -> bool:
        """True when the receipt is sold for certain."""
        timed_out = self._draws("timed_out", basket)
        usual = self._time_outs["CommitReceipt"]
        if timed_out:
            self._time_outs["CommitReceipt"] = HOPELESS
        try:
            answer = await self._register.commit(receipt, calc_token=token)
        finally:
            self._time_outs["CommitReceipt"] = usual
        self._open(answer, basket, receipt)
        self._note(answer.call, answer.op_id, answer.reply)
        if timed_out:
            self._tally.time_outs_count += 1
        if answer.is_queued:
            await self.settle()
        elif self._draws("repeated", basket):
            await self._repeat(answer)
        return answer.is_ok

    async def _repeat(self, answer: Answer) -> None:
        """Twice at once, as two connections of one till would."""
        again = await asyncio.gather(self._register.repeat(answer), self._register.repeat(answer))
        self._tally.duplicates_sent += len(again)
        self._tally.unequal_replies_count += sum(reply is not None and reply != answer.reply for reply in again)

    async def _void(self, basket: Basket, receipt: receipt_pb2.Receipt) -> Answer:
        answer = await self._register.cancel(
            shift_number=receipt.shift_number,
            receipt_number=receipt.receipt_number,
            at=self._time_of(receipt),
            cashier_id=receipt.cashier_id,
            # Every other time the cashier does not wait.
            wait=stable_number(f"wait:{basket.basket_id}", 2) == 0,
        )
        self._shift(receipt).op_ids.append(answer.op_id)
        self._tally.voids_count += 1
        self._note(answer.call, answer.op_id, answer.reply)
        return answer

    # WHAT COMES BACK

    async def _regret(self, basket: Basket, sold: receipt_pb2.Receipt) -> None:
        """The cashier's mistake is voided after print; or the customer brings goods back, at once or in two goes."""
        if self._draws("voided", basket):
            await self._void(basket, sold)
            self._tally.voids_after_print_count += 1
            shift, sale = self._shift(sold), self._sums.pop(basket.basket_id, 0)
            shift.receipts_count -= 1
            shift.sales_sum_minor -= sale
        elif self._draws("returned", basket):
            await self._return(basket, self._refund(sold, [(line, line.qty_milli) for line in sold.lines]))
        elif self._draws("returned_twice", basket):
            first = max(sold.lines, key=lambda line: line.qty_milli)
            part = first.qty_milli // 2 if first.unit == receipt_pb2.UNIT_L else first.qty_milli // 2000 * 1000
            parts = [part, first.qty_milli - part] if part else [first.qty_milli]
            for qty_milli in parts:
                await self._return(basket, self._refund(sold, [(first, qty_milli)]))

    async def _return(self, basket: Basket, refund: receipt_pb2.Receipt) -> None:
        shown = await self._forecast(refund)
        if shown is not None and shown.status != outcome_pb2.STATUS_OK:
            return
        answer = await self._register.return_receipt(refund)
        self._open(answer, basket, refund)
        self._note(answer.call, answer.op_id, answer.reply)
        if answer.is_queued:
            await self.settle()
        elif self._draws("repeated", basket):
            await self._repeat(answer)

    # WITHOUT THE SERVER

    async def _sell_offline(self, basket: Basket) -> None:
        """Sold at the till's own prices and kept; sometimes brought back before anybody has heard of it."""
        receipt = self._receipt(basket)
        receipt.mode = receipt_pb2.MODE_OFFLINE
        sale = await self._register.keep("CommitReceipt", receipt)
        self._open(sale, basket, receipt)
        self._kept.append(sale)
        self._tally.offline_count += 1
        self._outage_baskets_count += 1
        if self._draws("returned_offline", basket):
            refund = self._refund(receipt, [(line, line.qty_milli) for line in receipt.lines])
            back = await self._register.keep("ReturnReceipt", refund)
            self._open(back, basket, refund)
            self._kept.append(back)

    async def _upload(self) -> None:
        """Everything kept, in no good order and some of it twice: returns first, so that they wait for their sales."""
        self._outage_baskets_count = 0
        kept = sorted(self._kept, key=lambda one: (one.call == "CommitReceipt", sha256(one.op_id).digest()))
        for begin in range(0, len(kept), UPLOAD_FACTS_MAX):
            facts = kept[begin : begin + UPLOAD_FACTS_MAX]
            twice = [*facts, *facts[::2]]
            try:
                results = await self._register.upload(twice)
            except NoAnswer:
                return  # they stay kept, and owed in the register's file
            self._tally.uploads_count += 1
            self._tally.uploaded_count += len(facts)
            self._tally.duplicates_sent += len(twice) - len(facts)
            seqs: dict[bytes, int] = {}
            for result in results:
                self._tally.unequal_replies_count += seqs.setdefault(result.op_id, result.seq) != result.seq
            for one in facts:
                found = await self._register.get_operation(one.op_id)
                if found.reply:
                    self._note(one.call, one.op_id, found.reply)
                    self._kept.remove(one)

    # ANSWERS

    def _open(self, answer: Answer, basket: Basket, receipt: receipt_pb2.Receipt) -> None:
        """From now on the register owes this operation, and its shift names it."""
        self._unanswered[answer.op_id] = Open(basket, receipt)
        self._shift(receipt).op_ids.append(answer.op_id)

    def _note(self, call: str, op_id: bytes, reply: bytes | None) -> None:
        """Count an answer once, whichever way it came."""
        if reply is None:
            return
        if call == "CommitReceipt" and (opened := self._unanswered.pop(op_id, None)):
            self._note_sale(opened, pos_service_pb2.CommitReceiptResponse.FromString(reply))
        elif call == "ReturnReceipt" and (opened := self._unanswered.pop(op_id, None)):
            self._note_return(opened, pos_service_pb2.ReturnReceiptResponse.FromString(reply))
        elif call == "CancelReceipt":
            self._tally.note_status(call, pos_service_pb2.CancelReceiptResponse.FromString(reply).status)

    def _note_sale(self, opened: Open, response: pos_service_pb2.CommitReceiptResponse) -> None:
        self._tally.note_status("CommitReceipt", response.status)
        if response.status != outcome_pb2.STATUS_OK:
            return
        is_member = opened.receipt.HasField("identity")
        self._tally.add_sale(opened.basket, response, is_member=is_member)
        shift, paid_minor = self._shift(opened.receipt), response.outcome.totals.to_pay_minor
        shift.receipts_count += 1
        shift.sales_sum_minor += paid_minor
        self._sums[opened.basket.basket_id] = paid_minor

    def _note_return(self, opened: Open, response: pos_service_pb2.ReturnReceiptResponse) -> None:
        self._tally.note_status("ReturnReceipt", response.status)
        self._tally.returns_count += 1
        refund_minor = response.outcome.totals.to_pay_minor
        shift = self._shift(opened.receipt)
        shift.returns_count += 1
        if response.status == outcome_pb2.STATUS_PARKED:
            # Of the whole receipt: what it comes to is known once the sale has been booked.
            self._tally.parked_count += 1
            self._parked.append(opened)
            return
        shift.returns_sum_minor += refund_minor
        self._tally.totals.returned_minor += refund_minor

    # RECEIPTS

    def _draws(self, mishap: str, basket: Basket) -> bool:
        often_ppm: int = getattr(self._plan, f"{mishap}_ppm")
        return stable_number(f"{mishap}:{basket.basket_id}", 1_000_000) < often_ppm

    def _receipt(self, basket: Basket) -> receipt_pb2.Receipt:
        coupons: list[str] = []
        if self._draws("coupon", basket):
            coupons = [("WELCOME5", "SNACK20")[stable_number(f"code:{basket.basket_id}", 2)]]
        if self._draws("unique", basket):
            if self._tally.issued_codes and stable_number(f"slip:{basket.basket_id}", 2):
                coupons.append(self._tally.issued_codes.pop(0))
            elif self._codes:
                # Some draw a code that somebody has used before.
                coupons.append(self._codes[stable_number(f"unique:{basket.basket_id}", len(self._codes))])
        return build_receipt(
            store_id=basket.store_id,
            register_id=basket.register_id,
            shift_number=basket.shift_number,
            receipt_number=basket.receipt_number,
            cashier_id=f"cashier-{basket.shift_number % 7}",
            lines=[
                Line(
                    line.sku,
                    line.price_minor,
                    qty_milli=line.quantity_milli,
                    unit=receipt_pb2.UNIT_L if line.unit == LITRE else receipt_pb2.UNIT_PIECE,
                    gross_minor=line.gross_minor,
                    flags=line.flags,
                )
                for line in basket.lines
            ],
            currency=CURRENCY,
            exponent=EXPONENT,
            at=self._clock(basket),
            identity=None if self._draws("anonymous", basket) else card(basket.card_number),
            coupons=coupons,
        )

    def _shift(self, receipt: receipt_pb2.Receipt) -> Shift:
        return self._shifts.setdefault(receipt.shift_number, Shift())

    def _time_of(self, receipt: receipt_pb2.Receipt) -> LocalTime:
        return LocalTime(receipt.local_time_us, receipt.utc_offset_minutes)

    def _refund(
        self, sold: receipt_pb2.Receipt, what: Sequence[tuple[receipt_pb2.ReceiptLine, int]]
    ) -> receipt_pb2.Receipt:
        """A return of some lines of a sale, each with its quantity, under a number of its own in the same shift."""
        self._returns_count += 1
        made = receipt_pb2.Receipt()
        made.CopyFrom(sold)
        made.receipt_number = RETURN_NUMBERS_FROM + self._returns_count
        for name in ("identity", "coupons", "points", "lines"):
            made.ClearField(name)
        for number, (line, qty_milli) in enumerate(what, 1):
            back = made.lines.add(line_no=number, sku=line.sku, qty_milli=qty_milli, unit=line.unit)
            back.price_minor = line.price_minor
            back.refund_of.line_no, back.refund_of.qty_milli = line.line_no, qty_milli
        made.original.store_id, made.original.register_id = sold.store_id, sold.register_id
        made.original.shift_number, made.original.receipt_number = sold.shift_number, sold.receipt_number
        return made

    def _part_of(self, receipt: receipt_pb2.Receipt) -> receipt_pb2.Receipt:
        part = receipt_pb2.Receipt()
        part.CopyFrom(receipt)
        del part.lines[(len(receipt.lines) + 1) // 2 :]
        return part
