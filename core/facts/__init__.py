"""What the feed brings, in memory: catalogue, stores and their clocks, directory of cards and customers, grants,
coupons, assets.

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
from altyn.core.facts.grants import Grants
from altyn.core.facts.stores import Stores
from altyn.core.facts.zones import Zones

__all__ = ["AssetFact", "Catalogue", "CopyRows", "Coupons", "Directory", "Facts", "Grants", "Stores", "Zones"]


class AssetFact(NamedTuple):
    """A points currency. `asset_no`, its number in the journal, and `scale`, digits after the point, never change."""

    asset: str
    asset_no: int
    scale: int
    step_points: int
    title: str  # JSON: text by language


class Facts:
    """All facts of one tenant. `assets` is by name; a deleted asset stays, since accounts may still hold it."""

    __slots__ = ("assets", "catalogue", "coupons", "directory", "grants", "stores", "zones")

    def __init__(self) -> None:
        self.zones = Zones()
        self.stores = Stores(self.zones)
        self.catalogue = Catalogue()
        self.directory = Directory()
        self.grants = Grants()
        self.coupons = Coupons()
        self.assets: dict[str, AssetFact] = {}
