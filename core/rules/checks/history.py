"""Conditions on earlier purchases, which no server keeps yet."""

from __future__ import annotations

from collections.abc import Iterator

from altyn.core.rules.checks.codes import Remark, remark
from altyn.core.rules.condition import Historic
from altyn.core.rules.promotion import Promotion
from altyn.core.rules.read.conditions import walk


def kept_nowhere(promotion: Promotion) -> Iterator[Remark]:
    """Every place that asks for them; publishing refuses the same."""
    for when in promotion.conditions:
        for condition in walk(when):
            if isinstance(condition, Historic):
                yield remark(promotion.promotion_id, condition.path, "HISTORY_NOT_KEPT")
