"""What can be wrong with releases."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class ReleaseUnknown(Refusal):
    status_code = 404
    reason = "RELEASE_UNKNOWN"


class ReleaseInvalid(Refusal):
    """The documents do not compile together; every problem is listed."""

    status_code = 422
    reason = "RELEASE_INVALID"


class ReferencesUnknown(Refusal):
    """Rules name what the facts do not have, and the caller asked to be strict."""

    status_code = 422
    reason = "REFERENCES_UNKNOWN"


class PromotionNotActive(Refusal):
    """Only ACTIVE promotions are published."""

    status_code = 409
    reason = "PROMOTION_NOT_ACTIVE"


class ReleaseOvertaken(Refusal):
    """Another release was published meanwhile; look at it and publish again."""

    status_code = 409
    reason = "RELEASE_OVERTAKEN"


class EffectiveAtPast(Refusal):
    """A release comes into force now or later."""

    status_code = 422
    reason = "EFFECTIVE_AT_PAST"


class ScheduleFull(Refusal):
    """As many releases as servers hold wait already; publish at one of their moments, or later."""

    status_code = 409
    reason = "SCHEDULE_FULL"
