"""The lowest price discounts bring one product down to when everything that can hold at once holds.

The core itself is the judge: the promotions that may meet are freed of conditions on place, time, customer and codes,
compiled with the real groups, floors and caps, and tried on a receipt of this product alone, in the quantities at
which thresholds and sets are reached. So a stack that is told can happen; there may be a worse one that needs other
goods on the receipt. Bounded: products, promotions of one product, quantities and companions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from altyn.core.evaluate import evaluate
from altyn.core.money import multiply_half_up
from altyn.core.rules.checks.codes import Remark, remark
from altyn.core.rules.checks.conjunctions import Literal, alternatives, find_conflict
from altyn.core.rules.checks.goods import EVERYTHING, Key, Product, contains, keys
from altyn.core.rules.checks.known import Known
from altyn.core.rules.checks.rivals import targets
from altyn.core.rules.checks.schedules import is_over
from altyn.core.rules.compile import CompileError, compile_ruleset
from altyn.core.rules.condition import AllOf, Attribute, ProductSet, Quantity, ReceiptSum, Schedule, word_of
from altyn.core.rules.definition import Rules
from altyn.core.rules.promotion import Amount, Bundle, BuyGet, Ladder, MultiBuy, Notice, Percent, Promotion, Reward
from altyn.core.rules.read.forms import decimal_text
from altyn.core.rules.ruleset import Ruleset
from altyn.core.rules.words import DiscountBy, GroupMode, Stage

MEETINGS_MAX = 2_000  # different companies of promotions, each compiled
MEETING_MAX = 48  # promotions of one product
QUANTITIES_MAX = 10
UNITS_TRIED_MAX = 2_000
COMPANIONS_MAX = 8
NOMINAL_MINOR = 10_000  # a price for products whose own is not known: only shares of it are told
WHOLE_PPM = 1_000_000
COLUMNS = {Attribute.CATEGORY: "group_id", Attribute.BRAND: "brand_id", Attribute.SUPPLIER: "supplier_id"}
CUSTOMER = {"customer_id": 1}
FAVOURITES_MAX, GRANTS_MAX, GRANT_GOODS_MAX = 32, 64, 32  # of core/limits.pxd


@dataclass(frozen=True, slots=True)
class Stack:
    """The worst that was found for a product: so many units for so much, and who gave it."""

    product: Product
    units: int
    gross_minor: int
    net_minor: int
    promotions: tuple[str, ...]  # the one that gave the most first

    def share_ppm(self) -> int:
        return multiply_half_up(self.gross_minor - self.net_minor, WHOLE_PPM, self.gross_minor)


@dataclass(frozen=True, slots=True)
class Cast:
    """Promotions that may meet on some product, as they are tried, and the ruleset of them."""

    promotions: tuple[Promotion, ...]
    ruleset: Ruleset


def stacks(rules: Rules, known: Known) -> Iterator[Remark]:
    """Remarks on the lowest prices of products, of those alike the worst one."""
    priced = bool(known.products)
    by_key = _by_key(rules.promotions, known, priced)
    products = [one for one in known.products if one.price_minor] if priced else _nominal(by_key)
    casts: dict[tuple[str, ...], list[Cast]] = {}
    told: dict[tuple[str, str], list[tuple[Stack, dict[str, str]]]] = defaultdict(list)
    floors = {promotion.promotion_id: promotion for promotion in rules.promotions}
    tried = left = 0
    for product in products:
        meeting = _meeting(product, by_key)
        if len(meeting) < (1 if priced else 2):
            continue
        names = tuple(promotion.promotion_id for promotion in meeting)
        if tried == known.stacks_max or (names not in casts and len(casts) == MEETINGS_MAX):
            left += 1
            continue
        tried += 1
        if names not in casts:
            casts[names] = _casts(meeting, product, rules, known)
        stack = worst_stack(casts[names], product, known)
        if stack is not None:
            for code, details in _judge(stack, floors, known, priced):
                told[code, stack.promotions[0]].append((stack, details))
    yield from _tell(told)
    if left:
        yield remark("documents", "promotions", "STACKS_NOT_TRIED", tried=tried, left=left)


def _by_key(promotions: Iterable[Promotion], known: Known, priced: bool) -> dict[Key, list[Promotion]]:
    found: dict[Key, list[Promotion]] = defaultdict(list)
    for promotion in promotions:
        if promotion.stage >= Stage.EXTERNAL or not _is_alive(promotion, known):
            continue
        if not priced and not all(_is_share(reward) for reward in promotion.rewards):
            continue
        for key in dict.fromkeys(key for of in targets(promotion) for key in keys(of)):
            found[key].append(promotion)
    return found


def _is_alive(promotion: Promotion, known: Known) -> bool:
    for way in alternatives(promotion.when):
        schedules = [one.leaf for one in way if one.holds and isinstance(one.leaf, Schedule)]
        over = bool(schedules) and known.today is not None and is_over(schedules, known.today)
        if not over and find_conflict(way) is None:
            return True
    return False


def _is_share(reward: Reward) -> bool:
    """Gives a share of the price, whatever the price is."""
    if isinstance(reward, Bundle | BuyGet):
        return reward.discount.by is DiscountBy.PERCENT
    if isinstance(reward, Ladder):
        return reward.by is DiscountBy.PERCENT
    return isinstance(reward, MultiBuy | Notice) or (isinstance(reward, Percent) and reward.tiers is None)


def _nominal(by_key: dict[Key, list[Promotion]]) -> list[Product]:
    """A product for every value the documents name: nobody knows more of it than that."""
    values = [{attribute: text} for attribute, text in by_key if attribute is not None]
    return [Product({Attribute.SKU: "", **one}, NOMINAL_MINOR) for one in (*values, {})]


def _meeting(product: Product, by_key: dict[Key, list[Promotion]]) -> list[Promotion]:
    """Promotions that may give on the product, in their turn; at most MEETING_MAX."""
    found: dict[str, Promotion] = {}
    for key in (EVERYTHING, *product.values.items()):
        for promotion in by_key.get(key, ()):
            if promotion.promotion_id not in found and any(contains(of, product) for of in targets(promotion)):
                found[promotion.promotion_id] = promotion
    ordered = sorted(found.values(), key=lambda one: (one.stage, one.priority, one.promotion_id.encode()))
    return ordered[:MEETING_MAX]


# --- what is tried


def _casts(meeting: Sequence[Promotion], product: Product, rules: Rules, known: Known) -> list[Cast]:
    """All that can hold together; the same without exclusive ones that need not hold; those with the deepest first."""
    natural = _together(meeting, product)
    plans = [natural]
    if len(natural) < len(meeting):
        strengths = {one.promotion_id: _strength(one, product, rules, known) for one in meeting}
        deepest = sorted(meeting, key=lambda one: -strengths[one.promotion_id])
        plans.append(_together(deepest, product))
    if any(one.exclusive is not None and one.when is not None for one in meeting):
        shy = [one for one in meeting if one.exclusive is None or one.when is None]
        plans.append(_together(shy, product))
    compiled = (_compile(plan, rules) for plan in plans if plan)
    return [cast for cast in compiled if cast is not None]


def _together(meeting: Sequence[Promotion], product: Product) -> list[Promotion]:
    """As many as can hold at once, taken in this order, with what is left of their conditions."""
    held: tuple[Literal, ...] = ()
    found = []
    for promotion in meeting:
        for way in alternatives(promotion.when):
            if find_conflict(held + way) is None:
                held += way
                found.append(freed(promotion, way, product))
                break
    return found


def freed(promotion: Promotion, way: Sequence[Literal], product: Product) -> Promotion:
    """The promotion with no conditions but thresholds over the product itself."""
    sums = tuple(
        literal.leaf
        for literal in way
        if literal.holds and isinstance(literal.leaf, ReceiptSum | Quantity) and contains(literal.leaf.of, product)
    )
    return replace(promotion, when=AllOf("when", sums) if sums else None, messages={})


def _strength(promotion: Promotion, product: Product, rules: Rules, known: Known) -> int:
    cast = _compile(_together([promotion], product), rules)
    stack = None if cast is None else worst_stack([cast], product, known)
    return 0 if stack is None else stack.share_ppm()


def _compile(promotions: Sequence[Promotion], rules: Rules) -> Cast | None:
    caps = [limit for limit in rules.limits if limit.cap is not None]
    competing = tuple(_with_likely_winners(promotions))
    try:
        return Cast(competing, Ruleset(compile_ruleset(competing, (), caps, version=0)))
    except CompileError:
        return None  # told by whoever compiles the documents themselves


def _with_likely_winners(promotions: Sequence[Promotion]) -> Iterator[Promotion]:
    """In FIRST and MIN groups the buyer's best case is that those who would win with less do not hold.

    Members that always hold stay what they are; the others compete for the largest amount.
    """
    groups: dict[str, list[Promotion]] = defaultdict(list)
    for promotion in promotions:
        if promotion.group is None:
            yield promotion
        else:
            groups[promotion.group.name].append(promotion)
    for members in groups.values():
        mode = next((one.group.mode for one in members if one.group and one.group.mode is not None), None)
        members.sort(key=lambda one: (one.priority, one.promotion_id.encode()))
        certain = [number for number, one in enumerate(members) if one.when is None]
        if mode is GroupMode.FIRST and certain:
            members = members[: certain[0] + 1]
        if mode is GroupMode.MIN and certain:
            members = [members[number] for number in certain]
        elif mode in (GroupMode.FIRST, GroupMode.MIN):
            members = [replace(one, group=one.group and replace(one.group, mode=GroupMode.BEST)) for one in members]
        yield from members


def worst_stack(casts: Iterable[Cast], product: Product, known: Known) -> Stack | None:
    """The smallest share of the price that is left; None when nobody gives anything."""
    worst: Stack | None = None
    for cast in casts:
        companions = _companions(cast.promotions, product, known)
        for units in quantities(cast.promotions, product):
            stack = _tried(cast.ruleset, product, units, companions)
            if stack is not None and (worst is None or stack.share_ppm() > worst.share_ppm()):
                worst = stack
    return worst


def quantities(promotions: Sequence[Promotion], product: Product) -> list[int]:
    """One unit, and as many as a threshold or a set asks for."""
    price = product.price_minor or 1
    wanted = {1}
    for promotion in promotions:
        for leaf in promotion.when.conditions if isinstance(promotion.when, AllOf) else ():
            if isinstance(leaf, ReceiptSum) and leaf.from_minor:
                wanted.add(_up(leaf.from_minor, price))
            elif isinstance(leaf, Quantity) and leaf.from_milli:
                wanted.add(_up(leaf.from_milli, 1000))
        for reward in promotion.rewards:
            wanted.update(_needed(reward, price))
    return sorted(units for units in wanted if 0 < units <= UNITS_TRIED_MAX)[:QUANTITIES_MAX]


def _needed(reward: Reward, price: int) -> Iterator[int]:
    if isinstance(reward, Percent | Amount) and reward.tiers is not None:
        for step in reward.tiers.steps:
            yield _up(step.from_minor, price)
    elif isinstance(reward, MultiBuy):
        yield reward.take
    elif isinstance(reward, Ladder):
        yield len(reward.rungs)
    elif isinstance(reward, Bundle):
        yield sum(part.quantity for part in reward.parts)
    elif isinstance(reward, BuyGet):
        yield reward.buy_quantity + (reward.get_quantity or 1)


def _up(wanted: int, each: int) -> int:
    whole, rest = divmod(wanted, each)
    return whole + (rest > 0)


def _companions(promotions: Sequence[Promotion], product: Product, known: Known) -> list[dict[str, Any]]:
    """A line for every part of a set that the product itself does not serve."""
    lines: list[dict[str, Any]] = []
    for promotion in promotions:
        for reward in promotion.rewards:
            for of, quantity in _sides(reward):
                if contains(of, product) or len(lines) == COMPANIONS_MAX:
                    continue
                other = known.some_product(of) if known.products else made_up(of)
                if other is not None and contains(of, other):
                    lines.append(receipt_line(other, quantity, len(lines) + 2))
    return lines


def _sides(reward: Reward) -> Iterator[tuple[ProductSet, int]]:
    if isinstance(reward, Bundle):
        for part in reward.parts:
            yield part.of, part.quantity
    elif isinstance(reward, BuyGet):
        yield reward.buy_of, reward.buy_quantity


def made_up(of: ProductSet) -> Product:
    values = {Attribute.SKU: "", **{attribute: texts[0] for attribute, texts in of.members.items()}}
    return Product(values, of.price_to_minor or max(of.price_from_minor or 0, NOMINAL_MINOR))


def receipt_line(product: Product, units: int, line_no: int) -> dict[str, Any]:
    attributes = {name: text for name, text in product.values.items() if isinstance(name, str)}
    line: dict[str, Any] = {
        "line_no": line_no,
        # Attributes go with the sku: made up products that differ in them differ in it.
        "sku": product.sku or " ".join(f"{name}={text}" for name, text in attributes.items()),
        "attributes": attributes,
        "qty_milli": units * 1000,
        "price_minor": product.price_minor,
        "min_price_minor": product.min_price_minor,
        "cost_minor": product.cost_minor,
    }
    line.update(
        {COLUMNS[one]: text for one, text in product.values.items() if isinstance(one, Attribute) and one in COLUMNS}
    )
    return line


def lucky(ruleset: Ruleset, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """A customer on their birthday (it is 1 January), who likes all that is bought and was granted it."""
    skus = sorted({line["sku"] for line in lines})[:GRANT_GOODS_MAX]
    return {
        **CUSTOMER,
        "birthday": "01-01",
        "favourites": sorted({line["group_id"] for line in lines if "group_id" in line})[:FAVOURITES_MAX],
        "personal": [{"promotion": one, "skus": skus} for one in ruleset.read_set["grants"][:GRANTS_MAX]],
    }


def _tried(ruleset: Ruleset, product: Product, units: int, companions: list[dict[str, Any]]) -> Stack | None:
    lines = [receipt_line(product, units, 1), *companions]
    outcome = evaluate(ruleset, {"lines": lines}, {}, lucky(ruleset, lines), (0, 0, 0))
    line = outcome["lines"][0]
    if not line["discounts"]:
        return None
    given: dict[str, int] = defaultdict(int)
    for row in line["discounts"]:
        given[row["promotion_id"]] += row["amount_minor"]
    names = tuple(sorted(given, key=lambda name: -given[name]))
    return Stack(product, units, line["gross_minor"], line["net_minor"], names)


# --- what is told of it


def _judge(
    stack: Stack, promotions: dict[str, Promotion], known: Known, priced: bool
) -> Iterator[tuple[str, dict[str, str]]]:
    """Codes of what is wrong with the price, the worst one only."""
    cost = stack.product.cost_minor
    many = len(stack.promotions) > 1
    if many and stack.net_minor <= stack.units:
        yield "STACK_FREE", {}
    elif priced and cost is not None and stack.net_minor < cost * stack.units:
        yield "STACK_BELOW_COST", {"floor": decimal_text(cost * stack.units, 2)}
    elif many:
        floor, owner = max(_floors(stack, promotions), default=(0, ""))
        if stack.net_minor < floor:
            yield "STACK_BELOW_FLOOR", {"floor": decimal_text(floor, 2), "owner": owner}
        elif stack.share_ppm() >= known.deep_ppm:
            yield "STACK_DEEP", {}


def _floors(stack: Stack, promotions: dict[str, Promotion]) -> Iterator[tuple[int, str]]:
    """What the promotions of the stack said they would not go below."""
    for name in stack.promotions:
        floor = promotions[name].floor
        if floor.price_minor is not None:
            yield min(floor.price_minor, stack.product.price_minor or 0) * stack.units, name
        elif floor.rate_ppm is not None:
            yield multiply_half_up(stack.gross_minor, floor.rate_ppm, WHOLE_PPM), name


def _tell(told: dict[tuple[str, str], list[tuple[Stack, dict[str, str]]]]) -> Iterator[Remark]:
    """One remark for the promotion that gives the most: its worst product, and how many more there are."""
    for (code, owner), found in told.items():
        stack, details = max(found, key=lambda one: one[0].share_ppm())
        named = stack.product.sku or next(
            (f"{word_of(member)} {text}" for member, text in stack.product.values.items() if text), "*"
        )
        yield remark(
            owner,
            "reward",
            code,
            sku=named + (f" × {stack.units}" if stack.units > 1 else ""),
            more=f" (+{len(found) - 1})" if len(found) > 1 else "",
            price=decimal_text(stack.net_minor, 2),
            gross=decimal_text(stack.gross_minor, 2),
            percent=decimal_text(multiply_half_up(stack.share_ppm(), 10, WHOLE_PPM // 100), 1),
            promotions=", ".join(stack.promotions),
            **details,
        )
