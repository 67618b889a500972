"""Promotion documents as rules in their order of evaluation (promotion-document; semantics §6.2, §6.11.8).

Decides what is tried and in which order. Assumes valid documents.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from .board import Exclusive
from .conditions import Condition, codes_named, read_condition
from .facts import named_after
from .goods import FloorPolicy, ProductSet, as_list, read_floor, read_product_set
from .limits import Limit, read_limits
from .multipliers import Multiplier, Multipliers, read_multipliers
from .numbers import exact, minor, ppm_of_percent

DISCOUNT_STAGES = ("price", "item", "set", "receipt", "coupon", "card")
ACCRUAL = "accrual"
MESSAGE = "message"
RATE = "rate"
SPOKEN = ("message", "issue_coupon", "gift", "multiplier")
LINE_KINDS = ("percent", "unit", "line", "fixed_price", "points_percent")
SET_KINDS = ("multi_buy", "bundle", "buy_get", "ladder")


@dataclass(frozen=True)
class Asset:
    """A points currency: digits after the point, and the accrual step in its smallest unit."""

    scale: int = 2
    step: int = 1


@dataclass(frozen=True)
class Part:
    """A component of a set; a quantity of None is ALL."""

    quantity: int | None
    goods: ProductSet
    is_target: bool = True


@dataclass(frozen=True)
class Tiers:
    """Steps of (threshold in kopecks, number) over a sum of the receipt."""

    steps: tuple[tuple[int, int], ...]
    base: str
    over: ProductSet

    def reached(self, figure: int) -> int:
        """The number of the highest reached step; 0 below the first."""
        return max((step for step in self.steps if step[0] <= figure), default=(0, 0))[1]

    def next_from(self, figure: int) -> int | None:
        """The threshold of the next step, if there is a further one."""
        return min((start for start, _ in self.steps if start > figure), default=None)

    def parts(self, figure: int) -> int:
        """Σ of each part of the figure between two steps × the lower one's number (§6.11.18)."""
        ends = [*(start for start, _ in self.steps[1:]), figure]
        rows = zip(self.steps, ends, strict=True)
        return sum(max(0, min(figure, end) - start) * number for (start, number), end in rows)


@dataclass(frozen=True)
class Rule:
    """One reward of a promotion. `ppm` for percents, `value` for kopecks or points in the smallest unit.

    `kind` is percent, progressive (a percent with tiers by parts), unit, line, receipt, fixed_price, points_percent,
    points_fixed, or one of SET_KINDS or SPOKEN.
    """

    promotion_id: str
    reward_no: int
    kind: str
    goods: ProductSet
    ppm: int = 0
    value: int = 0
    asset: str = ""
    by: str = ""  # percent, amount or price: what a set reward gives
    tiers: Tiers | None = None
    parts: tuple[Part, ...] = ()
    rungs: tuple[int, ...] = ()
    terms: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> tuple[str, int]:
        return self.promotion_id, self.reward_no


@dataclass(frozen=True)
class Promotion:
    """`rules` give something; `spoken` are messages and coupons to issue."""

    promotion_id: str
    priority: int
    stage: str
    condition: Condition
    floor: FloorPolicy
    rules: tuple[Rule, ...]
    spoken: tuple[Rule, ...]
    limits: tuple[Limit, ...]
    exclusive: Exclusive | None
    skip_discounted: bool
    title: dict[str, str]
    messages: dict[str, dict[str, str]]
    multipliers: Multipliers
    on_return: str = "KEEP"

    @property
    def rank(self) -> tuple[int, bytes]:
        """Smaller is earlier, and wins ties."""
        return self.priority, self.promotion_id.encode()

    def titled(self, language: str) -> str:
        """Its title in a language, else the first there is, else its id."""
        return self.title.get(language) or next(iter(self.title.values()), self.promotion_id)

    def is_line_promotion(self, rules: Iterable[Rule]) -> bool:
        """Competes for each calc group by itself in a group of scope LINE (§6.11.9, §6.11.25)."""
        return all(rule.kind in LINE_KINDS for rule in rules)


@dataclass
class Group:
    name: str
    stage: str
    mode: str = "CASCADE"
    scope: str | None = None
    declared_priority: int | None = None
    promotions: list[Promotion] = field(default_factory=list)

    @property
    def rank(self) -> tuple[int, bytes]:
        smallest = min(promotion.priority for promotion in self.promotions)
        return smallest if self.declared_priority is None else self.declared_priority, self.name.encode()

    @property
    def by_line(self) -> bool:
        default = "LINE" if self.stage == ACCRUAL else "RECEIPT"
        return (self.scope or default) == "LINE"


@dataclass
class RuleBook:
    """Everything the documents say: groups of each stage in order, assets, limit documents, codes and series named."""

    stages: dict[str, list[Group]]
    assets: dict[str, Asset]
    known_codes: set[str]
    limit_documents: list[dict[str, Any]]
    rounding_documents: list[dict[str, Any]]

    def promotions(self) -> Iterator[Promotion]:
        """All of them in order of evaluation."""
        for groups in self.stages.values():
            for group in groups:
                yield from group.promotions


def read_rules(documents: Iterable[Any]) -> RuleBook:
    """A list of parsed documents (lists of documents inside it are flattened)."""
    flat = [document for part in documents for document in as_list(part)]
    assets = {str(document["asset"]): _asset(document) for document in flat if "asset" in document}
    groups: dict[tuple[str, str], Group] = {}
    known_codes: set[str] = set()
    written = [document for document in flat if "promotion" in document]
    promotions = _with_rates([_promotion(document, assets) for document in written])
    for document, promotion in zip(written, promotions, strict=True):
        _join_group(groups, promotion, document.get("group"))
        known_codes |= {code for condition in conditions_of(document) for code in codes_named(condition)}
    stages: dict[str, list[Group]] = {stage: [] for stage in (*DISCOUNT_STAGES, ACCRUAL, MESSAGE, RATE)}
    for group in sorted(groups.values(), key=lambda group: group.rank):
        group.promotions.sort(key=lambda promotion: promotion.rank)
        stages[group.stage].append(group)
    limits = [document for document in flat if "limit" in document]
    limits.sort(key=lambda document: (int(document.get("priority", 100)), str(document["limit"]).encode()))
    rounding = [document for document in flat if "rounding" in document]
    return RuleBook(stages, assets, known_codes, limits, rounding)


def _with_rates(promotions: list[Promotion]) -> list[Promotion]:
    """Every named promotion with the factors of others beside its own."""
    factors: dict[str, list[Multiplier]] = {}
    for promotion in promotions:
        for rule in promotion.spoken:
            if rule.kind == "multiplier":
                factor = Multiplier(exact(rule.terms["times"]), promotion.condition, rule.goods, rule.key)
                factors.setdefault(str(rule.terms["promotion"]), []).append(factor)
    result = []
    for one in promotions:
        members = (*one.multipliers.members, *factors.get(one.promotion_id, ()))
        result.append(replace(one, multipliers=replace(one.multipliers, members=members)))
    return result


def conditions_of(document: dict[str, Any]) -> list[Any]:
    """All conditions of a promotion: its own and those of its multipliers."""
    return [one.get("when") for one in (document, *(document.get("multiplier") or ()))]


def _asset(document: dict[str, Any]) -> Asset:
    scale = int(document.get("scale", 2))
    step = exact(document["step"]) * 10**scale if "step" in document else exact(1)
    assert step.denominator == 1
    return Asset(scale, step.numerator)


def _join_group(groups: dict[tuple[str, str], Group], promotion: Promotion, document: Any) -> None:
    """A promotion without a group is a CASCADE group of its own; a member inherits what others declare."""
    if document is None:
        own = Group(promotion.promotion_id, promotion.stage, promotions=[promotion])
        groups["", promotion.promotion_id] = own
        return
    declared = document if isinstance(document, dict) else {"name": document}
    name = str(declared["name"])
    group = groups.setdefault(("group", name), Group(name, promotion.stage))
    group.mode = declared.get("mode", group.mode)
    group.scope = declared.get("scope", group.scope)
    if "priority" in declared:
        group.declared_priority = int(declared["priority"])
    group.promotions.append(promotion)


def _promotion(document: dict[str, Any], assets: dict[str, Asset]) -> Promotion:
    promotion_id = str(document["promotion"])
    document = named_after(document, promotion_id)
    rules = [_rule(promotion_id, number, reward, assets) for number, reward in enumerate(document["reward"])]
    giving = tuple(rule for rule in rules if rule.kind not in SPOKEN)
    # Left out, the stage is accrual when every reward is points, message when nothing is given at all.
    multiplies = any(rule.kind == "multiplier" for rule in rules)
    stage = document.get("stage", RATE if multiplies else ACCRUAL if giving else MESSAGE)
    scale = next((assets.get(rule.asset, Asset()).scale for rule in giving if rule.asset), 2)
    return Promotion(
        promotion_id=promotion_id,
        priority=int(document.get("priority", 100)),
        stage=stage,
        condition=read_condition(document.get("when")),
        floor=read_floor(document),
        rules=giving,
        spoken=tuple(rule for rule in rules if rule.kind in SPOKEN),
        limits=read_limits(promotion_id, document.get("limits") or [], stage == ACCRUAL, scale),
        exclusive=_exclusive(document.get("exclusive")),
        skip_discounted=bool(document.get("skip_discounted", False)),
        title=dict(document.get("title") or {}),
        messages=dict(document.get("messages") or {}),
        multipliers=read_multipliers(document),
        on_return=str(document.get("on_return", "KEEP")),
    )


def _exclusive(document: Any) -> Exclusive | None:
    if document is None:
        return None
    declared = document if isinstance(document, dict) else {"over": document}
    return Exclusive(declared["over"] == "ALL", declared.get("scope", "UNIT") == "RECEIPT")


def _rule(promotion_id: str, number: int, reward: dict[str, Any], assets: dict[str, Asset]) -> Rule:
    ((kind, terms),) = reward.items()
    goods = read_product_set(terms.get("of"))
    given: dict[str, Any] = {"goods": goods, "terms": terms}
    if kind == "percent":
        given |= _number(terms, "rate", ppm_of_percent, "ppm")
        kind = "progressive" if terms.get("progressive", False) else "percent"
    elif kind == "amount":
        kind = terms.get("spread", "receipt")
        given |= _number(terms, "off", minor, "value")
    elif kind == "fixed_price":
        given["value"] = minor(terms["price"])
    elif kind == "points":
        kind = "points_percent" if _is_percent(terms) else "points_fixed"
        given |= _points(terms, assets)
    elif kind == "bundle":
        given["parts"] = tuple(_part(part) for part in terms["parts"])
        given |= _what_is_given(terms)
    elif kind == "buy_get":
        given["parts"] = (_part(terms["buy"]), _part(terms["get"]))
        given |= _what_is_given(terms)
    elif kind == "ladder":
        given["by"] = terms.get("by", "percent")
        read = ppm_of_percent if given["by"] == "percent" else minor
        given["rungs"] = tuple(read(rung) for rung in terms["rungs"])
    else:
        assert kind in ("multi_buy", *SPOKEN), kind
    return Rule(promotion_id, number, kind, **given)


def _number(terms: dict[str, Any], name: str, read: Any, into: str) -> dict[str, Any]:
    """The number of a reward under `name`, or the tiers that stand for it."""
    if "tiers" not in terms:
        return {into: read(terms[name])}
    steps = tuple((minor(tier["from"]), read(tier[name])) for tier in terms["tiers"])
    return {"tiers": Tiers(steps, terms.get("base", "GROSS"), read_product_set(terms.get("over")))}


def _is_percent(terms: dict[str, Any]) -> bool:
    return "percent" in (terms["tiers"][0] if "tiers" in terms else terms)


def _points(terms: dict[str, Any], assets: dict[str, Asset]) -> dict[str, Any]:
    asset = str(terms["asset"])
    if _is_percent(terms):
        return {"asset": asset, **_number(terms, "percent", ppm_of_percent, "ppm")}
    scale = assets.get(asset, Asset()).scale
    return {"asset": asset, **_number(terms, "fixed", lambda points: int(exact(points) * 10**scale), "value")}


def _part(document: dict[str, Any]) -> Part:
    quantity = document.get("quantity", 1)
    is_all = quantity == "ALL"
    return Part(None if is_all else int(quantity), read_product_set(document.get("of")), document.get("target", False))


def _what_is_given(terms: dict[str, Any]) -> dict[str, Any]:
    (by,) = set(terms) & {"percent", "amount", "price"}
    return {"by": by, "ppm": ppm_of_percent(terms[by])} if by == "percent" else {"by": by, "value": minor(terms[by])}
