"""What came to the vocabulary later: every part of it draws from a seed of its own, so that the rest of a case stays.

Decides which parts a width has. `without` leaves parts out by name, for whoever does not know them yet.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .conditions import codes_named
from .documents import conditions_of
from .generator_conditions import Document, Probe
from .generator_facts import tell_of_customer, tell_of_goods, with_facts_asked
from .generator_history import with_history_asked
from .generator_multipliers import multiplied_group, with_multiplier_codes, with_multipliers
from .generator_nudges import with_nudges
from .generator_rates import gifts, rates
from .generator_small_change import small_changes
from .generator_wide import UNIQUE, WideAuthor, counters_of


@dataclass
class Draft:
    """A case of width 2, open for more: everything in it grows under the hands of the parts."""

    seed: int
    documents: list[Document]
    receipt: dict[str, Any]
    wall: datetime
    store: dict[str, Any]
    balances: dict[str, Any]
    probe: Probe
    customer: dict[str, Any] | None
    at: int
    held: dict[str, Any]

    def author(self, part: str) -> WideAuthor:
        """An author with draws of a part's own."""
        rng = random.Random(f"{part} {self.seed}")
        return WideAuthor(rng, self.receipt, self.wall, self.store, self.balances, self.probe)


def _small_changes(draft: Draft) -> None:
    author = draft.author("change")
    author.balances = {}
    draft.documents += small_changes(author)


def _multipliers(draft: Draft) -> None:
    author = draft.author("multipliers")
    with_multipliers(author, draft.documents)
    draft.documents += multiplied_group(author)


def _multiplier_codes(draft: Draft) -> None:
    author = draft.author("multiplier codes")
    with_multiplier_codes(author, draft.documents)
    enter_codes(author, draft, {code for one in draft.documents for part in conditions_of(one) for code in named(part)})


def _nudges(draft: Draft) -> None:
    with_nudges(draft.author("nudges").rng, draft.documents)


def _facts(draft: Draft) -> None:
    author = draft.author("facts")
    with_facts_asked(author, draft.documents)
    tell_of_goods(author.rng, draft.receipt["lines"])
    if draft.customer is not None:
        lines = draft.receipt["lines"]
        tell_of_customer(author.rng, draft.customer, draft.wall.date(), draft.at, lines, draft.documents)


def _history(draft: Draft) -> None:
    draft.held["history"] = with_history_asked(draft.author("history"), draft.documents, draft.wall.date())


def _rates(draft: Draft) -> None:
    author = draft.author("rates")
    draft.documents += rates(author, draft.documents)
    enter_codes(author, draft, {code for one in draft.documents for part in conditions_of(one) for code in named(part)})


def _gifts(draft: Draft) -> None:
    author = draft.author("gifts")
    draft.documents += gifts(author, draft.documents)
    draft.held["counters"] += counters_of(author.rng, [one for one in draft.documents if is_gift(one)], {})
    enter_codes(author, draft, {code for one in draft.documents for part in conditions_of(one) for code in named(part)})


def is_gift(document: Document) -> bool:
    """A promotion of nothing but gifts."""
    return all("gift" in reward for reward in document.get("reward", ())) and "promotion" in document


def named(condition: Any) -> set[str]:
    """The codes that make a condition hold: shared ones, and some of any series."""
    return codes_named(condition) | (set(UNIQUE) if "'series'" in str(condition) else set())


def enter_codes(author: WideAuthor, draft: Draft, wanted: set[str]) -> None:
    """Most codes that what came later asks for are shown, beside those of the case before."""
    entered = {row["code"].strip(" ").upper() for row in draft.receipt["coupons"]}
    for code in sorted(wanted - entered):
        if author.chance(0.6):
            draft.receipt["coupons"].append({"code": code, "source": "SCAN"})


# Parts by the first width that has them, in the order they are written.
PARTS: dict[str, tuple[int, Callable[[Draft], None]]] = {
    "change": (3, _small_changes),
    "multipliers": (4, _multipliers),
    "multiplier codes": (4, _multiplier_codes),
    "facts": (4, _facts),
    "rates": (4, _rates),
    "gifts": (4, _gifts),
    "history": (4, _history),
    "nudges": (4, _nudges),
}


def write_later(draft: Draft, width: int, without: frozenset[str]) -> None:
    for name, (first, write) in PARTS.items():
        if width >= first and name not in without:
            write(draft)
