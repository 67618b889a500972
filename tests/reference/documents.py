"""Promotion documents as rules in their order of evaluation (promotion-document; semantics §6.2, §6.11.8).

Decides what is tried and in which order. Assumes valid documents.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .conditions import Condition, codes_named, read_condition
from .goods import FloorPolicy, ProductSet, as_list, read_floor, read_product_set
from .numbers import exact, minor, ppm_of_percent

DISCOUNT_STAGES = ("price", "item", "set", "receipt", "coupon", "card")
ACCRUAL = "accrual"


@dataclass(frozen=True)
class Asset:
    """A points currency: digits after the point, and the accrual step in its smallest unit."""

    scale: int = 2
    step: int = 1


@dataclass(frozen=True)
class Rule:
    """One reward of a promotion. `ppm` for percents, `value` for kopecks or points in the smallest unit."""

    promotion_id: str
    reward_no: int
    kind: str  # percent, unit, line, receipt, points_percent, points_fixed
    goods: ProductSet
    ppm: int = 0
    value: int = 0
    asset: str = ""

    @property
    def is_line_rule(self) -> bool:
        """Competes for each calc group by itself in a BEST group of scope LINE (§6.11.9, §6.11.25)."""
        return self.kind in ("percent", "unit", "line", "points_percent")


@dataclass(frozen=True)
class Promotion:
    promotion_id: str
    priority: int
    stage: str
    condition: Condition
    floor: FloorPolicy
    rules: tuple[Rule, ...]

    @property
    def rank(self) -> tuple[int, bytes]:
        """Smaller is earlier, and wins ties."""
        return self.priority, self.promotion_id.encode()


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
    """Everything the documents say: groups of each stage in order, assets, and codes any document names."""

    stages: dict[str, list[Group]]
    assets: dict[str, Asset]
    known_codes: set[str]


def read_rules(documents: Iterable[Any]) -> RuleBook:
    """A list of parsed documents (lists of documents inside it are flattened)."""
    flat = [document for part in documents for document in as_list(part)]
    assets = {str(document["asset"]): _asset(document) for document in flat if "asset" in document}
    groups: dict[tuple[str, str], Group] = {}
    known_codes: set[str] = set()
    for document in flat:
        if "promotion" not in document:
            continue
        promotion = _promotion(document, assets)
        _join_group(groups, promotion, document.get("group"))
        known_codes |= codes_named(document.get("when"))
    stages: dict[str, list[Group]] = {stage: [] for stage in (*DISCOUNT_STAGES, ACCRUAL)}
    for group in sorted(groups.values(), key=lambda group: group.rank):
        group.promotions.sort(key=lambda promotion: promotion.rank)
        stages[group.stage].append(group)
    return RuleBook(stages, assets, known_codes)


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
    rules = tuple(_rule(promotion_id, number, reward, assets) for number, reward in enumerate(document["reward"]))
    return Promotion(
        promotion_id=promotion_id,
        priority=int(document.get("priority", 100)),
        stage=document.get("stage", ACCRUAL),
        condition=read_condition(document.get("when")),
        floor=read_floor(document),
        rules=rules,
    )


def _rule(promotion_id: str, number: int, reward: dict[str, Any], assets: dict[str, Asset]) -> Rule:
    ((kind, terms),) = reward.items()
    goods = read_product_set(terms.get("of"))
    if kind == "percent":
        return Rule(promotion_id, number, "percent", goods, ppm=ppm_of_percent(terms["rate"]))
    if kind == "amount":
        return Rule(promotion_id, number, terms.get("spread", "receipt"), goods, value=minor(terms["off"]))
    assert kind == "points", kind
    asset = str(terms["asset"])
    if "percent" in terms:
        ppm = ppm_of_percent(terms["percent"])
        return Rule(promotion_id, number, "points_percent", goods, ppm=ppm, asset=asset)
    points = exact(terms["fixed"]) * 10 ** assets.get(asset, Asset()).scale
    return Rule(promotion_id, number, "points_fixed", goods, value=points.numerator // points.denominator, asset=asset)
