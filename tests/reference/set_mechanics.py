"""Set rewards: multi-buy, bundle, X if Y, ladder (semantics §6.4, §6.11.11–15).

Decides which units make an application and what it takes from them. Changes nothing.
"""

from collections.abc import Callable

from .board import Amounts, Slot, split
from .documents import Part
from .mechanics import NOTHING, Application, Taking, Workbench, amount_off, down_to, percent_of
from .numbers import MILLION, round_half_up


def counted_targets(bench: Workbench) -> list[Slot]:
    """The units a multi-buy counts: weighted ones only by lines (§6.11.12)."""
    if bench.rule.terms.get("count_by", "UNITS") == "LINES":
        return bench.targets()
    return [slot for slot in bench.targets() if _is_piece(slot, bench)]


def multi_buy(bench: Workbench) -> Taking:
    """Blocks of `take` from the dearest down; the cheapest of each, or of all, are free."""
    terms, board = bench.rule.terms, bench.board
    take, pay = int(terms["take"]), int(terms["pay"])
    ordered = board.dearest_first(counted_targets(bench))
    count = min(len(ordered) // take, int(terms.get("max_applications", len(ordered))))
    if terms.get("free", "BLOCK_CHEAPEST") == "GLOBAL_CHEAPEST":
        while count and not bench.fits([*ordered[: count * pay], *_last(ordered, count * (take - pay))], 0):
            count -= 1
        blocks = [(ordered[: count * pay], _last(ordered, count * (take - pay)))] if count else []
    else:
        cuts = [ordered[number * take : (number + 1) * take] for number in range(count)]
        blocks = [(block[:pay], block[pay:]) for block in cuts]
    amounts: Amounts = {}
    applications = []
    measured = 0
    for paid, free in blocks:
        if not bench.fits([*paid, *free], measured):
            break
        measured += bench.measure([*paid, *free])
        if terms.get("allocate", "SPREAD") == "ON_FREE":
            amounts |= {slot: min(bench.price(slot), bench.room(slot)) for slot in free}
        else:
            amounts |= split(sum(map(bench.price, free)), [*paid, *free], bench.price, bench.room)
        applications.append(Application((*paid, *free)))
    return Taking(amounts, tuple(applications))


def _is_piece(slot: Slot, bench: Workbench) -> bool:
    unit = bench.board.unit(slot)
    return unit.line.unit == "PIECE" and unit.line.qty % 1000 == 0


def _last(slots: list[Slot], count: int) -> list[Slot]:
    return slots[len(slots) - count :]


def bundle(bench: Workbench) -> Taking:
    """Applications one by one until a component cannot be filled or the discount would be 0."""
    rule, terms = bench.rule, bench.rule.terms
    to_targets = terms.get("allocate_to", "ALL") == "TARGETS"
    taken: set[Slot] = set()
    amounts: Amounts = {}
    applications: list[Application] = []
    measured = 0
    while len(applications) < int(terms.get("max_applications", 1_000_000)):
        filled = _fill(rule.parts, taken, to_targets, bench)
        if filled is None:
            break
        targets, others = filled
        chosen = [*targets, *others]
        if rule.by == "percent":
            wanted = round_half_up(rule.ppm * sum(map(bench.price, targets)), MILLION)
        elif rule.by == "price":
            wanted = max(0, sum(map(bench.price, chosen)) - rule.value)
        else:
            wanted = rule.value
        discount = split(wanted, targets, bench.price, bench.room)
        if not discount or not bench.fits(targets, measured):
            break
        measured += bench.measure(targets)
        amounts |= discount
        taken.update(chosen)
        applications.append(Application(tuple(targets), tuple(others)))
    return Taking(amounts, tuple(applications))


def _fill(
    parts: tuple[Part, ...], taken: set[Slot], to_targets: bool, bench: Workbench
) -> tuple[list[Slot], list[Slot]] | None:
    """Each part takes its dearest free units; targets and the rest, or None when one is short."""
    targets: list[Slot] = []
    others: list[Slot] = []
    for part in parts:
        is_target = part.is_target or not to_targets
        suits = bench.is_target if is_target else bench.is_qualifier
        free = [slot for slot in bench.of(part.goods) if suits(slot) and slot not in taken.union(targets, others)]
        assert part.quantity is not None
        if len(free) < part.quantity:
            return None
        (targets if is_target else others).extend(bench.board.dearest_first(free)[: part.quantity])
    return targets, others


def buy_get(bench: Workbench) -> Taking:
    """Per application first qualifiers, those not in the target set before others, then the dearest free targets."""
    rule, terms = bench.rule, bench.rule.terms
    buy, get = rule.parts
    assert buy.quantity is not None
    reusable = bool(terms.get("reusable_qualifiers", False))
    in_targets = set(bench.of(get.goods))
    qualifiers = [slot for slot in bench.board.dearest_first(bench.of(buy.goods)) if bench.is_qualifier(slot)]
    qualifiers.sort(key=lambda slot: slot in in_targets)
    targets = [slot for slot in bench.board.dearest_first(in_targets) if bench.is_target(slot)]
    taken: set[Slot] = set()
    applications: list[Application] = []
    measured = 0
    while len(applications) < int(terms.get("max_applications", 1_000_000)):
        bought = [slot for slot in qualifiers if slot not in taken][: buy.quantity]
        free = [slot for slot in targets if slot not in taken and slot not in bought]
        got = bench.fitting(free) if get.quantity is None else free[: get.quantity]
        if len(bought) < buy.quantity or len(got) < (get.quantity or 1) or not bench.fits(got, measured):
            break
        measured += bench.measure(got)
        taken.update(got if reusable else [*got, *bought])
        applications.append(Application(tuple(got), tuple(bought), not reusable))
        if get.quantity is None:
            break
    return Taking(_reward(bench, [slot for one in applications for slot in one.targets]), tuple(applications))


def _reward(bench: Workbench, targets: list[Slot]) -> Amounts:
    """Percent once per calc group over the targets of all applications; amounts and prices for each unit."""
    if bench.rule.by == "percent":
        return percent_of(targets, bench.rule.ppm, bench)
    per_unit = amount_off if bench.rule.by == "amount" else down_to
    return {slot: per_unit(slot, bench.rule.value, bench) for slot in targets}


def ladder(bench: Workbench) -> Taking:
    """Unit k of the row gets rung k, rounded by itself; one application of all eligible units."""
    rule, board = bench.rule, bench.board
    order, targets = rule.terms.get("order", "PRICE_DESC"), bench.targets()
    if order == "SCAN":
        row = sorted(targets, key=lambda slot: (board.unit(slot).line.line_no, slot[1]))
    elif order == "PRICE_ASC":
        row = sorted(targets, key=lambda slot: (board.price(slot), slot))
    else:
        row = board.dearest_first(targets)
    row = bench.fitting(row)
    if not row:
        return NOTHING
    amounts: Amounts = {}
    for place, slot in enumerate(row):
        repeats = rule.terms.get("after_last", "CLAMP") == "REPEAT"
        rung = rule.rungs[place % len(rule.rungs) if repeats else min(place, len(rule.rungs) - 1)]
        if rule.by == "percent":
            amounts[slot] = min(round_half_up(rung * bench.price(slot), MILLION), bench.room(slot))
        else:
            amounts[slot] = (amount_off if rule.by == "amount" else down_to)(slot, rung, bench)
    return Taking(amounts, (Application(tuple(row)),))


SETS: dict[str, Callable[[Workbench], Taking]] = {
    "multi_buy": multi_buy,
    "bundle": bundle,
    "buy_get": buy_get,
    "ladder": ladder,
}
