"""Gates: the keys of which at least one must be present for a promotion to give anything.

Decides under which symbols a promotion is found. Invariant: a receipt, place and customer without any key of the gate
can get nothing from the promotion; a false candidate costs time, a missed one is a wrong amount. Must never look at
amounts of rewards or at anything that is not a positive conjunct.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from altyn.core.rules.condition import (
    AllOf,
    AnyOf,
    Attribute,
    Condition,
    CouponIs,
    CustomerIs,
    Member,
    Personal,
    ProductSet,
    PurchaseNumber,
    Quantity,
    ReceiptSum,
    RegisterIs,
    SeriesIs,
    StoreIs,
)
from altyn.core.rules.promotion import Bundle, BuyGet, Notice, Promotion, Reward

SYMBOL_KINDS = {
    "sku": 0,
    "category": 1,
    "brand": 2,
    "supplier": 3,
    "store.id": 4,
    "store.region": 5,
    "store.format": 6,
    "store.cluster": 7,
    "customer.card_type": 8,
    "customer.segment": 9,
    "customer.id": 10,
    "coupon": 11,
    "coupon_series": 12,
    "register.id": 13,
    "register.channel": 14,
    "attribute": 15,
    "grant": 16,
    "customer.tier": 17,
    "customer.tier_from": 18,
}
COLUMNS = {Attribute.SKU: 0, Attribute.CATEGORY: 1, Attribute.BRAND: 2, Attribute.SUPPLIER: 3}
COUPON = SYMBOL_KINDS["coupon"]
SERIES = SYMBOL_KINDS["coupon_series"]
ATTRIBUTE = SYMBOL_KINDS["attribute"]
GRANT = SYMBOL_KINDS["grant"]
FAVOURITES = "favourite"  # the attribute of a line whose category is a favourite: no name=value is like it

# How seldom a key of the kind is present: smaller is more selective.
RANKS = {
    **dict.fromkeys((COUPON, SERIES), 0),
    0: 1,
    **dict.fromkeys((8, 9, 10, GRANT, 17, 18), 2),
    **dict.fromkeys((1, 2, 3, ATTRIBUTE), 3),
    **dict.fromkeys((4, 5, 6, 7, 13, 14), 4),
}

Key = tuple[int, str]


class Gate(NamedTuple):
    rank: int
    keys: tuple[Key, ...]


def gate_of(promotion: Promotion, others_when: Iterable[Condition] = ()) -> Gate | None:
    """The most selective gate; None when the promotion may give something to anybody. `others_when`: the conditions
    of others that multiply it."""
    owner = promotion.promotion_id
    found = [] if promotion.when is None else [condition_gate(promotion.when, owner)]
    # Messages and issued coupons follow what the other rewards give; alone they need no goods.
    giving = [reward_gate(reward, owner) for reward in promotion.rewards if not isinstance(reward, Notice)]
    if giving:
        found.append(union(giving))
    gate = best(found)
    if gate is None:
        return None
    # A code that is entered brings its promotions, for the answer to it tells conditions from effect.
    codes = [key for condition in (*promotion.conditions, *others_when) for key in coupon_keys(condition)]
    return Gate(gate.rank, tuple(dict.fromkeys((*gate.keys, *codes))))


def coupon_keys(condition: Condition) -> Iterator[Key]:
    """Codes that can help the condition to hold."""
    if isinstance(condition, CouponIs):
        yield COUPON, condition.code
    elif isinstance(condition, SeriesIs):
        yield SERIES, condition.series
    elif isinstance(condition, AllOf | AnyOf):
        for child in condition.conditions:
            yield from coupon_keys(child)


def best(gates: Iterable[Gate | None]) -> Gate | None:
    return min((gate for gate in gates if gate is not None), key=lambda gate: (gate.rank, len(gate.keys)), default=None)


def union(gates: Iterable[Gate | None]) -> Gate | None:
    """The gate of alternatives: all of them need one, and its rank is the worst."""
    rank = 0
    keys: dict[Key, None] = {}
    for gate in gates:
        if gate is None:
            return None
        rank = max(rank, gate.rank)
        keys.update(dict.fromkeys(gate.keys))
    return Gate(rank, tuple(keys))


def reward_gate(reward: Reward, owner: str) -> Gate | None:
    """Every part of a bundle is needed, and both sides of buy_get."""
    if isinstance(reward, Bundle):
        return best(set_gate(part.of, owner) for part in reward.parts)
    if isinstance(reward, BuyGet):
        return best((set_gate(reward.buy_of, owner), set_gate(reward.get_of, owner)))
    assert not isinstance(reward, Notice)
    return set_gate(reward.of, owner)


def set_gate(products: ProductSet, owner: str) -> Gate | None:
    """Keys of one column: a member of the set carries one of them. `owner`: the promotion whose set it is."""
    gates = [member_gate(member, texts) for member, texts in products.members.items()]
    if products.favourite:
        gates.append(Gate(RANKS[ATTRIBUTE], ((ATTRIBUTE, FAVOURITES),)))
    if products.personal:
        gates.append(granted(owner))
    return best(gates)


def granted(owner: str) -> Gate:
    return Gate(RANKS[GRANT], ((GRANT, owner),))


def member_gate(member: Member, texts: tuple[str, ...]) -> Gate:
    if isinstance(member, Attribute):
        kind = COLUMNS[member]
        return Gate(RANKS[kind], tuple((kind, text) for text in texts))
    return Gate(RANKS[ATTRIBUTE], tuple((ATTRIBUTE, f"{member}={text}") for text in texts))


def condition_gate(condition: Condition, owner: str) -> Gate | None:
    if isinstance(condition, AllOf):
        return best(condition_gate(child, owner) for child in condition.conditions)
    if isinstance(condition, AnyOf):
        return union(condition_gate(child, owner) for child in condition.conditions)
    if isinstance(condition, CouponIs | SeriesIs):
        return Gate(RANKS[COUPON], tuple(coupon_keys(condition)))
    if isinstance(condition, Personal):
        return granted(owner)
    if isinstance(condition, StoreIs | CustomerIs | RegisterIs):
        if condition.choice is None or condition.choice.any_of is None:
            return None
        subject = {StoreIs: "store", CustomerIs: "customer", RegisterIs: "register"}[type(condition)]
        kind = SYMBOL_KINDS[f"{subject}.{condition.attribute}"]
        return Gate(RANKS[kind], tuple((kind, text) for text in condition.choice.any_of))
    if isinstance(condition, ReceiptSum):
        return set_gate(condition.of, owner) if (condition.from_minor or 0) > 0 else None
    if isinstance(condition, PurchaseNumber):
        return set_gate(condition.earlier.of, owner)
    if isinstance(condition, Quantity):
        return set_gate(condition.of, owner) if (condition.from_milli or 0) > 0 else None
    return None
