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


class GivenTierUnknown(Refusal):
    status_code = 404
    reason = "GIVEN_TIER_UNKNOWN"


class GivenTierDecided(Refusal):
    """It was given or rejected before, or nobody has agreed in 72 hours."""

    status_code = 409
    reason = "GIVEN_TIER_DECIDED"


class OwnGivenTier(Refusal):
    """Who asks does not agree."""

    status_code = 403
    reason = "OWN_GIVEN_TIER"


class GivenTierDeclined(Refusal):
    """The server declined the tier; its reason is the problem's code."""

    status_code = 409
    reason = "GIVEN_TIER_DECLINED"
