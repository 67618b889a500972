"""What a form shows of a document: which fields each condition, reward and limit has, and of what kind.

The names are those of docs/promotion-document.md. What is not in these tables is still edited, as YAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """``key`` is the place below the block, dotted. ``kind``: ``word`` one line without blanks around, ``text`` any
    line, ``words`` several with commas, ``list`` the same and always a list, ``each`` boxes to tick, ``truth`` yes or
    no, ``choice`` one of ``options``, ``goods`` a product set, ``chosen`` names that must or must not match.
    What is minor is shown when it is asked for, or filled.
    """

    key: str
    kind: str = "word"
    options: tuple[str, ...] = ()
    unit: str = ""
    is_minor: bool = False
    minor_words: tuple[str, ...] = ()


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GROUPS = ("all", "any", "none")
BASES = ("GROSS", "STAGE_ENTRY", "RUNNING", "NET")
OF = Field("of", "goods")

GOODS = (
    Field("category", "words"),
    Field("brand", "words"),
    Field("sku", "words"),
    Field("supplier", "words", is_minor=True),
    Field("attribute", "yaml", is_minor=True),
    Field("favourite", "truth", ("true",), is_minor=True),
    Field("personal", "truth", ("true",), is_minor=True),
    Field("unit_price.from", unit="money", is_minor=True),
    Field("unit_price.to", unit="money", is_minor=True),
)
CONDITIONS: Mapping[str, tuple[Field, ...]] = {
    "schedule": (
        Field("from"),
        Field("to"),
        Field("hours", "words"),
        Field("days_of_month", "words"),
        Field("weekdays", "each", WEEKDAYS),
    ),
    "store": (
        Field("format", "chosen"),
        Field("region", "chosen", minor_words=("none_of",)),
        Field("cluster", "chosen", is_minor=True),
        Field("id", "chosen", minor_words=("none_of",)),
    ),
    "customer": (
        Field("has_card", "truth"),
        Field("segment", "chosen", minor_words=("none_of",)),
        Field("tier", "chosen", is_minor=True),
        Field("tier_from", "chosen", is_minor=True),
        Field("card_type", "chosen", is_minor=True),
    ),
    "birthday": (Field("before", unit="days"), Field("after", unit="days")),
    "personal": (),
    "receipt_sum": (
        Field("from", unit="money"),
        Field("below", unit="money"),
        Field("base", "choice", BASES, is_minor=True),
        OF,
    ),
    "quantity": (
        Field("from"),
        Field("below"),
        Field("count_by", "choice", ("UNITS", "WEIGHT"), is_minor=True),
        OF,
    ),
    "coupon": (Field("code"), Field("series")),
    "balance": (Field("asset"), Field("from", unit="points"), Field("below", unit="points")),
    "payment": (Field("type", "words"), Field("from_percent", unit="percent")),
    "register": (
        Field("channel", "chosen", minor_words=("none_of",)),
        Field("id", "chosen", minor_words=("none_of",)),
    ),
}
TEXTS = (Field("text.en", "text"), Field("text.ru", "text"))
REWARDS: Mapping[str, tuple[Field, ...]] = {
    "points": (
        Field("percent", unit="percent"),
        Field("fixed", unit="points"),
        Field("asset"),
        Field("active_after.days", unit="days", is_minor=True),
        Field("expires.days", unit="days"),
        Field("exclude_points_paid", "truth", is_minor=True),
        Field("if_paid_with_points", "choice", ("ACCRUE", "SKIP_RECEIPT"), is_minor=True),
        OF,
    ),
    "percent": (Field("rate", unit="percent"), OF),
    "amount": (Field("off", unit="money"), Field("spread", "choice", ("receipt", "line", "unit")), OF),
    "fixed_price": (Field("price", unit="money"), OF),
    "multi_buy": (
        Field("take"),
        Field("pay"),
        Field("free", "choice", ("BLOCK_CHEAPEST", "GLOBAL_CHEAPEST"), is_minor=True),
        Field("allocate", "choice", ("SPREAD", "ON_FREE"), is_minor=True),
        Field("max_applications", is_minor=True),
        OF,
    ),
    "ladder": (
        Field("rungs", "list"),
        Field("by", "choice", ("percent", "amount", "price")),
        Field("after_last", "choice", ("CLAMP", "REPEAT"), is_minor=True),
        Field("order", "choice", ("PRICE_DESC", "PRICE_ASC", "SCAN"), is_minor=True),
        OF,
    ),
    "bundle": (
        Field("price", unit="money"),
        Field("percent", unit="percent"),
        Field("amount", unit="money"),
        Field("max_applications", is_minor=True),
    ),
    "buy_get": (
        Field("buy.quantity"),
        Field("buy.of", "goods"),
        Field("get.quantity"),
        Field("get.of", "goods"),
        Field("percent", unit="percent"),
        Field("amount", unit="money"),
        Field("price", unit="money"),
    ),
    "multiplier": (Field("times"), Field("promotion"), OF),
    "message": (Field("to", "choice", ("slip", "cashier", "customer_display")), *TEXTS, Field("barcode")),
    "gift": (Field("sku", "list"), Field("quantity"), *TEXTS),
    "issue_coupon": (Field("series"), Field("expires.days", unit="days"), *TEXTS),
}
LIMIT = (
    Field("per", "choice", ("receipt", "customer", "card", "promotion")),
    Field("window", "choice", ("day", "week", "month", "year", "always")),
    Field("times"),
    Field("amount", unit="money"),
    Field("quantity", is_minor=True),
    Field("points", unit="points", is_minor=True),
    Field("budget"),
    Field("on_short", "choice", ("PARTIAL", "SKIP"), is_minor=True),
)
TITLE = (Field("title.en", "text"), Field("title.ru", "text"))
STACKING = (
    Field("stage", "choice", ("price", "item", "set", "receipt", "coupon", "card", "accrual", "message", "rate")),
    Field("priority"),
    Field("group.name"),
    Field("group.mode", "choice", ("CASCADE", "ADD", "BEST", "FIRST", "MIN", "OPTIMAL")),
    Field("group.scope", "choice", ("RECEIPT", "LINE")),
    Field("group.priority"),
    Field("exclusive", "choice", ("STAGE", "ALL")),
    Field("skip_discounted", "truth"),
    Field("on_return", "choice", ("KEEP", "READJUDICATE", "FORBID_PARTIAL"), is_minor=True),
    Field("allow_free", "truth"),
    Field("cost_floor", "truth"),
    Field("floor.price", unit="money"),
    Field("floor.percent", unit="percent"),
)
SAID = ("slip", "cashier", "customer_display", "nudge")
MESSAGES = tuple(Field(f"messages.{channel}.{language}", "text") for channel in SAID for language in ("en", "ru"))
PROMOTION_KEYS = frozenset(
    ("promotion", "when", "reward", "limits", *(one.key.partition(".")[0] for one in (*TITLE, *STACKING, *MESSAGES)))
)
#: Where a condition of a new kind begins, and what a new reward or limit begins with.
BEGINNINGS: Mapping[str, object] = {
    "customer": {"has_card": True},
    "birthday": {"before": "3", "after": "7"},
    "personal": True,
    "points": {"asset": "bonus", "percent": "1"},
    "percent": {"rate": "10"},
    "amount": {"off": "100.00", "spread": "receipt"},
    "multi_buy": {"take": "3", "pay": "2"},
    "ladder": {"rungs": ["0", "10", "20"]},
    "message": {"to": "cashier"},
    "limit": {"per": "customer", "window": "day", "times": "1"},
}
