"""Conditions on earlier purchases as documents: the inverse of `history`."""

from __future__ import annotations

from altyn.core.rules.condition import Earlier, Historic, PurchaseNumber, Purchases, Turnover
from altyn.core.rules.read.history import SAME_STORE
from altyn.core.rules.read.written_parts import Document, choice_of, milli_text, money_text, present, product_set
from altyn.core.rules.words import PurchaseCount, PurchaseWindow


def written_history(condition: Historic) -> Document:
    """The condition with all the defaults that can be written."""
    if isinstance(condition, Purchases):
        digits = 3 if condition.count_by is PurchaseCount.WEIGHT else 0
        edges = present(from_=milli_text(condition.from_milli, digits), below=milli_text(condition.below_milli, digits))
        return {"purchases": {**earlier_of(condition.earlier), "count_by": condition.count_by.name, **edges}}
    if isinstance(condition, Turnover):
        edges = present(from_=money_text(condition.from_minor), below=money_text(condition.below_minor))
        return {"turnover": {**earlier_of(condition.earlier), **edges, "include_current": condition.include_current}}
    if isinstance(condition, PurchaseNumber):
        asked = present(
            every=None if condition.every is None else str(condition.every),
            is_=[str(number) for number in condition.numbers] or None,
        )
        return {"purchase_number": {**asked, **earlier_of(condition.earlier)}}
    after: Document = {"first_use": condition.first_use}
    if condition.reached_minor is not None:
        goods = earlier_of(condition.earlier)
        del goods["window"]
        after = {"turnover": {"sum": money_text(condition.reached_minor), **goods}}
    return {"validity": {"days": str(condition.days), "after": after}}


def earlier_of(earlier: Earlier) -> Document:
    """Window, goods and stores."""
    window: object = earlier.window.name.lower()
    if earlier.window is PurchaseWindow.DAYS:
        window = {"days": str(earlier.days)}
    stores: object = {name: choice_of(choice) for name, choice in earlier.at} or None
    return present(window=window, of=product_set(earlier.of), at=SAME_STORE if earlier.same_store else stores)
