"""Which promotions concern a product: whose goods it belongs to, and for which it counts.

Only what documents and the catalogue say; whether a condition holds is a matter of a receipt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.edge.call import Call
from altyn.admin_api.promotions import repository
from altyn.admin_api.promotions.circumstances import ANY, Circumstances, ways_under
from altyn.admin_api.promotions.service import read_with_assets
from altyn.admin_api.releases.repository import active_documents
from altyn.core.rules.checks.goods import Product, contains
from altyn.core.rules.condition import Attribute, Member, ProductSet, Quantity, ReceiptSum
from altyn.core.rules.definition import DocumentError
from altyn.core.rules.promotion import Asset, Promotion, reward_sets
from altyn.core.rules.read.conditions import walk

COLUMNS = {Attribute.CATEGORY: "group_id", Attribute.BRAND: "brand_id", Attribute.SUPPLIER: "supplier_id"}


@dataclass(frozen=True, slots=True)
class Concerned:
    """A promotion a product has to do with. ``is_target``: a reward is for it; else it counts in a condition.
    ``is_for_all``: only because the promotion names no goods at all.
    """

    promotion_id: str
    document: dict[str, Any]
    is_target: bool
    is_for_all: bool


async def concerned_by(call: Call, *, sku: str, price_minor: int | None, given: Circumstances = ANY) -> list[Concerned]:
    """ACTIVE promotions by id that may hold there. A product the catalogue does not have is known by its SKU alone."""
    known = (await repository.product_attributes(call.connection, call.tenant, [sku])).get(sku)
    documents = await active_documents(call.connection, call.tenant, None)
    assets = await declared_assets(call.connection, tenant=call.tenant)
    return await asyncio.to_thread(_find, documents, assets, product_of(sku, known, price_minor), given)


def product_of(sku: str, known: asyncpg.Record | None, price_minor: int | None = None) -> Product:
    """As product sets look at it; without a row of the catalogue it is known by its SKU alone."""
    values: dict[Member, str] = {Attribute.SKU: sku}
    if known is not None:
        values |= {attribute: known[column] for attribute, column in COLUMNS.items() if known[column]}
        values |= dict(pair.split("=", 1) for pair in known["attributes"])
    return Product(values, price_minor)


def _find(
    documents: dict[str, dict[str, Any]], assets: Sequence[Asset], product: Product, given: Circumstances
) -> list[Concerned]:
    found = []
    for promotion in readable(documents, assets):
        if not ways_under(promotion, given):
            continue
        targets = [of for reward in promotion.rewards for of in reward_sets(reward) if contains(of, product)]
        counted = [of for of in _counted(promotion) if contains(of, product)]
        if targets or counted:
            is_for_all = not any(of.members for of in (*targets, *counted))
            document = documents[promotion.promotion_id]
            found.append(Concerned(promotion.promotion_id, document, bool(targets), is_for_all))
    return found


def readable(documents: dict[str, dict[str, Any]], assets: Sequence[Asset]) -> Sequence[Promotion]:
    """All of them, or, when one cannot be read any more, those that can."""
    try:
        return read_with_assets(list(documents.values()), assets).promotions
    except DocumentError:
        pass
    found: list[Promotion] = []
    for document in documents.values():
        try:
            found += read_with_assets([document], assets).promotions
        except DocumentError:
            continue
    return found


def _counted(promotion: Promotion) -> Iterator[ProductSet]:
    """Goods a condition sums up or counts."""
    for condition in [] if promotion.when is None else walk(promotion.when):
        if isinstance(condition, ReceiptSum | Quantity):
            yield condition.of
