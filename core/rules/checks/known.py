"""What a lint may know besides the documents, all of it optional."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from altyn.core.rules.checks.goods import Key, Product, contains
from altyn.core.rules.condition import Attribute, ProductSet


@dataclass(frozen=True, slots=True)
class Known:
    """`today` is a day since 1970-01-01; without products, series or a day nothing is said about them."""

    products: tuple[Product, ...] = ()
    series: frozenset[str] | None = None
    today: int | None = None
    deep_ppm: int = 700_000  # a stacked discount from here on is told
    stacks_max: int = 20_000  # products whose discounts are added up
    by_key: Mapping[Key, list[Product]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found: dict[Key, list[Product]] = defaultdict(list)
        for product in self.products:
            for attribute, text in product.values.items():
                found[attribute, text].append(product)
        object.__setattr__(self, "by_key", found)

    def some_product(self, of: ProductSet) -> Product | None:
        """The first product of the catalogue in the set."""
        if Attribute.SKU in of.members:
            candidates = [
                product for sku in of.members[Attribute.SKU] for product in self.by_key.get((Attribute.SKU, sku), ())
            ]
        elif of.members:
            attribute, texts = next(iter(of.members.items()))
            candidates = [product for text in texts for product in self.by_key.get((attribute, text), ())]
        else:
            candidates = list(self.products)
        return next((product for product in candidates if contains(of, product)), None)
