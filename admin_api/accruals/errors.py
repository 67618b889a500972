"""What can be wrong with points for many."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class AccrualUnknown(Refusal):
    status_code = 404
    reason = "ACCRUAL_UNKNOWN"


class AccrualDecided(Refusal):
    """It is not proposed any more: approved, cancelled, or older than 72 hours."""

    status_code = 409
    reason = "ACCRUAL_DECIDED"


class AccrualEnded(Refusal):
    status_code = 409
    reason = "ACCRUAL_ENDED"


class AccrualGoesOn(Refusal):
    """Only what has failed can be gone on with."""

    status_code = 409
    reason = "ACCRUAL_GOES_ON"


class OwnAccrual(Refusal):
    """Who proposes does not approve."""

    status_code = 403
    reason = "OWN_ACCRUAL"
