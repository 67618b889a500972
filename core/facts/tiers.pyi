"""The programme's tiers."""

from typing import Any

class TierTerms:
    points_asset: str | None
    count: int
    def __init__(self) -> None: ...
    def put(self, document: dict[str, Any]) -> None:
        """`{by: TURNOVER | POINTS, asset, period: MONTH | QUARTER | YEAR | DAYS, days, valid_periods, tiers}`, where
        tiers are `{tier, rank, sum}` by rank ascending; a sum is in minor units, or in the asset's smallest.
        ValueError, and nothing has changed.
        """

    def clear(self) -> None: ...
