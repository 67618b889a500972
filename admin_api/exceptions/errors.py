"""What can be wrong with exceptions."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class ExceptionUnknown(Refusal):
    status_code = 404
    reason = "EXCEPTION_UNKNOWN"


class ExceptionResolved(Refusal):
    """Somebody has resolved it already."""

    status_code = 409
    reason = "EXCEPTION_RESOLVED"


class NameUnknown(Refusal):
    """No kind, status or reason has this name or number."""

    status_code = 422
    reason = "NAME_UNKNOWN"


class ExceptionDecided(Refusal):
    """It was applied or rejected in the journal: that stands."""

    status_code = 409
    reason = "EXCEPTION_DECIDED"


class DecisionDeclined(Refusal):
    """The server declined the decision; its reason is the problem's code."""

    status_code = 409
    reason = "DECISION_DECLINED"


class OwnDecision(Refusal):
    """Who asks does not agree."""

    status_code = 403
    reason = "OWN_DECISION"
