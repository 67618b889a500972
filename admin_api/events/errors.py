"""What can be wrong with events."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class EventUnknown(Refusal):
    status_code = 404
    reason = "EVENT_UNKNOWN"


class EventKindFixed(Refusal):
    """What happened by it stays what it was."""

    status_code = 409
    reason = "EVENT_KIND_FIXED"


class EventDecided(Refusal):
    """It is not proposed: approved before, or stopped."""

    status_code = 409
    reason = "EVENT_DECIDED"


class OwnEvent(Refusal):
    """Who proposes does not approve."""

    status_code = 403
    reason = "OWN_EVENT"


class EventResting(Refusal):
    """It earns nothing now: nobody has approved it, or it was stopped."""

    status_code = 409
    reason = "EVENT_RESTING"


class EventByItself(Refusal):
    """Nobody tells of it: registrations and birthdays are known."""

    status_code = 409
    reason = "EVENT_BY_ITSELF"


class SubjectUnknown(Refusal):
    status_code = 404
    reason = "SUBJECT_UNKNOWN"


class SubjectAmbiguous(Refusal):
    """Several customers have the account."""

    status_code = 409
    reason = "SUBJECT_AMBIGUOUS"


class OccurrenceDeclined(Refusal):
    """The server declined the points; its reason is the problem's code."""

    status_code = 409
    reason = "OCCURRENCE_DECLINED"
