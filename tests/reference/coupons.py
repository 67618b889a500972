"""Entered coupon codes: which may be used, which were (semantics §6.11.22, promotion-document «coupon»).

Decides the state of every distinct code.
"""

from dataclasses import dataclass
from typing import Any

from .multipliers import UNCHANGED

# Why a code of a series may not be used, by its state in the book.
REFUSED = {
    "USED": "COUPON_USED",
    "HELD": "COUPON_HELD",
    "EXPIRED": "COUPON_EXPIRED",
    "NOT_YET_VALID": "COUPON_NOT_YET_VALID",
    "BLOCKED": "COUPON_BLOCKED",
}
# HELD_HERE: held by this very receipt.
FREE = ("FREE", "HELD_HERE")


@dataclass(frozen=True)
class Coupons:
    """Distinct codes in order of entry, shared codes any document names, and the book's word on codes of series."""

    entered: list[str]
    shared: set[str]
    booked: dict[str, dict[str, str]]

    @property
    def free_series(self) -> dict[str, str]:
        return {code: row["series"] for code, row in self.booked.items() if row["state"] in FREE}

    def judged(self, verdicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One row per distinct code: a promotion that gave something uses the smallest code it held by.

        So does each of its multipliers that changed a rate.
        """
        code_of: dict[str, str] = {}
        used_by: dict[str, str] = {}
        for row in verdicts:
            if row["verdict"] != "APPLIED":
                continue
            if row["codes"]:
                code_of.setdefault(row["promotion_id"], min(row["codes"], key=str.encode))
                used_by.setdefault(code_of[row["promotion_id"]], row["promotion_id"])
            for codes in row.get("multiplied", UNCHANGED).codes(row.get("targets", ())):
                used_by.setdefault(min(codes, key=str.encode), row["promotion_id"])
        return [self._judge(code, used_by) for code in self.entered]

    def is_series_used(self, judged: list[dict[str, Any]]) -> bool:
        return any(row["state"] == "APPLIED" and row["code"] in self.booked for row in judged)

    def _judge(self, code: str, used_by: dict[str, str]) -> dict[str, Any]:
        if code in used_by:
            return {"code": code, "state": "APPLIED", "promotion_id": used_by[code]}
        if code in self.shared:
            return {"code": code, "state": "NOT_APPLIED"}
        if code not in self.booked:
            return {"code": code, "state": "INVALID"}
        state = self.booked[code]["state"]
        if state in FREE:
            return {"code": code, "state": "NOT_APPLIED"}
        return {"code": code, "state": "INVALID", "reason": REFUSED[state]}


def read_coupons(entered: list[str], booked: dict[str, dict[str, str]], shared: set[str]) -> Coupons:
    return Coupons(entered, shared, {code: booked[code] for code in entered if code in booked})


class CodeBook:
    """What becomes of codes of a series from receipt to receipt (semantics §6.2, §6.7.6, §6.11.22): slow, by the word.

    A code is FREE, HELD for a receipt, USED by one, or CANCELLED. Receipts are named by whoever calls.
    """

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self._who: dict[str, str] = {}
        self._issued: dict[str, list[str]] = {}

    def may_use(self, receipt: str, code: str) -> bool:
        """Free, or held by this very receipt."""
        state = self.states.get(code)
        return state == "FREE" or (state == "HELD" and self._who[code] == receipt)

    def reserve(self, receipt: str, code: str | None) -> None:
        """A receipt has one hold: what a former one kept is free again."""
        self.let_go(receipt)
        if code is not None and self.states.get(code) == "FREE":
            self.states[code], self._who[code] = "HELD", receipt

    def let_go(self, receipt: str) -> None:
        """Cancelled before it was printed, or timed out."""
        for code, state in self.states.items():
            if state == "HELD" and self._who[code] == receipt:
                self.states[code] = "FREE"

    def commit(self, receipt: str, code: str | None, issued: list[str]) -> None:
        """What was held is used, if the receipt still has the code; new codes are free."""
        kept = code is not None and self.states.get(code) == "HELD" and self._who[code] == receipt
        self.let_go(receipt)
        if kept and code is not None:
            self.states[code], self._who[code] = "USED", receipt
        assert not set(issued) & set(self.states), "a code came out twice"
        self.states.update(dict.fromkeys(issued, "FREE"))
        self._issued[receipt] = issued

    def take_back(self, receipt: str, *, is_all_back: bool, is_touched_back: bool) -> bool:
        """A return or a void; whether a code it issued is in use and has to be reported."""
        for code, state in self.states.items():
            if state == "USED" and self._who[code] == receipt and is_touched_back:
                self.states[code] = "FREE"
        if not is_all_back:
            return False
        mine = [code for code in self._issued.get(receipt, []) if self.states[code] != "CANCELLED"]
        for code in mine:
            if self.states[code] == "FREE":
                self.states[code] = "CANCELLED"
        return any(self.states[code] in ("USED", "HELD") for code in mine)
