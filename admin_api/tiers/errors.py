"""What can be wrong with tiers."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class TiersUnknown(Refusal):
    """The program has no tiers."""

    status_code = 404
    reason = "TIERS_UNKNOWN"


class TiersInvalid(Refusal):
    """The terms contradict themselves, or name an asset that nobody has declared."""

    status_code = 422
    reason = "TIERS_INVALID"
