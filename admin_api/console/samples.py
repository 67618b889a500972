"""The receipt "try it" begins with: goods of the catalogue, those first that the draft is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from altyn.admin_api.catalogue import repository as catalogue
from altyn.admin_api.console.pages import Visit
from altyn.admin_api.stores import repository as stores

STORES_SHOWN_MAX = 100
LINES_AT_FIRST = 3
PRICES = ("249.00", "120.00", "89.90")
NAMES_LOOKED_AT_MAX = 20
GOODS_LOOKED_AT_MAX = 20


@dataclass(slots=True)
class SampleLine:
    sku: str = ""
    title: str = ""
    category: str = ""
    price: str = "100.00"
    quantity: str = "1"


@dataclass(slots=True)
class Sample:
    """What the builder shows at first; ``stores`` are (id, text)."""

    stores: list[tuple[str, str]] = field(default_factory=list)
    lines: list[SampleLine] = field(default_factory=list)
    code: str = ""
    segment: str = ""


async def sample_receipt(visit: Visit, document: dict[str, Any]) -> Sample:
    """A few goods at made-up prices: the catalogue keeps none."""
    call = visit.call
    rows = await stores.list_stores(call.connection, call.tenant, call.reach, "", STORES_SHOWN_MAX)
    made = Sample([(row["store_id"], _store_text(row)) for row in rows])
    named = list(_named(document))
    found = [SampleLine(sku=text) for key, text in named if key == "sku"]
    for key, text in named:
        if key == "category" and len(found) < LINES_AT_FIRST:
            goods = await catalogue.list_products(call.connection, call.tenant, "", text, 1)
            found.append(SampleLine(goods[0]["sku"], goods[0]["title"], text) if goods else SampleLine("", "", text))
    if len(found) < LINES_AT_FIRST:
        more = await catalogue.list_products(call.connection, call.tenant, "", None, GOODS_LOOKED_AT_MAX)
        taken = {line.sku for line in found}
        found += [
            SampleLine(row["sku"], row["title"], row["group_id"])
            for row in more
            if not row["flags"] and row["sku"] not in taken
        ]
    while len(found) < LINES_AT_FIRST:
        found.append(SampleLine(f"sku-{len(found) + 1}"))
    made.lines = found[:LINES_AT_FIRST]
    for line, price in zip(made.lines, PRICES, strict=True):
        line.price = price
    made.code = next((text for key, text in named if key == "code"), "")
    made.segment = next((text for key, text in named if key == "segment"), "")
    return made


def _store_text(row: Any) -> str:
    told = ", ".join(row[name] for name in ("format", "region") if row[name])
    return f"{row['title'] or row['store_id']}" + (f" ({told})" if told else "")


def _named(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Goods, codes and segments the document names, at most a few."""
    left = NAMES_LOOKED_AT_MAX
    for key, value in _walk({name: document.get(name) for name in ("reward", "when")}):
        if key in ("sku", "category", "code", "segment") and left:
            texts = value.get("any_of") if isinstance(value, dict) else value
            for text in texts if isinstance(texts, list) else [texts]:
                if isinstance(text, str):
                    left -= 1
                    yield key, text


def _walk(node: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > 32:
        return
    if isinstance(node, dict):
        for key, value in node.items():
            if key != "except":
                yield key, value
                yield from _walk(value, depth + 1)
    elif isinstance(node, list):
        for value in node[:NAMES_LOOKED_AT_MAX]:
            yield from _walk(value, depth + 1)
