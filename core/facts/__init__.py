"""What the feed brings, in memory: catalogue, stores and their clocks, directory of cards and customers, grants,
coupons, gift cards, tiers, assets, rules against fraud.

One process serves one tenant, so nothing here knows tenants. Facts are patched in place between calls and read by
pointer during one; the feed's version belongs to whoever patches. Never here: IO, a clock, or any number a customer
was given.
"""

from __future__ import annotations

from typing import NamedTuple

from altyn.core.facts.catalogue import Catalogue
from altyn.core.facts.copy import CopyRows
from altyn.core.facts.coupons import Coupons
from altyn.core.facts.directory import Directory
from altyn.core.facts.fraud import FraudRules
from altyn.core.facts.gift_cards import GiftCards
from altyn.core.facts.grants import Grants
from altyn.core.facts.limits import OfflineLimits, ReturnLimits
from altyn.core.facts.stores import Stores
from altyn.core.facts.tiers import TierTerms
from altyn.core.facts.zones import Zones

__all__ = [
    "AssetFact",
    "Catalogue",
    "CopyRows",
    "Coupons",
    "Directory",
    "Facts",
    "FraudRules",
    "GiftCards",
    "Grants",
    "OfflineLimits",
    "RateFact",
    "ReturnLimits",
    "Stores",
    "TierTerms",
    "Zones",
]


class AssetFact(NamedTuple):
    """A points currency, or money. `asset_no`, its number in the journal, `scale`, digits after the point, and `kind`
    never change.
    """

    asset: str
    asset_no: int
    scale: int
    step_points: int
    title: str  # JSON: text by language
    kind: str = "POINTS"  # or MONEY: its smallest unit is the currency's


class RateFact(NamedTuple):
    """`from_points` of one asset are worth `to_points` of another, each in its smallest unit."""

    from_points: int
    to_points: int


class Facts:
    """All facts of one tenant. `assets` is by name; a deleted asset stays, since accounts may still hold it.
    `rates` is by the names of the two assets; `offline` and `returns` are what the programme allows.
    """

    __slots__ = (
        "assets",
        "catalogue",
        "coupons",
        "directory",
        "fraud",
        "gift_cards",
        "grants",
        "offline",
        "rates",
        "returns",
        "stores",
        "tiers",
        "zones",
    )

    def __init__(self) -> None:
        self.zones = Zones()
        self.stores = Stores(self.zones)
        self.catalogue = Catalogue()
        self.directory = Directory()
        self.grants = Grants()
        self.coupons = Coupons()
        self.gift_cards = GiftCards()
        self.fraud = FraudRules()
        self.tiers = TierTerms()
        self.assets: dict[str, AssetFact] = {}
        self.rates: dict[tuple[str, str], RateFact] = {}
        self.offline = OfflineLimits()
        self.returns = ReturnLimits()
