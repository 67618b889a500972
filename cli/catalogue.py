"""A catalogue file: SKU to attributes, as in the receipt file of `altyn evaluate`, or such a mapping under `catalogue`
with `coupon_series` beside it.

Amounts are whole minor units. Must never guess: an unknown key is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from altyn.core.evaluate import ReceiptError
from altyn.core.rules.checks.goods import Product
from altyn.core.rules.condition import Attribute

CATALOGUE_KEYS = (
    *("group_id", "brand_id", "supplier_id", "price_minor", "min_price_minor", "cost_minor", "flags", "attributes"),
)
COLUMNS = {"group_id": Attribute.CATEGORY, "brand_id": Attribute.BRAND, "supplier_id": Attribute.SUPPLIER}
MONEY = ("price_minor", "min_price_minor", "cost_minor")


def split_catalogue(content: object) -> tuple[dict[str, dict[str, Any]], frozenset[str] | None]:
    """Rows by SKU, and the coupon series that exist when the file names them. Raises ReceiptError naming the place."""
    if not isinstance(content, dict):
        raise ReceiptError("catalogue", "BAD_FORMAT", "a mapping of SKUs is needed")
    series = content.get("coupon_series") if "catalogue" in content else None
    rows = content.get("catalogue", content)
    if not isinstance(rows, dict) or not (series is None or isinstance(series, list)):
        raise ReceiptError("catalogue", "BAD_FORMAT", "a mapping of SKUs is needed, and a list of coupon series")
    return {str(sku): check_row(str(sku), row) for sku, row in rows.items()}, (
        None if series is None else frozenset(map(str, series))
    )


def check_row(sku: str, row: object) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise ReceiptError(f"catalogue.{sku}", "BAD_FORMAT", f"a mapping with {', '.join(CATALOGUE_KEYS)} is needed")
    for key, value in row.items():
        if key not in CATALOGUE_KEYS:
            known = ", ".join(CATALOGUE_KEYS)
            raise ReceiptError(f"catalogue.{sku}.{key}", "BAD_FORMAT", f"unknown key; known are {known}")
        if key in MONEY and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise ReceiptError(f"catalogue.{sku}.{key}", "BAD_FORMAT", f"whole minor units are needed, not {value!r}")
    return row


def products_of(rows: Mapping[str, Mapping[str, Any]]) -> tuple[Product, ...]:
    """The rows as the lint knows them."""
    return tuple(
        Product(
            {
                Attribute.SKU: sku,
                **{attribute: str(row[key]) for key, attribute in COLUMNS.items() if row.get(key)},
                **{str(name): str(text) for name, text in (row.get("attributes") or {}).items()},
            },
            row.get("price_minor"),
            row.get("min_price_minor", 0),
            row.get("cost_minor"),
        )
        for sku, row in rows.items()
    )
