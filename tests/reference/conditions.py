"""Conditions of a promotion (semantics §6.3, promotion-document «Conditions»).

Decides whether a promotion applies here and now, and which verdict it gets when it does not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from .facts import days_from_birthday
from .goods import CalcGroup, ProductSet, as_list, read_product_set
from .history import Earlier, Question, count_of, next_number, start_by_sum, start_by_use, sum_of
from .numbers import MILLION, exact, ppm_of_percent, whole
from .wallclock import WallClock, read_schedule

NOT_MATCHED = "NOT_MATCHED"
INACTIVE = "INACTIVE"
# The table of conditions: the order in which the keys of one mapping are tested.
TABLE = (
    "all", "any", "none", "schedule", "store", "customer", "birthday", "personal", "coupon", "receipt_sum", "quantity",
    "balance", "purchases", "turnover", "purchase_number", "validity", "payment", "register",
)  # fmt: skip
BRANCHES = ("all", "any", "none")
# A birthday further away is not told of.
BIRTHDAY_NEAR = 60
ATTRIBUTES = {
    "store": ("id", "region", "format", "cluster"),
    "customer": ("has_card", "card_type", "segment", "tier", "tier_from", "id"),
    "register": ("id", "channel"),
}


@dataclass
class Situation:
    """What conditions read. `customer` is None without an active card; running prices change under it.

    `series` names the coupon series of the entered codes that are free (or held by this receipt). `available` are the
    points the customer may spend, in the smallest unit of each asset, whose digits `scales` has (2 when left out).
    """

    groups: list[CalcGroup]
    store: dict[str, Any]
    customer: dict[str, Any] | None
    clock: WallClock
    codes: frozenset[str]
    series: dict[str, str] = field(default_factory=dict)
    available: dict[str, int] = field(default_factory=dict)
    scales: dict[str, int] = field(default_factory=dict)
    # Kopecks by type of payment, and the attributes of the register.
    payments: dict[str, int] = field(default_factory=dict)
    register: dict[str, str] = field(default_factory=dict)
    # Promotions with a grant in force, and earlier receipts.
    granted: frozenset[str] = frozenset()
    history: list[Earlier] = field(default_factory=list)

    @property
    def today(self) -> date:
        """The business date."""
        return self.clock.time.date()


@dataclass(frozen=True, order=True)
class Missing:
    """What buying more could mend; what is nearest comes first: kopecks before thousandths, then the least."""

    is_quantity: bool
    distance: int


@dataclass(frozen=True)
class Answer:
    """What a condition says here and now.

    `failure` is None when it holds, else the verdict of its first failing part, which `path` names with what it saw
    and needed; `codes` are the entered codes it held by, of which there are none when it fails (§6.11.22). `missing` is
    what it fails for alone, if that is one sum or quantity below its `from`.
    """

    failure: str | None
    codes: frozenset[str] = frozenset()
    path: str = ""
    actual: int = 0
    needed: int = 0
    missing: Missing | None = None


HOLDS = Answer(None)
Condition = Callable[[Situation], Answer]
Test = Callable[[Situation], bool]


def read_condition(document: dict[str, Any] | None, path: str = "when") -> Condition:
    """A mapping with several keys is short for `all`, in the order of the table; nothing given always holds."""
    given = document or {}
    return _all([_part(key, given[key], f"{path}.{key}") for key in sorted(given, key=TABLE.index)])


def _all(parts: list[Condition]) -> Condition:
    def answer(situation: Situation) -> Answer:
        answers = [part(situation) for part in parts]
        failing = [said for said in answers if said.failure is not None]
        if not failing:
            return Answer(None, frozenset().union(*(said.codes for said in answers)))
        return failing[0] if len(failing) == 1 else replace(failing[0], missing=None)

    return answer


def _any(parts: list[Condition]) -> Condition:
    """Codes of every branch that holds, none of one that fails; when all fail, the first tells why.

    What is missing is what is nearest in any branch.
    """

    def answer(situation: Situation) -> Answer:
        answers = [part(situation) for part in parts]
        holding = [said.codes for said in answers if said.failure is None]
        if holding:
            return Answer(None, frozenset().union(*holding))
        nearest = min((said.missing for said in answers if said.missing is not None), default=None)
        return replace(answers[0], missing=nearest)

    return answer


def _none(parts: list[Condition], paths: list[str]) -> Condition:
    """Names the first part that holds."""

    def answer(situation: Situation) -> Answer:
        for part, path in zip(parts, paths, strict=True):
            if part(situation).failure is None:
                return Answer(NOT_MATCHED, path=path)
        return HOLDS

    return answer


def _part(key: str, value: Any, path: str) -> Condition:
    if key in BRANCHES:
        parts = [read_condition(part, f"{path}[{number}]") for number, part in enumerate(value)]
        if key == "none":
            return _none(parts, [_name_of(part, f"{path}[{number}]") for number, part in enumerate(value)])
        return (_all if key == "all" else _any)(parts)
    if key == "schedule":
        schedule = read_schedule(value)
        return lambda situation: HOLDS if schedule(situation.clock) else Answer(INACTIVE, path=path)
    if key == "birthday":
        return _of_somebody(_birthday(value or {}, path), path)
    if key == "personal":
        return _plain(lambda situation: situation.customer is not None and value in situation.granted, path)
    if key == "coupon":
        return _coupon(value, path)
    if key == "receipt_sum":
        return _sum_condition(value, path)
    if key == "quantity":
        return _quantity_condition(value, path)
    if key == "balance":
        return _balance_condition(value, path)
    if key in HISTORY:
        return _of_somebody(HISTORY[key](value, path), path)
    if key == "payment":
        return _plain(_payment_test(value), path)
    assert key in ATTRIBUTES, f"unknown condition: {key}"
    test = {"store": _store_test, "customer": _customer_test, "register": _register_test}[key]
    named = sorted(value, key=ATTRIBUTES[key].index)
    return _all([_plain(test(name, value[name]), f"{path}.{name}") for name in named])


def _name_of(part: dict[str, Any], path: str) -> str:
    """The path of a part of a `none`: that of its only condition, or of the `all` it is short for."""
    if len(part) > 1:
        return path
    ((key, value),) = part.items()
    if key in ATTRIBUTES and len(value) == 1:
        return f"{path}.{key}.{next(iter(value))}"
    return f"{path}.{key}"


def _plain(test: Test, path: str) -> Condition:
    return lambda situation: HOLDS if test(situation) else Answer(NOT_MATCHED, path=path)


def _coupon(document: dict[str, Any], path: str) -> Condition:
    """A shared code entered, or any free code of a series."""
    code = normal_code(document["code"]) if "code" in document else None
    series = document.get("series")

    def answer(situation: Situation) -> Answer:
        if code is not None:
            held = {code} & situation.codes
        else:
            held = {one for one in situation.codes if situation.series.get(one) == series}
        return Answer(None, frozenset(held)) if held else Answer(NOT_MATCHED, path=path)

    return answer


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


def _store_test(name: str, document: Any) -> Test:
    choice = _choice(document)
    return lambda situation: choice(_values(situation.store.get("store_id" if name == "id" else name)))


def _customer_test(name: str, document: Any) -> Test:
    if name == "has_card":
        return lambda situation: (situation.customer is not None) is document
    choice = _choice(document)
    key = {"id": "customer_id", "segment": "segments", "tier_from": "tiers"}.get(name, name)
    if name == "tier":
        # The customer's own is the first; the others are those it stands above.
        return lambda situation: situation.customer is not None and choice(set(situation.customer.get("tiers", [])[:1]))
    return lambda situation: situation.customer is not None and choice(_values(situation.customer.get(key)))


def _register_test(name: str, document: Any) -> Test:
    choice = _choice(document)
    return lambda situation: choice(_values(situation.register.get(name)))


def _values(value: Any) -> set[str]:
    """The values of an attribute; an absent one has none."""
    return set() if value is None or value == "" else {str(item) for item in as_list(value)}


def _sum_condition(document: dict[str, Any], path: str) -> Condition:
    goods = read_product_set(document.get("of"))
    base = document.get("base", "GROSS")
    within = _range(document, 100, path)
    return lambda situation: _mendable(within(base_sum(situation.groups, base, goods)), is_quantity=False)


def _mendable(said: Answer, is_quantity: bool) -> Answer:
    """A figure below its `from` grows when more is bought of what the receipt has something of already."""
    lacks = said.needed - said.actual
    return replace(said, missing=Missing(is_quantity, lacks)) if lacks > 0 and said.actual else said


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


def _quantity_condition(document: dict[str, Any], path: str) -> Condition:
    """Counts in thousandths, a unit being 1.000 unless weights are summed."""
    goods = read_product_set(document.get("of"))
    by_weight = document.get("count_by", "UNITS") == "WEIGHT"
    within = _range(document, 1000, path)

    def answer(situation: Situation) -> Answer:
        counted = [unit for group in situation.groups if goods(group.line) for unit in group.units]
        counted = [unit for unit in counted if unit.line.is_counted]
        return _mendable(within(sum(unit.qty if by_weight else 1000 for unit in counted)), is_quantity=True)

    return answer


def _balance_condition(document: dict[str, Any], path: str) -> Condition:
    """What may be spent when the receipt begins; nobody has no balance, whatever the bounds."""
    asset = str(document["asset"])

    def answer(situation: Situation) -> Answer:
        if situation.customer is None:
            return Answer(NOT_MATCHED, path=path)
        within = _range(document, 10 ** situation.scales.get(asset, 2), path)
        return within(situation.available.get(asset, 0))

    return answer


def _birthday(document: dict[str, Any], path: str) -> Condition:
    within = _range({"from": -int(document.get("before", 0)), "below": int(document.get("after", 0)) + 1}, 1, path)

    def answer(situation: Situation) -> Answer:
        birthday = (situation.customer or {}).get("birthday")
        if not birthday:
            return Answer(NOT_MATCHED, path=path)
        days = days_from_birthday(situation.today, str(birthday))
        said = within(days)
        return said if abs(days) <= BIRTHDAY_NEAR else replace(said, actual=0, needed=0)

    return answer


# Earlier purchases


def _of_somebody(condition: Condition, path: str) -> Condition:
    return lambda situation: Answer(NOT_MATCHED, path=path) if situation.customer is None else condition(situation)


def _question(document: dict[str, Any], situation: Situation) -> Question:
    """`window`, `of` and `at`, for whoever asks here and now."""
    at = document.get("at") or {}
    if at == "same_store":
        at = {"id": situation.store["store_id"]}
    tests = [(("store_id" if name == "id" else name), _choice(choice)) for name, choice in at.items()]
    return Question(
        document.get("window", "always"),
        read_product_set(document.get("of")),
        lambda store: all(test(_values(store.get(name))) for name, test in tests),
    )


def _found(document: dict[str, Any], situation: Situation) -> list[tuple[Earlier, list[tuple[Any, int]]]]:
    return _question(document, situation).found(situation.history, situation.today)


def _purchases(document: dict[str, Any], path: str) -> Condition:
    bounds = document
    if "count" in document:
        bounds = {"from": document["count"], "below": int(document["count"]) + 1}
    within = _range(bounds, 1000, path)
    return lambda situation: within(count_of(_found(document, situation), document.get("count_by", "RECEIPTS")))


def _turnover(document: dict[str, Any], path: str) -> Condition:
    within = _range(document, 100, path)

    def answer(situation: Situation) -> Answer:
        goods = read_product_set(document.get("of"))
        here = base_sum(situation.groups, "GROSS", goods) if document.get("include_current", False) else 0
        return within(sum_of(_found(document, situation)) + here)

    return answer


def _purchase_number(document: dict[str, Any], path: str) -> Condition:
    def answer(situation: Situation) -> Answer:
        goods = read_product_set(document.get("of"))
        if not any(unit.line.is_counted and goods(unit.line) for group in situation.groups for unit in group.units):
            return Answer(NOT_MATCHED, path=path)
        number = 1 + len(_found(document, situation))
        holds, wanted = next_number(document, number)
        return HOLDS if holds else Answer(NOT_MATCHED, path=path, actual=number, needed=wanted)

    return answer


def _validity(document: dict[str, Any], path: str) -> Condition:
    after, days = document["after"], int(document["days"])

    def answer(situation: Situation) -> Answer:
        if "first_use" in after:
            start = start_by_use(situation.history, str(after["first_use"]))
        else:
            terms = after["turnover"]
            start = start_by_sum(_found(terms, situation), whole(exact(terms["sum"]) * 100))
        if start is None:
            return HOLDS if after.get("is_own", False) else Answer(NOT_MATCHED, path=path)
        since = (situation.today - start).days
        if 0 <= since < days:
            return HOLDS
        return Answer(NOT_MATCHED, path=path, actual=since, needed=days if since >= 0 else 0)

    return answer


HISTORY: dict[str, Callable[[dict[str, Any], str], Condition]] = {
    "purchases": _purchases,
    "turnover": _turnover,
    "purchase_number": _purchase_number,
    "validity": _validity,
}


def _payment_test(document: dict[str, Any]) -> Test:
    """More than nothing by these types, and at least that part of everything told."""
    types = set(as_list(document["type"]))
    least_ppm = ppm_of_percent(document["from_percent"]) if "from_percent" in document else 0

    def test(situation: Situation) -> bool:
        paid = sum(amount for kind, amount in situation.payments.items() if kind in types)
        return paid > 0 and paid * MILLION >= least_ppm * sum(situation.payments.values())

    return test


def _range(document: dict[str, Any], scale: int, path: str) -> Callable[[int], Answer]:
    """`from` ≤ figure < `below`, both in the document's unit, `scale` of ours each."""
    lowest = whole(exact(document["from"]) * scale) if "from" in document else None
    below = whole(exact(document["below"]) * scale) if "below" in document else None

    def answer(figure: int) -> Answer:
        if lowest is not None and figure < lowest:
            return Answer(NOT_MATCHED, path=path, actual=figure, needed=lowest)
        if below is not None and figure >= below:
            return Answer(NOT_MATCHED, path=path, actual=figure, needed=below)
        return HOLDS

    return answer


def codes_named(document: Any) -> set[str]:
    """Every shared code a condition names, wherever it stands."""
    if isinstance(document, list | tuple):
        return {code for part in document for code in codes_named(part)}
    codes: set[str] = set()
    for key, value in (document or {}).items():
        if key == "coupon" and "code" in value:
            codes.add(normal_code(value["code"]))
        elif key in BRANCHES:
            codes |= codes_named(value)
    return codes
