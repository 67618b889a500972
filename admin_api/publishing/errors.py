"""What can be wrong on the way of a promotion to the tills."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class LintBlocks(Refusal):
    """With this promotion money would be lost for certain; every finding is listed."""

    status_code = 422
    reason = "LINT_BLOCKS"


class FourEyes(Refusal):
    """Nobody approves what they wrote or submitted."""

    status_code = 403
    reason = "FOUR_EYES"


class ReviewExpired(Refusal):
    """The review is too old to decide on; submit again."""

    status_code = 409
    reason = "REVIEW_EXPIRED"


class CasesDiffer(Refusal):
    """Sample receipts would come out differently, and nobody has accepted that; the differences are listed."""

    status_code = 409
    reason = "CASES_DIFFER"


class CaseUnknown(Refusal):
    status_code = 404
    reason = "CASE_UNKNOWN"


class CasesTooMany(Refusal):
    """Publishing runs every case, so there is an end to them."""

    status_code = 409
    reason = "CASES_TOO_MANY"


class TooManyPromotions(Refusal):
    """More promotions at once than one act takes."""

    status_code = 422
    reason = "TOO_MANY_PROMOTIONS"
