"""The cards a new promotion begins with: ready documents a marketer only has to look through.

Every card compiles as it stands (a test sees to it). Their names are in the catalogue of texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from altyn.core.rules.definition import load_documents

#: Cards in the order of the page, and their pictures.
PICTURES = {
    "small-receipt-points": "coins",
    "points-percent": "sparkles",
    "percent-category": "percentage",
    "amount-from-sum": "cash",
    "n-plus-one": "gift",
    "coupon-code": "ticket",
    "happy-hours": "clock",
    "second-cheaper": "stairs",
    "bundle": "stack-2",
    "fixed-price": "tag",
    "segment-percent": "user-heart",
    "blank": "edit",
}


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    picture: str
    document: dict[str, Any]


@cache
def cards() -> dict[str, Card]:
    """By name; ``blank`` has nothing in it."""
    source = resources.files("altyn.admin_api.console") / "cards.yaml"
    documents = {str(one.pop("promotion")): one for one in load_documents(source.read_text(encoding="utf-8"))}
    return {name: Card(name, picture, documents.get(name, {})) for name, picture in PICTURES.items()}
