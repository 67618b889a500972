"""What a till does with one basket of the demonstration: the calls, and the mishaps mixed in between.

A mishap is drawn from the basket's id alone, so a replay meets the same ones every time. None of them may change what
the server ends up with: a repeated commit must bring the same bytes, a commit that timed out is sent again from the
file, an abandoned reservation is voided. Refusals are data here too; nothing is decided about amounts.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from altyn.cli.demo.dataset import CURRENCY, EXPONENT, LITRE, Basket, stable_number
from altyn.cli.demo.report import StoreTotals, Totals
from altyn.pos.v1 import outcome_pb2, pos_service_pb2, receipt_pb2
from altyn.register import Answer, CallRejected, Line, LocalTime, NoAnswer, Register, TimeOut, build_receipt, card

ASSET = "points"
#: Shorter than any answer takes: the register gives up, and the operation waits in its file.
HOPELESS = TimeOut(0.001, 0.001)


@dataclass(frozen=True, slots=True)
class Plan:
    """How often what happens, in millionths of the baskets."""

    anonymous_ppm: int = 80_000
    recalculated_ppm: int = 250_000
    coupon_ppm: int = 60_000
    redeem_ppm: int = 60_000
    reserved_ppm: int = 40_000
    abandoned_ppm: int = 15_000
    repeated_ppm: int = 60_000
    timed_out_ppm: int = 30_000


@dataclass(slots=True)
class Tally:
    """What all tills of a replay counted together."""

    totals: Totals = field(default_factory=Totals)
    statuses: Counter[str] = field(default_factory=Counter)
    duplicates_sent: int = 0
    time_outs_count: int = 0
    voids_count: int = 0
    unequal_replies_count: int = 0
    unanswered_forecasts_count: int = 0
    unidentified: Counter[str] = field(default_factory=Counter)

    def add(self, basket: Basket, reply: bytes) -> None:
        """Count one committed receipt by the reply that stands for it."""
        response = pos_service_pb2.CommitReceiptResponse.FromString(reply)
        self.statuses["CommitReceipt " + outcome_pb2.Status.Name(response.status).removeprefix("STATUS_")] += 1
        if response.status != outcome_pb2.STATUS_OK:
            return
        totals, outcome = self.totals, response.outcome
        points = sum(given.points for given in outcome.totals.accrual if given.asset == ASSET)
        discounts: Counter[str] = Counter()
        for line in outcome.lines:
            for discount in line.discounts:
                if discount.kind == outcome_pb2.DISCOUNT_KIND_DISCOUNT:
                    discounts[discount.promotion_id] += discount.amount_minor
        for promotion_id, amount_minor in discounts.items():
            totals.discounts_minor[promotion_id] = totals.discounts_minor.get(promotion_id, 0) + amount_minor
            seen = totals.discounted_receipts_count
            seen[promotion_id] = seen.get(promotion_id, 0) + 1
        totals.receipts_count += 1
        totals.gross_minor += outcome.totals.gross_minor
        totals.discount_minor += outcome.totals.discount_minor
        totals.points_paid_minor += outcome.totals.points_paid_minor
        # One point of the demonstration's asset pays one cent.
        totals.points_redeemed += outcome.totals.points_paid_minor
        totals.to_pay_minor += outcome.totals.to_pay_minor
        totals.points_accrued += points
        store = totals.stores.setdefault(basket.store_id, StoreTotals())
        store.receipts_count += 1
        store.gross_minor += outcome.totals.gross_minor
        store.discount_minor += outcome.totals.discount_minor
        store.points_accrued += points


Clock = Callable[[Basket], LocalTime]


def now_in_store(basket: Basket) -> LocalTime:
    """The replay happens now: an online receipt must carry the present moment, in the store's zone."""
    return LocalTime.now(basket.sold_at.tzinfo)


class Till:
    """One register working through its baskets."""

    def __init__(
        self, register: Register, time_outs: dict[str, TimeOut], plan: Plan, tally: Tally, clock: Clock = now_in_store
    ) -> None:
        """``time_outs`` must be the very mapping the register was made with: a mishap shortens it for a moment."""
        self._register = register
        self._time_outs = time_outs
        self._plan = plan
        self._tally = tally
        self._clock = clock
        self._unanswered: dict[bytes, Basket] = {}

    async def sell(self, basket: Basket) -> None:
        """All calls of one basket, from the first line to the commit or the void."""
        receipt = self._receipt(basket)
        if receipt.HasField("identity"):
            await self._identify(basket, receipt)
        if self._draws("recalculated", basket) and len(receipt.lines) > 1:
            await self._forecast(self._part_of(receipt))
        shown = await self._forecast(receipt)
        if shown is not None and shown.status != outcome_pb2.STATUS_OK and receipt.points:
            del receipt.points[:]
            shown = await self._forecast(receipt)
        token = shown.calc_token if shown is not None and shown.status == outcome_pb2.STATUS_OK else b""
        needed = shown is not None and shown.outcome.reserve_required
        abandoned = self._draws("abandoned", basket)
        if needed or abandoned or self._draws("reserved", basket):
            held = await self._register.reserve(receipt, calc_token=token)
            self._tally.statuses["ReserveReceipt " + held.status] += 1
            if abandoned:
                await self._void(basket, receipt)
                return
            if not held.is_ok:
                # Declined or silent: the customer pays the full price with money.
                del receipt.points[:]
                token = b""
        await self._commit(basket, receipt, token)

    async def settle(self) -> int:
        """Send what is still owed; the number left."""
        drained = await self._register.drain()
        for answer in drained.answers:
            self._note(answer)
        return drained.left_count

    # STEPS

    async def _identify(self, basket: Basket, receipt: receipt_pb2.Receipt) -> None:
        try:
            known = await self._register.authorize(
                receipt.identity, at=LocalTime(receipt.local_time_us, receipt.utc_offset_minutes)
            )
        except (NoAnswer, CallRejected) as silence:
            # Nobody is identified: the sale goes on without points to spend.
            self._tally.unidentified[silence.code.name] += 1
            return
        spendable = any(balance.asset == ASSET and balance.active_points > 0 for balance in known.balances)
        if known.may_redeem and spendable and self._draws("redeem", basket):
            receipt.points.append(receipt_pb2.PointsRequest(asset=ASSET, max=True))

    async def _forecast(self, receipt: receipt_pb2.Receipt) -> pos_service_pb2.CalculateReceiptResponse | None:
        try:
            shown = await self._register.calculate(receipt)
        except NoAnswer:
            self._tally.unanswered_forecasts_count += 1
            return None
        self._tally.statuses["CalculateReceipt " + outcome_pb2.Status.Name(shown.status).removeprefix("STATUS_")] += 1
        return shown

    async def _commit(self, basket: Basket, receipt: receipt_pb2.Receipt, token: bytes) -> None:
        timed_out = self._draws("timed_out", basket)
        usual = self._time_outs["CommitReceipt"]
        if timed_out:
            self._time_outs["CommitReceipt"] = HOPELESS
        try:
            answer = await self._register.commit(receipt, calc_token=token)
        finally:
            self._time_outs["CommitReceipt"] = usual
        self._unanswered[answer.op_id] = basket
        self._note(answer)
        if timed_out:
            self._tally.time_outs_count += 1
        if answer.is_queued:
            await self.settle()
        elif self._draws("repeated", basket):
            await self._repeat(answer)

    async def _repeat(self, answer: Answer) -> None:
        """Twice at once, as two connections of one till would."""
        again = await asyncio.gather(self._register.repeat(answer), self._register.repeat(answer))
        self._tally.duplicates_sent += len(again)
        self._tally.unequal_replies_count += sum(reply is not None and reply != answer.reply for reply in again)

    async def _void(self, basket: Basket, receipt: receipt_pb2.Receipt) -> None:
        answer = await self._register.cancel(
            shift_number=receipt.shift_number,
            receipt_number=receipt.receipt_number,
            at=LocalTime(receipt.local_time_us, receipt.utc_offset_minutes),
            cashier_id=receipt.cashier_id,
            # Every other time the cashier does not wait.
            wait=stable_number(f"wait:{basket.basket_id}", 2) == 0,
        )
        self._tally.voids_count += 1
        self._note(answer)

    def _note(self, answer: Answer) -> None:
        if answer.is_queued:
            return
        basket = self._unanswered.pop(answer.op_id, None)
        if basket is not None and answer.reply is not None:
            self._tally.add(basket, answer.reply)
            self._tally.totals.member_receipts_count += answer.is_ok and not self._draws("anonymous", basket)
        elif answer.call != "CommitReceipt":
            self._tally.statuses[f"{answer.call} {answer.status}"] += 1

    # RECEIPTS

    def _draws(self, mishap: str, basket: Basket) -> bool:
        often_ppm: int = getattr(self._plan, f"{mishap}_ppm")
        return stable_number(f"{mishap}:{basket.basket_id}", 1_000_000) < often_ppm

    def _receipt(self, basket: Basket) -> receipt_pb2.Receipt:
        coupons = []
        if self._draws("coupon", basket):
            coupons = [("WELCOME5", "SNACK20")[stable_number(f"code:{basket.basket_id}", 2)]]
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

    def _part_of(self, receipt: receipt_pb2.Receipt) -> receipt_pb2.Receipt:
        part = receipt_pb2.Receipt()
        part.CopyFrom(receipt)
        del part.lines[(len(receipt.lines) + 1) // 2 :]
        return part
