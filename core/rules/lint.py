"""Remarks on documents that can be read but hardly mean what was wanted, or cost more than was meant.

Only what is certain, odd kopecks aside, from the documents and what else is known (`Known`: a catalogue, coupon series,
a day); nothing here refuses a document. Pure: no clock; the day is given. Pairs of promotions are looked at within a
bound, so the time grows with the documents. Every code: docs/rules-lint.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from altyn.core.rules.checks.bounds import limit_documents, limits_of, rounding_documents
from altyn.core.rules.checks.codes import KINDS, Remark, Severity
from altyn.core.rules.checks.conjunctions import alternatives
from altyn.core.rules.checks.dead import dead_conditions, dead_rewards
from altyn.core.rules.checks.exposure import exposure, points_worth
from altyn.core.rules.checks.goods import Product
from altyn.core.rules.checks.known import Known
from altyn.core.rules.checks.rates import nothing_multiplied, with_factors
from altyn.core.rules.checks.rivals import rivals
from altyn.core.rules.checks.sets import parts_of, sets_of
from altyn.core.rules.checks.stacks import stacks
from altyn.core.rules.checks.words import assets_named, coupons, nudge_of, texts_of
from altyn.core.rules.definition import Rules

__all__ = ["KINDS", "Known", "Product", "Remark", "Severity", "remarks"]

# What a back office knows that only looks at documents; it has less time than a command.
NOTHING = Known(stacks_max=200)
SEVERITIES = list(Severity)


def remarks(rules: Rules, known: Known = NOTHING) -> list[Remark]:
    """All remarks, the worst first, then by document and place."""
    priced = with_factors(rules)
    every = (
        *_of_each(rules, known),
        *_of_what_is_given(priced, known),
        *nothing_multiplied(rules.promotions),
        *rivals(priced.promotions),
        *points_worth(priced.promotions, rules.limits),
        *limit_documents(rules.limits),
        *rounding_documents(rules.roundings),
        *coupons(rules, known),
        *(stacks(priced, known) if known.stacks_max else ()),
    )
    # Several rewards or limits may say the same at the same place.
    found = {(one.path, one.code): one for one in every}
    return sorted(found.values(), key=_place)


def _of_each(rules: Rules, known: Known) -> Iterator[Remark]:
    assets_count = len(assets_named(rules))
    for promotion in rules.promotions:
        yield from dead_conditions(promotion, known)
        yield from sets_of(promotion, known)
        yield from parts_of(promotion)
        if promotion.limits:
            yield from limits_of(promotion, alternatives(promotion.when))
        yield from texts_of(promotion, assets_count)
        yield from nudge_of(promotion)


def _of_what_is_given(rules: Rules, known: Known) -> Iterator[Remark]:
    """With what others multiply it by."""
    assets = {asset.asset: asset for asset in rules.assets}
    for promotion in rules.promotions:
        yield from dead_rewards(promotion, assets, known)
        yield from exposure(promotion)


def _place(one: Remark) -> tuple[int, str, str]:
    return SEVERITIES.index(one.severity), one.path, one.code
