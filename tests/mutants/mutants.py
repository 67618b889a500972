"""The faults that are planted: a piece of a module that occurs there once, and what stands in its place."""

from __future__ import annotations

from dataclasses import dataclass

CALCULATOR = "core/calculator/"


@dataclass(frozen=True)
class Mutant:
    name: str
    module: str
    old: str
    new: str


def calculator(name: str, module: str, old: str, new: str) -> Mutant:
    return Mutant(name, f"{CALCULATOR}{module}.pyx", old, new)


MUTANTS = (
    Mutant(
        "odd kopeck to the smaller weight",
        "core/money.pyx",
        "left.weight > right.weight",
        "left.weight < right.weight",
    ),
    Mutant(
        "odd kopeck to the smaller remainder",
        "core/money.pyx",
        "return left.remainder > right.remainder\n    if left.weight",
        "return left.remainder < right.remainder\n    if left.weight",
    ),
    calculator(
        "percent of gross",
        "rewards/percent",
        "rate_of(group.running_minor, rate_in(",
        "rate_of(group.gross_minor, rate_in(",
    ),
    calculator(
        "amount weighed by gross",
        "rewards/amount",
        "share.weight = group.running_minor",
        "share.weight = group.gross_minor",
    ),
    calculator("a unit at the price is marked", "rewards/fixed_price", "if amount <= 0 and", "if amount < 0 and"),
    calculator("set that just fits is refused", "rewards/bundle", "milli > left_milli", "milli >= left_milli"),
    calculator("set price of targets alone", "rewards/bundle", "ROLE_TARGET | ROLE_QUALIFIER) -", "ROLE_TARGET) -"),
    calculator(
        "as many free as are paid",
        "rewards/multi_buy",
        "pick_cheapest(work, ROLE_TARGET, blocks * (reward.take - reward.pay))",
        "pick_cheapest(work, ROLE_TARGET, blocks * reward.pay)",
    ),
    calculator(
        "targets qualify first",
        "rewards/buy_get",
        "pick(work, BUY, GET, ROLE_QUALIFIER",
        "pick(work, BUY, 0, ROLE_QUALIFIER",
    ),
    calculator("last rung repeats at once", "rewards/ladder", "rung == last and not reward", "rung == last and reward"),
    calculator("used units are offered", "set_units", "(shares or not run.used)", "(shares or run.used >= 0)"),
    calculator("cheapest first", "set_units", "if order != PRICE_ASC:", "if order == PRICE_ASC:"),
    calculator(
        "room of one unit",
        "set_units",
        "unit.run]) * picked.count\n    return groups",
        "unit.run])\n    return groups",
    ),
    calculator("limit that is just enough", "limited", "if left.rooms[i] < wanted:", "if left.rooms[i] <= wanted:"),
    calculator("SKIP gives a part", "limited", "0 if limit.on_short else left.rooms[i]", "left.rooms[i]"),
    calculator("last of equal limits is named", "limited", "if here < most:", "if here <= most:"),
    calculator(
        "limit named budget",
        "limited",
        "BUDGET if limit.per == PER_PROMOTION",
        "BUDGET if limit.per != PER_PROMOTION",
    ),
    calculator("quantity takes the cheapest", "limited", "left_price > right_price if", "left_price < right_price if"),
    calculator("empty application uses its units", "limited", "alive[i + 1] = False", "alive[i + 1] = True"),
    calculator("held is free", "counters", "use.cap - use.used - use.held if", "use.cap - use.used if"),
    calculator(
        "cut rule counts its quantity",
        "counters",
        "given_by(work, rule, rule + 1) > 0",
        "given_by(work, rule, rule + 1) >= 0",
    ),
    calculator("cashier is not cut", "caps", "rule != EXTERNAL_RULE:", "rule > EXTERNAL_RULE:"),
    calculator(
        "cap of what is left",
        "caps",
        "gross += work.groups[i].gross_minor",
        "gross += work.groups[i].running_minor",
    ),
    calculator("later promotion wins a tied line", "best", "if given > group.winning:", "if given >= group.winning:"),
    calculator("composite loses its tie", "best", "composed_rank < winner))", "composed_rank > winner))"),
    calculator("last of equal MIN", "best", "trial.total_minor < work.trials", "trial.total_minor <= work.trials"),
    calculator("line winners without their limits", "best", "    if limited:\n", "    if False:\n"),
    calculator("gifts where others won", "won", ".winner == work.only_winner", ".winner != work.only_winner"),
    calculator("ADD on the running price", "cascade", "work.adding = True", "work.adding = False"),
    calculator("ALL shuts the stage", "notes", "marks |= SHUT_ALL", "marks |= SHUT_STAGE"),
    calculator("cashier on closed units", "external", "work.shut = SHUT_ALL", "work.shut = 0"),
    calculator(
        "tier just reached",
        "tiers",
        "and base >= work.rules.numbers[place]",
        "and base > work.rules.numbers[place]",
    ),
    calculator("below is included", "conditions", "actual >= row.high", "actual > row.high"),
    calculator(
        "this purchase is not one", "conditions", "number_is(work, row, value + 1,", "number_is(work, row, value,"
    ),
    Mutant("window of a day more", "core/accumulations.pyx", "day - row.days < date", "day - row.days <= date"),
    Mutant("reached a kopeck later", "core/accumulations.pyx", "if needed <= 0:", "if needed < 0:"),
    calculator(
        "later promotion wins tied points",
        "accrual",
        "base, best_rate) > 0\n    if rate",
        "base, best_rate) >= 0\n    if rate",
    ),
    calculator(
        "closed promotion competes",
        "accrual",
        "trial.matched.rewards = 0\n            if",
        "trial.matched.rewards = 1\n            if",
    ),
    calculator(
        "points up to the running price",
        "redemption",
        "mul_div_floor(work.bases[i], rule.line_ppm",
        "mul_div_floor(group.running_minor, rule.line_ppm",
    ),
    calculator(
        "least points are too few",
        "redemption",
        "row.max_points < rule.min_points",
        "row.max_points <= rule.min_points",
    ),
    calculator("cap that forgets discounts", "redemption", "room = room - off if", "room = room if"),
    calculator(
        "floor before quantity",
        "why",
        "left.closed or not would_give(work, rule, left, &unused)",
        "left.closed",
    ),
    calculator("equal combination that comes later", "optimal", "if total > search.best:", "if total >= search.best:"),
    calculator(
        "whoever is applied beats it",
        "optimal",
        "rivals = loser.part & applied if",
        "rivals = applied if",
    ),
    calculator(
        "ceiling that leaves the last out", "optimal", "+ search.rest[depth + 1] <= search.best", "<= search.best"
    ),
)
