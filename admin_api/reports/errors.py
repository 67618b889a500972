"""What can be wrong with a report that is asked for."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class ReportUnknown(Refusal):
    """There is no such report."""

    status_code = 404
    reason = "REPORT_UNKNOWN"


class ReportWrong(Refusal):
    """Its span of days, its rows or its place cannot be had."""

    status_code = 422
    reason = "REPORT_WRONG"
