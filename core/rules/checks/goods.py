"""Questions about product sets that documents alone, or documents and a catalogue, can answer.

Every answer is on the safe side: True means "surely". Must never say more than it knows: without a catalogue nobody
knows which category a SKU has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from altyn.core.rules.condition import Attribute, Member, ProductSet

PRICE_MINOR_MAX = 1_000_000_000  # of core/limits.pxd
QTY_MILLI_MAX = 10_000_000
UNITS_MAX = 11_000

Key = tuple[Member | None, str]
EVERYTHING: Key = (None, "")


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the catalogue; `values` are its attributes, the SKU among them."""

    values: Mapping[Member, str]
    price_minor: int | None = None
    min_price_minor: int = 0
    cost_minor: int | None = None

    @property
    def sku(self) -> str:
        return self.values[Attribute.SKU]


def contains(of: ProductSet, product: Product) -> bool:
    """Is the product in the set, for some customer; one without a price is in no set of a price range."""
    for attribute, texts in of.members.items():
        if product.values.get(attribute) not in texts:
            return False
    price = product.price_minor
    if of.price_from_minor is not None and (price is None or price < of.price_from_minor):
        return False
    if of.price_to_minor is not None and (price is None or price > of.price_to_minor):
        return False
    return not any(contains(left_out, product) and not left_out.is_own for left_out in of.excepted)


def keys(of: ProductSet) -> Iterator[Key]:
    """Under which keys sets that share goods meet: all values it names, or EVERYTHING."""
    if not of.members:
        yield EVERYTHING
    for attribute, texts in of.members.items():
        for text in texts:
            yield attribute, text


def covers(outer: ProductSet, inner: ProductSet) -> bool:
    """Is every product of `inner` surely in `outer`, for everybody; grants of two promotions are two."""
    if outer.personal or (outer.favourite and not inner.favourite):
        return False
    for attribute, texts in outer.members.items():
        named = inner.members.get(attribute)
        if named is None or (named != texts and not set(named) <= set(texts)):
            return False
    if outer.price_from_minor is not None and (inner.price_from_minor or 0) < outer.price_from_minor:
        return False
    if outer.price_to_minor is not None and (
        inner.price_to_minor is None or inner.price_to_minor > outer.price_to_minor
    ):
        return False
    return all(
        disjoint(left_out, inner) or any(covers(other, left_out) for other in inner.excepted)
        for left_out in outer.excepted
    )


def disjoint(left: ProductSet, right: ProductSet) -> bool:
    """Do the sets surely share no product."""
    for attribute, texts in left.members.items():
        named = right.members.get(attribute)
        if named is not None and not set(named) & set(texts):
            return True
    if _price_apart(left, right) or _price_apart(right, left):
        return True
    return any(covers(left_out, right) for left_out in left.excepted) or any(
        covers(left_out, left) for left_out in right.excepted
    )


def _price_apart(lower: ProductSet, upper: ProductSet) -> bool:
    high, low = lower.price_to_minor, upper.price_from_minor
    return high is not None and low is not None and high < low


def meet(left: ProductSet, right: ProductSet) -> bool:
    """Do the sets surely share goods, if there are any at all: one names no attribute the other does not."""
    if left.is_own or right.is_own:
        return False
    if not (left.members.keys() <= right.members.keys() or right.members.keys() <= left.members.keys()):
        return False
    if disjoint(left, right):
        return False
    # What is left out of one may be all that the two share; a value of both that neither leaves out is certain.
    if not (left.excepted or right.excepted):
        return True
    if Attribute.SKU not in left.members and Attribute.SKU not in right.members:
        return all(_is_narrow(left_out) for left_out in (*left.excepted, *right.excepted))
    return _shares_value(left, right)


def _is_narrow(of: ProductSet) -> bool:
    """A few SKUs: leaving them out leaves something of any set that names none."""
    return Attribute.SKU in of.members and len(of.members) == 1


def _shares_value(left: ProductSet, right: ProductSet) -> bool:
    excepted = (*left.excepted, *right.excepted)
    for attribute in left.members.keys() & right.members.keys():
        shared = set(left.members[attribute]) & set(right.members[attribute])
        for left_out in excepted:
            if left_out.members.keys() != {attribute}:
                return False
            shared -= set(left_out.members[attribute])
        if not shared:
            return False
    return bool(left.members.keys() & right.members.keys())


def most_sum_minor(of: ProductSet) -> int:
    """The largest gross a receipt can hold of the set."""
    price = PRICE_MINOR_MAX if of.price_to_minor is None else min(of.price_to_minor, PRICE_MINOR_MAX)
    return price * (QTY_MILLI_MAX // 1000)
