"""What rules name, and which of it the facts do not have.

A dangling name makes a condition false at the till, never an error; so these are warnings, unless the publisher is
strict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import asyncpg

from altyn.admin_api.edge.problems import Problem, problem
from altyn.admin_api.releases import repository
from altyn.core.rules.condition import (
    Attribute,
    Choice,
    Condition,
    CustomerIs,
    ProductSet,
    Quantity,
    ReceiptSum,
    SeriesIs,
    StoreIs,
)
from altyn.core.rules.definition import Rules
from altyn.core.rules.promotion import IssueCoupon, Limit, Promotion, reward_sets
from altyn.core.rules.read.conditions import walk

SHOWN_PER_KIND_MAX = 100
# Kind of name → the table and column of the facts that must have it, and the warning's code.
KINDS = {
    "store.id": ("stores", "store_id", "STORE_UNKNOWN"),
    "store.region": ("stores", "region", "REGION_UNKNOWN"),
    "store.format": ("stores", "format", "FORMAT_UNKNOWN"),
    "store.cluster": ("stores", "cluster", "CLUSTER_UNKNOWN"),
    "customer.segment": ("segments", "segment", "SEGMENT_UNKNOWN"),
    "coupon.series": ("coupon_series", "series", "COUPON_SERIES_UNKNOWN"),
    "sku": ("products", "sku", "SKU_UNKNOWN"),
    "category": ("products", "group_id", "CATEGORY_UNKNOWN"),
    "brand": ("products", "brand_id", "BRAND_UNKNOWN"),
    "supplier": ("products", "supplier_id", "SUPPLIER_UNKNOWN"),
}


def named_by(rules: Rules) -> dict[str, dict[str, str]]:
    """Kind → name → the id of the first document that names it."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for document_id, names in _documents(rules):
        for kind, name in names:
            found[kind].setdefault(name, document_id)
    return found


def users_of(rules: Rules, kind: str, name: str) -> list[str]:
    """Ids of all documents that name it."""
    return [document_id for document_id, names in _documents(rules) if (kind, name) in names]


def _documents(rules: Rules) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    """(id, what it names) of promotions, then limits and roundings."""
    for promotion in rules.promotions:
        yield promotion.promotion_id, list(_of_promotion(promotion))
    for limit in rules.limits:
        yield limit.limit_id, list(_of_limit(limit))
    for rounding in rules.roundings:
        yield rounding.rounding_id, list(_of_condition(rounding.when))


def _of_promotion(promotion: Promotion) -> Iterable[tuple[str, str]]:
    for when in promotion.conditions:
        yield from _of_condition(when)
    for multiplier in promotion.multipliers:
        yield from _of_products(multiplier.of)
    for reward in promotion.rewards:
        for products in reward_sets(reward):
            yield from _of_products(products)
        if isinstance(reward, IssueCoupon):
            yield "coupon.series", reward.series


def _of_limit(limit: Limit) -> Iterable[tuple[str, str]]:
    if limit.cap is not None:
        yield from _of_products(limit.cap.of)
    for rule in limit.payment:
        yield from _of_products(rule.of)
        yield from _of_condition(rule.when)


def _of_condition(when: Condition | None) -> Iterable[tuple[str, str]]:
    conditions: list[Condition] = [] if when is None else walk(when)
    for condition in conditions:
        if isinstance(condition, StoreIs):
            yield from _of_choice(f"store.{condition.attribute}", condition.choice)
        elif isinstance(condition, CustomerIs) and condition.choice is not None:
            yield from _of_choice(f"customer.{condition.attribute}", condition.choice)
        elif isinstance(condition, SeriesIs):
            yield "coupon.series", condition.series
        elif isinstance(condition, ReceiptSum | Quantity):
            yield from _of_products(condition.of)


def _of_choice(kind: str, choice: Choice) -> Iterable[tuple[str, str]]:
    for name in (*(choice.any_of or ()), *choice.none_of):
        yield kind, name


def _of_products(products: ProductSet) -> Iterable[tuple[str, str]]:
    for member, names in products.members.items():
        for name in names:
            yield (member.value, name) if isinstance(member, Attribute) else ("attribute", f"{member}={name}")
    for excepted in products.excepted:
        yield from _of_products(excepted)


async def dangling(connection: asyncpg.Connection[Any], *, tenant: str, rules: Rules) -> list[Problem]:
    """A warning for every name the facts do not have, at most SHOWN_PER_KIND_MAX of a kind."""
    found: list[Problem] = []
    for kind, names in sorted(named_by(rules).items()):
        if kind not in KINDS:
            continue
        table, column, code = KINDS[kind]
        for name in await repository.missing_names(connection, tenant, table, column, list(names), SHOWN_PER_KIND_MAX):
            found.append(
                problem(names[name], code, f"{kind} {name!r} is not in the facts: the condition will be false")
            )
    return found
