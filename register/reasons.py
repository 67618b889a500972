"""What each reason code means to a till: the catalogue that is shipped beside the library as ``reasons.json``.

The file is the only table; this reads it. Codes and numbers are those of ``reasons.proto``, where they are made. A code
that is not here comes from a newer server: treat the answer by its status alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

#: What may be done after the code. SAME_BYTES: send the saved bytes again; AS_NEW_OPERATION: ask once more with a new
#: op_id; AFTER_A_FIX: what was sent has to change first; NEVER: the answer is final.
AGAIN = ("NEVER", "SAME_BYTES", "AS_NEW_OPERATION", "AFTER_A_FIX")


@dataclass(frozen=True, slots=True)
class Reason:
    """One code. ``given_as`` tells where it comes: a status, FLAG (outcome.flags), EXCEPTION (exceptions), COUPON
    (outcome.coupons), LIMIT (max_redeem.limited_by), TENDER (outcome.tenders), INFO, or, for an error of the call, the
    gRPC status.

    ``is_given`` is False for a code of the contract that servers of this version never give. Texts for the cashier
    are empty when there is nothing to show; {points} and {to_pay} come from the reply.
    """

    code: str
    number: int
    given_as: tuple[str, ...]
    calls: tuple[str, ...]
    again: str
    en: str
    ru: str
    till: str
    cashier_en: str
    cashier_ru: str
    is_given: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Reasons of answers by number, and of errors by the code in ``google.rpc.ErrorInfo.reason``."""

    reasons: dict[int, Reason]
    error_reasons: dict[str, Reason]

    def of(self, code: str) -> tuple[Reason, ...]:
        """What goes by this name, with or without the enum's prefix."""
        name = code.upper().removeprefix("ERROR_").removeprefix("REASON_")
        found = [reason for reason in self.reasons.values() if reason.code == name]
        return (*found, *(reason for reason in self.error_reasons.values() if reason.code == name))


@cache
def catalogue() -> Catalogue:
    """The catalogue of this version of the contract."""
    table = json.loads(files(__package__).joinpath("reasons.json").read_text("utf-8"))
    return Catalogue(
        {row["number"]: _reason(row, table["not_given"]) for row in table["reasons"]},
        {row["code"]: _reason(row, table["not_given"]) for row in table["error_reasons"]},
    )


def _reason(row: dict[str, Any], not_given: list[str]) -> Reason:
    rest = {name: value for name, value in row.items() if name not in ("as", "calls")}
    is_given = row["code"] not in not_given
    return Reason(given_as=tuple(row["as"]), calls=tuple(row["calls"]), is_given=is_given, **rest)
