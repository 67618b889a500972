"""What the parity run asks of the core, in one place.

Holdings (balances, counters, coupons in the book) go with a case of the second width; `evaluate` takes them as the
oracle does. Beside the amounts the comparison of widths 2 and 3 reads `max_redeem`, `messages`, `counters`,
`reserve_required`, and of a line `points_paid_minor` and `participates_as`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from altyn.core.evaluate import evaluate
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import read_documents
from altyn.core.rules.ruleset import Ruleset
from tests.reference.generator import Case

# The largest width of `generate` the core can be given, and what of it the core does not know yet.
WIDTH_MAX = 4
AWAITED: frozenset[str] = frozenset()


def ruleset_of(documents: Iterable[Any]) -> Ruleset:
    rules = read_documents(list(documents))
    return Ruleset(
        compile_ruleset(rules.promotions, rules.assets, version=1, limits=rules.limits, roundings=rules.roundings)
    )


def evaluate_case(
    ruleset: Ruleset, case: Case, customer: dict[str, Any] | None, clock: tuple[int, int, int], explain: bool
) -> dict[str, Any]:
    """The core's outcome; `case.holdings` is as `tests.reference.calculate` describes."""
    # Grants of a customer, a part of the facts, ask for the instant.
    instant = {} if "facts" in AWAITED else {"instant_us": case.at}
    return evaluate(
        ruleset, case.receipt, case.store, customer, clock, explain, case.holdings, fiscal_plan=True, **instant
    )
