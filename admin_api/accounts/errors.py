"""What can be wrong with accounts; what the server refuses is in ``server``."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class AdjustmentUnknown(Refusal):
    status_code = 404
    reason = "ADJUSTMENT_UNKNOWN"


class AdjustmentDecided(Refusal):
    """It was given or rejected before, or nobody has agreed in 72 hours."""

    status_code = 409
    reason = "ADJUSTMENT_DECIDED"


class OwnAdjustment(Refusal):
    """Who asks does not agree."""

    status_code = 403
    reason = "OWN_ADJUSTMENT"


class ConversionDeclined(Refusal):
    """The server declined the conversion; its reason is the problem's code."""

    status_code = 409
    reason = "CONVERSION_DECLINED"


class AdjustmentDeclined(Refusal):
    """The server declined the points; its reason is the problem's code."""

    status_code = 409
    reason = "ADJUSTMENT_DECLINED"
