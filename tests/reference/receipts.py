"""Short ways to write receipts and promotions in the tests of this folder."""

from typing import Any

from .oracle import calculate

Document = dict[str, Any]
STORE: Document = {"store_id": "s-1", "zone": "Europe/Moscow", "region": "msk", "format": "super", "cluster": ""}
MEMBER: Document = {"customer_id": "c-1", "card_type": "gold", "card_state": "ACTIVE", "segments": ["vip"]}
NOON = 1_781_600_400_000_000  # 2026-06-16T09:00Z, 12:00 in Moscow, a Tuesday


def line(line_no: int, price: int, qty: int = 1000, **fields: Any) -> Document:
    """A line of its own SKU unless one is given; keywords are fields of ReceiptLine or flags."""
    flags = {key: fields.pop(key) for key in list(fields) if key.startswith("no_") or key == "gift"}
    given: Document = {"line_no": line_no, "sku": f"sku-{line_no:03d}", "qty_milli": qty, "unit": "PIECE"}
    return given | {"price_minor": price, "flags": flags} | fields


def promotion(promotion_id: str, *rewards: Document, **fields: Any) -> Document:
    """A promotion of stage item, or of accrual when it gives points."""
    stage = {} if "points" in rewards[0] else {"stage": "item"}
    return {"promotion": promotion_id, **stage, "reward": list(rewards), **fields}


def percent(rate: str, **of: Any) -> Document:
    return {"percent": {"rate": rate, "of": of}}


def amount(off: str, spread: str, **of: Any) -> Document:
    return {"amount": {"off": off, "spread": spread, "of": of}}


def points(**terms: Any) -> Document:
    return {"points": {"asset": "bonus", **terms}}


def set_promotion(promotion_id: str, *rewards: Document, **fields: Any) -> Document:
    """A promotion of stage set."""
    return promotion(promotion_id, *rewards, **{"stage": "set", **fields})


def priced(*prices: int) -> list[Document]:
    """One piece of a product of its own for each price."""
    return [line(number, price) for number, price in enumerate(prices, start=1)]


def wish(asset: str = "bonus", points: int | None = None) -> Document:
    """A wish to pay with so many points, or with as many as may be."""
    return {"asset": asset, "max": True} if points is None else {"asset": asset, "requested_points": points}


def balances(**active: int) -> Document:
    return {"balances": {asset: {"active": points} for asset, points in active.items()}}


def run(
    rules: list[Document],
    lines: list[Document],
    *,
    codes: tuple[str, ...] = (),
    store: Document = STORE,
    customer: Document | None = MEMBER,
    at: int = NOON,
    holdings: Document | None = None,
    **fields: Any,
) -> Document:
    """The reference result for these lines; keywords are more fields of Receipt."""
    coupons = [{"code": code, "source": "SCAN"} for code in codes]
    return calculate(rules, {"lines": lines, "coupons": coupons, **fields}, store, customer, at, holdings)


def nets(result: Document) -> list[int]:
    return [row["net_minor"] for row in result["lines"]]


def discounts(result: Document) -> list[int]:
    return [row["discount_minor"] for row in result["lines"]]


def rows(result: Document, promotion_id: str) -> list[int]:
    """What a promotion took from each line."""
    return [
        sum(entry["amount_minor"] for entry in row["discounts"] if entry["promotion_id"] == promotion_id)
        for row in result["lines"]
    ]


def accrued(result: Document, asset: str = "bonus") -> list[int]:
    return [row["accrual"].get(asset, 0) for row in result["lines"]]


def verdicts(result: Document) -> dict[str, str]:
    """The verdict of each promotion's last reward."""
    return {row["promotion_id"]: row["verdict"] for row in result["rules"]}
