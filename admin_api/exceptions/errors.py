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
