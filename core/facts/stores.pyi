"""Stores in memory: attributes conditions may name, money of the receipts, and the store's wall clock."""

from typing import NamedTuple

from altyn.core.facts.zones import WallClock, Zones

class StoreFact(NamedTuple):
    """`zone` is a name defined in the zones. Empty text means none."""

    store_id: str
    zone: str
    region: str = ""
    format: str = ""
    cluster: str = ""
    currency: str = "RUB"
    exponent: int = 2

class Stores:
    zones: Zones
    def __init__(self, zones: Zones) -> None: ...
    def __len__(self) -> int: ...
    def upsert(self, store: StoreFact) -> None:
        """Add or replace. KeyError: unknown zone; ValueError names the field that is out of range."""
    def remove(self, store_id: str) -> bool: ...
    def get(self, store_id: str) -> StoreFact | None: ...
    def wall_clock_at(self, store_id: str, instant_us: int) -> WallClock:
        """KeyError when there is no such store."""
