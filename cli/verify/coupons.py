"""I10, coupons: every code goes its way, and what a receipt issued is told the same everywhere.

A code is known by its hash, or by series and serial. It is issued once, by an applied sale, and used at most once until
its sale is taken back; it is freed only by taking back the sale that used it, and cancelled only by taking back the
sale that issued it, while nobody used it; one of a serial is never issued, and a batch has given it out. The coupons
issued are as many in the effects, in the reply and in the evidence, with one end, and the reply keeps the form of each
code in place of the code. When all of a sale is back, no code it issued is free.

The projected changes are compared as of the projector's checkpoint, from the first that is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from altyn.cli.verify.pages import COMMIT, DECIDE, Page, Source, sale_of
from altyn.cli.verify.report import Tally
from altyn.core.facts.coupon_codes import BODY, key_of
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import outcome_pb2, reasons_pb2

FREE, USED = journal.COUPON_USE_FREE, journal.COUPON_USE_USED
RANGES = "SELECT DISTINCT tenant, series_no, first_serial, last_serial FROM coupon_ranges"
PROJECTED = "SELECT seq, count(*) AS count FROM coupon_changes WHERE seq <= $1 GROUP BY seq"


class Coupons:
    """The check of coupons. Its memory is the book's: the codes ever issued or used."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._issued: set[bytes] = set()
        self._used: set[bytes] = set()
        self._cancelled: set[bytes] = set()
        self._held: dict[bytes, list[bytes]] = {}
        self._serials: set[tuple[str, int, int]] = set()
        self._changes: Counter[int] = Counter()

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if entry.record is None:
                continue
            for wrong in self._wrongs_of(entry.record, entry.reply):
                self.tally.violate(f"seq {entry.seq}: {wrong}")
            if entry.record.effects.coupons and entry.seq <= source.projected_seq:
                self._changes[entry.seq] = len(entry.record.effects.coupons)

    async def end(self, source: Source) -> None:
        projected = {row["seq"]: row["count"] for row in await source.connection.fetch(PROJECTED, source.projected_seq)}
        first = min(projected, default=source.projected_seq + 1)
        given: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for row in await source.connection.fetch(RANGES):
            given.setdefault((row["tenant"], row["series_no"]), []).append((row["first_serial"], row["last_serial"]))
        for tenant, series_no, serial in sorted(self._serials):
            self.tally.require(
                any(start <= serial <= last for start, last in given.get((tenant, series_no), ())),
                f"code {serial} of series {series_no} was used, and no batch has given it out",
            )
        for seq in sorted(projected.keys() | self._changes.keys()):
            self.tally.require(
                seq < first or projected.get(seq, 0) == self._changes[seq],
                f"seq {seq}: {projected.get(seq, 0)} of {self._changes[seq]} changes of codes are projected",
            )

    def _wrongs_of(self, record: Any, reply: Any) -> Iterator[str]:
        if record.kind == COMMIT:
            self.tally.checks += 1
            yield from wrong_issues(record, reply)
        self._take_holds(record)
        sale = original_of(record)
        for change in record.effects.coupons:
            self.tally.checks += 1
            if change.serial:
                self._serials.add((record.tenant, change.series_no, change.serial))
            yield from self._wrong_change(change, sale)
        if sale is not None and record.kind != DECIDE and is_all_back(record, sale):
            yield from self._left_over(record, sale)

    def _take_holds(self, record: Any) -> None:
        for change in record.effects.holds:
            codes = [key for part in change.parts if (key := key_of(part))]
            if change.state == journal.HOLD_STATE_PENDING and codes:
                self._held[change.hold_id] = codes
            elif change.state != journal.HOLD_STATE_PENDING:
                self._held.pop(change.hold_id, None)

    def _wrong_change(self, change: Any, sale: Any) -> Iterator[str]:
        code, told = key_of(change), named(change)
        if change.issued:
            if change.serial:
                yield f"{told} is issued, and its series computes its codes"
            if code in self._issued or code in self._used:
                yield f"{told} is issued, and was there before"
            self._issued.add(code)
            return
        was_used, was_cancelled = code in self._used, code in self._cancelled
        if change.use == USED:
            if was_used or was_cancelled:
                yield f"{told} is used, and was {'used' if was_used else 'cancelled'} before"
            self._used.add(code)
            return
        done = {key_of(one): one for one in sale.effects.coupons} if sale is not None else {}
        mine = done.get(code)
        if change.use == FREE:
            if not was_used or mine is None or mine.use != USED:
                yield f"{told} is freed by what takes back no sale that used it"
            self._used.discard(code)
        else:
            if code not in self._issued or was_used or was_cancelled or mine is None or not mine.issued:
                yield f"{told} is cancelled, and no free code of the sale that is taken back"
            self._cancelled.add(code)

    def _left_over(self, record: Any, sale: Any) -> Iterator[str]:
        held = {code for codes in self._held.values() for code in codes}
        for change in sale.effects.coupons:
            if not change.issued or change.code_hash in self._cancelled:
                continue
            told = named(change)
            if change.code_hash not in self._used and change.code_hash not in held:
                yield f"{told} is free, and all of the sale that issued it is back"
            elif was_just_completed(record, sale) and reasons_pb2.REASON_ISSUED_COUPON_USED not in record.exceptions:
                yield f"{told} was used, all of the sale that issued it is back, and nobody is told"


def named(change: Any) -> str:
    if change.serial:
        return f"code {change.serial} of series {change.series_no}"
    return f"code {change.code_hash.hex()[:12]}…"


def wrong_issues(record: Any, reply: Any) -> Iterator[str]:
    """Where effects, reply and evidence of a sale differ in what it issued."""
    issued = [change for change in record.effects.coupons if change.issued]
    shown = list(reply.outcome.issued_coupons)
    wanted = [issue for issue in record.evidence.issues if not issue.reason]
    if not len(issued) == len(shown) == len(wanted):
        yield f"{len(issued)} codes are issued, {len(shown)} in the reply, {len(wanted)} by the evidence"
        return
    if issued and reply.status != outcome_pb2.STATUS_OK:
        yield "codes are issued by a sale that was not applied"
    for change, coupon, issue in zip(issued, shown, wanted, strict=True):
        ends = {change.expires_at_us, coupon.expires_at_us, issue.expires_at_us}
        if len(ends) > 1 or change.series_no != issue.series_no or coupon.promotion_id != issue.promotion_id:
            yield f"a code of {issue.promotion_id} is told in two ways"
        if BODY not in coupon.code:
            yield f"the reply keeps a code of {issue.promotion_id}, not its form"


def original_of(record: Any) -> Any:
    """The sale that a return or a void took back, if it took anything back."""
    if not record.effects.HasField("returned") or not record.evidence.HasField("original"):
        return None
    return sale_of(record)


def is_all_back(record: Any, sale: Any) -> bool:
    back = {line.line_no: line.qty_milli for line in record.effects.returned.lines}
    return all(back.get(line.line_no, 0) >= line.qty_milli for line in sale.request.receipt.lines)


def was_just_completed(record: Any, sale: Any) -> bool:
    """This operation brought the last of it."""
    before = {line.line_no: line.qty_milli for line in record.evidence.original.before.lines}
    return any(before.get(line.line_no, 0) < line.qty_milli for line in sale.request.receipt.lines)
