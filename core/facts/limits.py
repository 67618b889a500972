"""What the programme allows where no rule decides: spending offline, returns without a receipt. Else nothing."""

from __future__ import annotations

from typing import NamedTuple


class OfflineLimits(NamedTuple):
    """Of one register and one day: receipts that spend points without a Reserve, what each and all of them may spend,
    for how long a register may be away, how far below nothing an account may go, and which points (none: all).
    """

    receipts_max: int = 0
    receipt_sum_max_minor: int = 0
    sum_max_minor: int = 0
    age_max_s: int = 0
    debt_points_max: int = 0
    assets: tuple[str, ...] = ()


class ReturnLimits(NamedTuple):
    """Of returns without a receipt: what one may pay back, and in a day all of one customer's, or of strangers' at one
    register.
    """

    sum_max_minor: int = 0
    day_sum_max_minor: int = 0
