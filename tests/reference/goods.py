"""Lines, units, calc groups and product sets (semantics §6.1.3, §6.1.6, §6.11.1–4, §6.11.16).

Decides how a receipt is cut into calc groups of units. Knows no promotions.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .numbers import MILLION, largest_remainder, minor, per_measure, ppm_of_percent, round_half_up

UNITS = ("PIECE", "KG", "L", "M")
FLAGS = ("no_discount", "no_redeem", "no_accrual", "no_threshold", "marked", "gift", "excise")


@dataclass(frozen=True)
class Line:
    """One receipt line; its gross is already decided."""

    line_no: int
    sku: str
    qty: int
    unit: str
    price: int
    gross: int
    computed_gross: int
    vat_code: int
    category: str
    brand: str
    supplier: str
    min_price: int
    cost: int | None
    flags: frozenset[str]
    external: tuple[int, ...]
    manual_ppm: int | None
    manual_amount: int | None
    no_split: bool = False
    mark_code: str = ""
    attributes: frozenset[tuple[str, str]] = frozenset()
    # Facts about the customer: a favourite category, and the promotions that were granted for these goods.
    is_favourite: bool = False
    granted: frozenset[str] = frozenset()

    @property
    def is_marked(self) -> bool:
        return bool(self.mark_code) or "marked" in self.flags

    @property
    def is_neutral(self) -> bool:
        """Target of no stage, not counted, no accrual (§6.11.4)."""
        return self.gross == 0 or "gift" in self.flags

    @property
    def is_discountable(self) -> bool:
        """By flags alone, so that it is the same for a whole calc group: units of gross 0 have nothing to take."""
        return not self.flags & {"gift", "no_discount"}

    @property
    def is_counted(self) -> bool:
        return not self.is_neutral and "no_threshold" not in self.flags

    @property
    def accrues(self) -> bool:
        return not self.is_neutral and "no_accrual" not in self.flags

    @property
    def stands_alone(self) -> bool:
        return bool(self.external) or self.manual_ppm is not None or self.manual_amount is not None

    def key(self) -> tuple[Any, ...]:
        """The calc group key of §6.11.2 in its sorting order; absent cost sorts first."""
        bits = sum(1 << bit for bit, flag in enumerate(FLAGS) if flag in self.flags)
        return (
            self.sku.encode(), self.price, UNITS.index(self.unit), bits, self.vat_code, self.min_price,
            -1 if self.cost is None else self.cost,
            self.category.encode(), self.brand.encode(), self.supplier.encode(),
        )  # fmt: skip


def read_line(line: dict[str, Any]) -> Line:
    """A proto-shaped ReceiptLine; the till's gross wins when it is given (the mismatch is judged by the caller)."""
    unit = str(line.get("unit") or "PIECE").removeprefix("UNIT_")
    qty, price = line["qty_milli"], line["price_minor"]
    computed = round_half_up(price * qty, 1000)
    given = line.get("gross_minor")
    manual = line.get("manual_discount") or {}
    return Line(
        line_no=line["line_no"],
        sku=line["sku"],
        qty=qty,
        unit="PIECE" if unit == "UNSPECIFIED" else unit,
        price=price,
        gross=computed if given is None else given,
        computed_gross=computed,
        vat_code=line.get("vat_code", 0),
        category=line.get("group_id") or "",
        brand=line.get("brand_id") or "",
        supplier=line.get("supplier_id") or "",
        min_price=line.get("min_price_minor", 0),
        cost=line.get("cost_minor"),
        flags=frozenset(flag for flag in FLAGS if (line.get("flags") or {}).get(flag)),
        external=tuple(row["amount_minor"] for row in line.get("external_discounts") or () if row["amount_minor"] > 0),
        manual_ppm=manual.get("percent_ppm") or None,
        manual_amount=manual.get("amount_minor") or None,
        no_split=bool(line.get("no_split")),
        mark_code=line.get("mark_code") or "",
        attributes=frozenset((line.get("attributes") or {}).items()),
    )


@dataclass(frozen=True)
class Unit:
    """A piece, or an indivisible measured line."""

    line: Line
    gross: int
    qty: int


def units_of(line: Line) -> list[Unit]:
    """A PIECE line of whole quantity is qty/1000 units, any other line is one (§6.11.1)."""
    if line.unit != "PIECE" or line.qty % 1000:
        return [Unit(line, line.gross, line.qty)]
    count = line.qty // 1000
    return [Unit(line, gross, 1000) for gross in largest_remainder(line.gross, [1] * count)]


@dataclass(frozen=True)
class FloorPolicy:
    """What a rule says about how low a unit may go."""

    allow_free: bool = False
    price: int = 0
    percent_ppm: int = 0
    cost: bool = False

    is_absent: bool = False

    def of(self, unit: Unit) -> int:
        """The unit floor of §6.4, never above the unit's gross; all of it when the till's price is below min_price."""
        if self.is_absent:
            return 0
        if unit.line.price < unit.line.min_price:
            return unit.gross
        floors = [
            per_measure(unit.line.min_price, unit.qty),
            per_measure(self.price, unit.qty),
            round_half_up(self.percent_ppm * unit.gross, MILLION),
            0 if self.allow_free else 1,
        ]
        if self.cost and unit.line.cost is not None:
            floors.append(per_measure(unit.line.cost, unit.qty))
        return min(unit.gross, max(floors))


PLAIN_FLOOR = FloorPolicy()
# For asking what there would be to give if nothing stood in the way.
NO_FLOOR = FloorPolicy(is_absent=True)


@dataclass
class CalcGroup:
    """Units alike in everything a rule can read, with what is left of each one's price.

    `line` is the first line: its quantity, number and gross say nothing about the others.
    """

    line: Line
    units: list[Unit]
    running: list[int] = field(default_factory=list)
    stage_entry: list[int] = field(default_factory=list)
    floors: dict[FloorPolicy, list[int]] = field(default_factory=dict)

    def caps(self, policy: FloorPolicy) -> list[int]:
        """What may still be taken from each unit under this policy."""
        return [self.cap(policy, place) for place in range(len(self.units))]

    def cap(self, policy: FloorPolicy, place: int) -> int:
        """What may still be taken from one unit."""
        if policy not in self.floors:
            self.floors[policy] = [policy.of(unit) for unit in self.units]
        return max(0, self.running[place] - self.floors[policy][place])


def calc_groups(lines: Iterable[Line]) -> list[CalcGroup]:
    """Groups in ascending key order, then line_no; units inside by (line_no, position)."""
    by_key: dict[tuple[Any, ...], list[Line]] = {}
    for line in sorted(lines, key=lambda line: line.line_no):
        own = line.line_no if line.stands_alone else None
        by_key.setdefault((line.key(), own), []).append(line)
    ordered = sorted(by_key.values(), key=lambda members: (members[0].key(), members[0].line_no))
    groups = [CalcGroup(members[0], [unit for line in members for unit in units_of(line)]) for members in ordered]
    for group in groups:
        group.running = [unit.gross for unit in group.units]
        group.stage_entry = list(group.running)
    return groups


ProductSet = Callable[[Line], bool]


def read_product_set(document: dict[str, Any] | None) -> ProductSet:
    """Every given key must hold, a list means any of; nothing given means all goods."""
    tests: list[ProductSet] = []
    for key, value in (document or {}).items():
        tests.append(_set_test(key, value))
    return lambda line: all(test(line) for test in tests)


def _set_test(key: str, value: Any) -> ProductSet:
    if key == "unit_price":
        lowest = minor(value["from"]) if "from" in value else 0
        highest = minor(value["to"]) if "to" in value else None
        return lambda line: lowest <= line.price and (highest is None or line.price <= highest)
    if key == "except":
        left_out = [read_product_set(part) for part in as_list(value)]
        return lambda line: not any(part(line) for part in left_out)
    if key == "attribute":
        named = [{(name, str(one)) for one in as_list(values)} for name, values in value.items()]
        return lambda line: all(line.attributes & any_of for any_of in named)
    if key == "favourite":
        return lambda line: line.is_favourite
    if key == "personal":
        return lambda line: value in line.granted
    wanted = frozenset(str(item) for item in as_list(value))
    if key == "sku":
        return lambda line: line.sku in wanted
    if key == "category":
        return lambda line: line.category in wanted
    if key == "brand":
        return lambda line: line.brand in wanted
    if key == "supplier":
        return lambda line: line.supplier in wanted
    raise ValueError(f"unknown key of a product set: {key}")


def as_list(value: Any) -> list[Any]:
    """A value or a list of values, as a list."""
    return list(value) if isinstance(value, list | tuple) else [value]


def read_floor(document: dict[str, Any]) -> FloorPolicy:
    """`allow_free`, `floor` and `cost_floor` of a promotion."""
    floor = document.get("floor") or {}
    return FloorPolicy(
        allow_free=bool(document.get("allow_free", False)),
        price=minor(floor["price"]) if "price" in floor else 0,
        percent_ppm=ppm_of_percent(floor["percent"]) if "percent" in floor else 0,
        cost=bool(document.get("cost_floor", False)),
    )
