"""What can be wrong with guard rails."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class RailsBroken(Refusal):
    """The last receipts would break a guard rail; whoever approves overrides it, with a reason."""

    status_code = 409
    reason = "RAILS_BROKEN"


class RehearsalFailed(Refusal):
    """The process that tries a release on the last receipts died or took too long."""

    status_code = 503
    reason = "REHEARSAL_FAILED"


class RailsChangeUnknown(Refusal):
    status_code = 404
    reason = "RAILS_CHANGE_UNKNOWN"


class RailsChangeDecided(Refusal):
    """It is not proposed any more: applied, rejected, or older than 72 hours."""

    status_code = 409
    reason = "RAILS_CHANGE_DECIDED"


class OwnRailsChange(Refusal):
    """Who proposes does not approve."""

    status_code = 403
    reason = "OWN_RAILS_CHANGE"


class AlertUnknown(Refusal):
    status_code = 404
    reason = "ALERT_UNKNOWN"
