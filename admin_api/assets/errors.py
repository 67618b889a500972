"""What can be wrong with assets."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class AssetUnknown(Refusal):
    status_code = 404
    reason = "ASSET_UNKNOWN"


class AssetInvalid(Refusal):
    """The asset's document cannot be read; every problem is listed."""

    status_code = 422
    reason = "ASSET_INVALID"


class KindFixed(Refusal):
    """Accounts hold points or money of this asset: its kind never changes."""

    status_code = 409
    reason = "KIND_FIXED"


class RateUnknown(Refusal):
    status_code = 404
    reason = "RATE_UNKNOWN"


class ScaleFixed(Refusal):
    """Accounts hold points of this scale and kind: they never change."""

    status_code = 409
    reason = "SCALE_FIXED"
