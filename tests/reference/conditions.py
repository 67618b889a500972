"""Conditions of a promotion (semantics §6.3, promotion-document «Conditions»).

Decides whether a promotion applies here and now, and which verdict it gets when it does not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .goods import CalcGroup, ProductSet, as_list, read_product_set
from .numbers import exact
from .wallclock import WallClock, read_schedule

NOT_MATCHED = "NOT_MATCHED"
INACTIVE = "INACTIVE"
# The table of conditions: the order in which the keys of one mapping are tested.
TABLE = ("all", "any", "none", "schedule", "store", "customer", "coupon", "receipt_sum", "quantity")


@dataclass
class Situation:
    """What conditions read. `customer` is None without an active card; running prices change under it."""

    groups: list[CalcGroup]
    store: dict[str, Any]
    customer: dict[str, Any] | None
    clock: WallClock
    codes: frozenset[str]


@dataclass(frozen=True)
class Answer:
    """What a condition says here and now.

    `failure` is None when it holds, else the verdict of its first failing part; `codes` are the entered codes it
    held by, of which there are none when it fails (§6.11.22).
    """

    failure: str | None
    codes: frozenset[str] = frozenset()


HOLDS, FAILS, CLOSED = Answer(None), Answer(NOT_MATCHED), Answer(INACTIVE)
Condition = Callable[[Situation], Answer]
Test = Callable[[Situation], bool]


def read_condition(document: dict[str, Any] | None) -> Condition:
    """A mapping with several keys is short for `all`, in the order of the table; nothing given always holds."""
    given = document or {}
    return _all([_part(key, given[key]) for key in sorted(given, key=TABLE.index)])


def _all(parts: list[Condition]) -> Condition:
    def answer(situation: Situation) -> Answer:
        codes: frozenset[str] = frozenset()
        for part in parts:
            said = part(situation)
            if said.failure is not None:
                return said
            codes |= said.codes
        return Answer(None, codes)

    return answer


def _any(parts: list[Condition]) -> Condition:
    """Codes of every branch that holds, none of one that fails; when all fail, the first tells why."""

    def answer(situation: Situation) -> Answer:
        answers = [part(situation) for part in parts]
        holding = [said.codes for said in answers if said.failure is None]
        return Answer(None, frozenset().union(*holding)) if holding else answers[0]

    return answer


def _none(parts: list[Condition]) -> Condition:
    return lambda situation: FAILS if any(part(situation).failure is None for part in parts) else HOLDS


BRANCHES = {"all": _all, "any": _any, "none": _none}


def _part(key: str, value: Any) -> Condition:
    if key in BRANCHES:
        return BRANCHES[key]([read_condition(part) for part in value])
    if key == "schedule":
        schedule = read_schedule(value)
        return lambda situation: HOLDS if schedule(situation.clock) else CLOSED
    if key == "coupon":
        code = normal_code(value["code"])
        return lambda situation: Answer(None, frozenset((code,))) if code in situation.codes else FAILS
    test = _test(key, value)
    return lambda situation: HOLDS if test(situation) else FAILS


def _test(key: str, value: Any) -> Test:
    if key == "store":
        return _store_test(value)
    if key == "customer":
        return _customer_test(value)
    if key == "receipt_sum":
        return _sum_test(value)
    if key == "quantity":
        return _quantity_test(value)
    raise ValueError(f"unknown condition: {key}")


def normal_code(code: str) -> str:
    """Codes compare after trimming spaces and upper-casing ASCII letters only."""
    return "".join(letter.upper() if letter.isascii() else letter for letter in str(code).strip(" "))


def _choice(document: Any) -> Callable[[set[str]], bool]:
    """A value, a list (any of), `{any_of: […]}` or `{none_of: […]}`, asked of the set of values somebody has."""
    if not isinstance(document, dict):
        document = {"any_of": document}
    any_of = {str(item) for item in as_list(document["any_of"])} if "any_of" in document else None
    none_of = {str(item) for item in as_list(document.get("none_of", []))}
    return lambda has: (any_of is None or bool(has & any_of)) and not has & none_of


def _store_test(document: dict[str, Any]) -> Test:
    choices = [("store_id" if key == "id" else key, _choice(value)) for key, value in document.items()]
    return lambda situation: all(choice(_values(situation.store.get(key))) for key, choice in choices)


def _customer_test(document: dict[str, Any]) -> Test:
    has_card = document.get("has_card")
    names = {"id": "customer_id", "segment": "segments"}
    choices = [(names.get(key, key), _choice(value)) for key, value in document.items() if key != "has_card"]

    def holds(situation: Situation) -> bool:
        customer = situation.customer
        if customer is None:
            return has_card is False and not choices
        return has_card is not False and all(choice(_values(customer.get(key))) for key, choice in choices)

    return holds


def _values(value: Any) -> set[str]:
    """The values of an attribute; an absent one has none."""
    return set() if value is None or value == "" else {str(item) for item in as_list(value)}


def _sum_test(document: dict[str, Any]) -> Test:
    goods = read_product_set(document.get("of"))
    base = document.get("base", "GROSS")
    within = _range(document, 100)
    return lambda situation: within(base_sum(situation.groups, base, goods))


def base_sum(groups: list[CalcGroup], base: str, goods: ProductSet) -> int:
    """Kopecks of the counted units of a product set on one of the bases of §6.3."""
    total = 0
    for group in groups:
        if not goods(group.line):
            continue
        if base == "GROSS":
            amounts = [unit.gross for unit in group.units]
        elif base == "STAGE_ENTRY":
            amounts = group.stage_entry
        else:  # RUNNING, and NET: stage 11 sees running as it is after stage 10
            assert base in ("RUNNING", "NET")
            amounts = group.running
        total += sum(amount for amount, unit in zip(amounts, group.units, strict=True) if unit.line.is_counted)
    return total


def _quantity_test(document: dict[str, Any]) -> Test:
    goods = read_product_set(document.get("of"))
    by_weight = document.get("count_by", "UNITS") == "WEIGHT"
    within = _range(document, 1000 if by_weight else 1)

    def holds(situation: Situation) -> bool:
        counted = [unit for group in situation.groups if goods(group.line) for unit in group.units]
        counted = [unit for unit in counted if unit.line.is_counted]
        return within(sum(unit.qty for unit in counted) if by_weight else len(counted))

    return holds


def _range(document: dict[str, Any], scale: int) -> Callable[[int], bool]:
    """`from` ≤ figure < `below`, both in the document's unit, `scale` of ours each."""
    lowest: Fraction | None = exact(document["from"]) * scale if "from" in document else None
    below: Fraction | None = exact(document["below"]) * scale if "below" in document else None
    return lambda figure: (lowest is None or figure >= lowest) and (below is None or figure < below)


def codes_named(document: Any) -> set[str]:
    """Every code a condition names, wherever it stands."""
    if isinstance(document, list | tuple):
        return {code for part in document for code in codes_named(part)}
    codes: set[str] = set()
    for key, value in (document or {}).items():
        if key == "coupon":
            codes.add(normal_code(value["code"]))
        elif key in BRANCHES:
            codes |= codes_named(value)
    return codes
