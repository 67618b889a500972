"""What can be wrong with accounts; what the server refuses is in ``server``."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class AdjustmentDeclined(Refusal):
    """The server declined the points; its reason is the problem's code."""

    status_code = 409
    reason = "ADJUSTMENT_DECLINED"
