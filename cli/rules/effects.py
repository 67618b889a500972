"""What a change of rules does: prices of products and whole receipts, before and after, both by the real core.

For every promotion that changed, a situation is made up in which its conditions hold (place, card, segment, code,
moment), and the goods it names are bought in it: one piece, and as many as its thresholds and sets ask for. Bounded:
situations, goods and trials. Must never calculate an amount itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from altyn.cli.evaluate import evaluate_ruleset, read_receipt_file, with_catalogue
from altyn.core.evaluate import evaluate
from altyn.core.rules.checks.conjunctions import Alternative, alternatives, find_conflict
from altyn.core.rules.checks.goods import Key, Product, contains
from altyn.core.rules.checks.known import Known
from altyn.core.rules.checks.rivals import targets
from altyn.core.rules.checks.schedules import DAY_MINUTES, MINUTE_US, first_moment
from altyn.core.rules.checks.stacks import freed, lucky, made_up, quantities, receipt_line
from altyn.core.rules.compare import DocumentChange
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.condition import (
    Birthday,
    CouponIs,
    CustomerIs,
    Personal,
    ProductSet,
    Schedule,
    SeriesIs,
    StoreIs,
    word_of,
)
from altyn.core.rules.definition import Rules
from altyn.core.rules.promotion import Promotion
from altyn.core.rules.read.dates import date_text
from altyn.core.rules.ruleset import Ruleset

NEAR_BIRTHDAY = "on the birthday"
SITUATIONS_MAX = 4  # of one promotion
PRODUCTS_MAX = 200
TRIALS_MAX = 20_000
STORE_KEYS = {"id": "store_id", "region": "region", "format": "format", "cluster": "cluster"}


@dataclass(frozen=True, slots=True)
class Situation:
    """Where, when and by whom something is bought; `said` names what is not usual about it."""

    store: Mapping[str, str] = field(default_factory=dict)
    customer: Mapping[str, Any] | None = None
    codes: tuple[str, ...] = ()
    series: Mapping[str, str] = field(default_factory=dict)  # of codes that are of one
    moment: int = 0
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceChange:
    """So many pieces of a product, by the rules before and after: money to pay and points by asset."""

    sku: str
    units: int
    situation: tuple[str, ...]
    gross_minor: int
    before_minor: int
    after_minor: int
    before_points: Mapping[str, int]
    after_points: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ReceiptChange:
    """A sample receipt; texts are those said before only, and after only."""

    receipt: str
    exponent: int
    before_minor: int
    after_minor: int
    before_points: Mapping[str, int]
    after_points: Mapping[str, int]
    promotions: tuple[tuple[str, int, int], ...]  # id, what it gave before and after
    unsaid: tuple[str, ...]
    said: tuple[str, ...]


def compiled(rules: Rules) -> Ruleset:
    """Raises CompileError."""
    return Ruleset(compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=0))


# --- receipts


def receipt_changes(
    before: Ruleset, after: Ruleset, files: Iterable[object], catalogue: Mapping[str, dict[str, Any]], at: int | None
) -> Iterator[ReceiptChange]:
    """Receipts that are not what they were. Raises ReceiptError."""
    for number, content in enumerate(files, 1):
        given = read_receipt_file(content)
        receipt = with_catalogue(given["receipt"], catalogue)
        when = given.get("at") if given.get("at") is not None or at is None else at * DAY_MINUTES * MINUTE_US
        asked = (receipt, given["store"], given.get("customer"), when)
        old, new = evaluate_ruleset(before, *asked), evaluate_ruleset(after, *asked)
        change = ReceiptChange(
            str(receipt.get("receipt_id") or f"#{number}"),
            int(receipt.get("exponent", 2)),
            old["totals"]["to_pay_minor"],
            new["totals"]["to_pay_minor"],
            _points(old),
            _points(new),
            _given(old, new),
            _texts(old, new),
            _texts(new, old),
        )
        money = change.before_minor != change.after_minor or change.before_points != change.after_points
        if money or change.promotions or change.unsaid or change.said:
            yield change


def _points(outcome: Mapping[str, Any]) -> dict[str, int]:
    return {row["asset"]: row["points"] for row in outcome["totals"]["accrual"]}


def _given(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[tuple[str, int, int], ...]:
    """What each promotion gave, where it differs."""
    sums: list[dict[str, int]] = [{}, {}]
    for outcome, gave in zip((old, new), sums, strict=True):
        for line in outcome["lines"]:
            for row in line["discounts"]:
                gave[row["promotion_id"]] = gave.get(row["promotion_id"], 0) + row["amount_minor"]
    was, now = sums
    names = sorted({*was, *now})
    return tuple((name, was.get(name, 0), now.get(name, 0)) for name in names if was.get(name) != now.get(name))


def _texts(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    """What is said in one and not in the other, messages and issued codes alike."""
    said, heard = _said(one), _said(other)
    return tuple(text for text in said if text not in heard)


def _said(outcome: Mapping[str, Any]) -> list[str]:
    texts = [f"{row['channel'].removeprefix('CHANNEL_').lower()}: {row['text']}" for row in outcome["messages"]]
    return texts + [f"coupon {row['series']}" for row in outcome["issued_coupons"]]


# --- products


def price_changes(
    before: tuple[Rules, Ruleset], after: tuple[Rules, Ruleset], changes: Sequence[DocumentChange], known: Known
) -> list[PriceChange]:
    """Prices and points that differ, each once, in order of the documents that changed."""
    found: dict[tuple[Any, ...], PriceChange | None] = {}
    for promotion in _changed(before[0], after[0], changes):
        for situation, way in _situations(promotion, known):
            for product in _goods(promotion, known):
                pieces = [1, *quantities([freed(promotion, way, product)], product)]
                for units in dict.fromkeys(pieces):
                    key = (tuple(product.values.items()), product.price_minor, units, situation.said)
                    if key not in found and len(found) < TRIALS_MAX:
                        found[key] = _price_change(before[1], after[1], product, units, situation)
    return [change for change in found.values() if change is not None]


def _changed(before: Rules, after: Rules, changes: Sequence[DocumentChange]) -> Iterator[Promotion]:
    """The promotions that changed, as they are and as they were; all of them when a limit or an asset changed."""
    everything = any(change.kind != "promotion" for change in changes)
    names = {change.name for change in changes if change.kind == "promotion"}
    for rules in (after, before):
        for promotion in rules.promotions:
            if everything or promotion.promotion_id in names:
                yield promotion


def _goods(promotion: Promotion, known: Known) -> list[Product]:
    """Products of the catalogue that the promotion may give on, or one made up for every value it names."""
    sets = targets(promotion)
    if known.products:
        return [product for product in known.products if any(contains(of, product) for of in sets)][:PRODUCTS_MAX]
    made = [made_up(one) for of in sets for one in _each_value(of)]
    return [product for product in made if any(contains(of, product) for of in sets)][:PRODUCTS_MAX]


def _each_value(of: ProductSet) -> Iterator[ProductSet]:
    """The set cut to one value of its first attribute."""
    if not of.members:
        yield of
        return
    attribute, texts = next(iter(of.members.items()))
    for text in texts:
        yield replace(of, members={**of.members, attribute: (text,)})


def _situations(promotion: Promotion, known: Known) -> Iterator[tuple[Situation, Alternative]]:
    today = (known.today or 0) * DAY_MINUTES
    ways = [way for way in alternatives(promotion.when) if find_conflict(way) is None]
    for way in ways[:SITUATIONS_MAX]:
        yield situation_of(way, today), way


def situation_of(way: Alternative, since: int) -> Situation:
    """A situation in which the leaves of an alternative hold, as far as they are not of the goods."""
    store: dict[str, str] = {}
    customer: dict[str, Any] = {}
    codes, series, said = [], {}, []
    leaves = [literal.leaf for literal in way if literal.holds]
    for leaf in leaves:
        if isinstance(leaf, StoreIs) and leaf.choice.any_of is not None:
            value = next((one for one in leaf.choice.any_of if one not in leaf.choice.none_of), leaf.choice.any_of[0])
            store[STORE_KEYS[leaf.attribute]] = value
            said.append(f"{leaf.attribute} {value}")
        elif isinstance(leaf, CustomerIs) and leaf.flag is not False:
            customer.setdefault("customer_id", 1)
            said += _as_customer(leaf, customer)
        elif isinstance(leaf, Birthday | Personal):
            customer.setdefault("customer_id", 1)
            said.append(NEAR_BIRTHDAY if isinstance(leaf, Birthday) else "granted")
        elif isinstance(leaf, CouponIs):
            codes.append(leaf.code)
            said.append(f"coupon {leaf.code}")
        elif isinstance(leaf, SeriesIs):
            codes.append(f"OF-{leaf.series.upper()}")
            series[codes[-1]] = leaf.series
            said.append(f"coupon of {leaf.series}")
    schedules = [leaf for leaf in leaves if isinstance(leaf, Schedule)]
    moment = since
    if schedules:
        held = first_moment(schedules, since)
        moment = (first_moment(schedules) if held is None else held) or since
        said.append(f"at {_moment_text(moment)}")
    return Situation(store, customer or None, tuple(codes), series, moment, tuple(dict.fromkeys(said)))


def _as_customer(leaf: CustomerIs, customer: dict[str, Any]) -> list[str]:
    if leaf.choice is None or leaf.choice.any_of is None:
        return ["card"]
    value = leaf.choice.any_of[0]
    if leaf.attribute == "segment":
        customer.setdefault("segments", []).append(value)
    elif leaf.attribute in ("tier", "tier_from"):
        customer.setdefault("tiers", []).append(value)
    elif leaf.attribute == "card_type":
        customer["card_type"] = value
    else:
        customer["customer_id"] = int(value)
    return [f"{leaf.attribute} {value}"]


def _moment_text(moment: int) -> str:
    day, minute = divmod(moment, DAY_MINUTES)
    return f"{date_text(day)} {minute // 60:02d}:{minute % 60:02d}"


def _price_change(
    before: Ruleset, after: Ruleset, product: Product, units: int, situation: Situation
) -> PriceChange | None:
    old, new = (_bought(ruleset, product, units, situation) for ruleset in (before, after))
    was, now = old["totals"]["to_pay_minor"], new["totals"]["to_pay_minor"]
    was_points, now_points = _points(old), _points(new)
    if was == now and was_points == now_points:
        return None
    gross = new["totals"]["gross_minor"]
    return PriceChange(_name(product), units, situation.said, gross, was, now, was_points, now_points)


def _bought(ruleset: Ruleset, product: Product, units: int, situation: Situation) -> dict[str, Any]:
    receipt = {
        "lines": [receipt_line(product, units, 1)],
        "coupons": [{"code": code} for code in situation.codes],
    }
    held = {"coupons": {code: {"series": series} for code, series in situation.series.items()}}
    clock = (situation.moment * MINUTE_US, 0, 0)
    who = None
    if situation.customer is not None:
        who = {**lucky(ruleset, receipt["lines"]), "birthday": None, **situation.customer}
        if NEAR_BIRTHDAY in situation.said:
            who["birthday"] = date_text(situation.moment // DAY_MINUTES)[5:]
    return evaluate(ruleset, receipt, dict(situation.store), who, clock, False, held)


def _name(product: Product) -> str:
    """The SKU, or what the made-up product is known by."""
    named: Iterable[Key] = product.values.items()
    return product.sku or ", ".join(f"{word_of(key)} {text}" for key, text in named if key and text) or "*"
