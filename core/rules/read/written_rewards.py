"""Rewards → the documents that mean them, defaults written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from altyn.core.rules import promotion as values
from altyn.core.rules import words
from altyn.core.rules.read.forms import decimal_text
from altyn.core.rules.read.shared import SCALE_DEFAULT
from altyn.core.rules.read.written_parts import (
    Document,
    money_text,
    percent_text,
    present,
    product_set,
    written_expiry,
)

Scales = Mapping[str, int]


def written_reward(reward: values.Reward, scales: Scales) -> Document:
    """`scales` are those of the declared assets."""
    if isinstance(reward, values.Points):
        return {"points": _points(reward, scales)}
    kind, write = _KINDS[type(reward)]
    return {kind: write(reward)}


def _tiers(tiers: values.Tiers | None, key: str, number: Callable[[int], str | None]) -> Document:
    if tiers is None:
        return {}
    steps = [{"from": money_text(step.from_minor), key: number(step.value)} for step in tiers.steps]
    progressive = {"progressive": True} if tiers.progressive else {}
    return {"tiers": steps, "base": tiers.base.name, "over": product_set(tiers.over), **progressive}


def _percent(reward: values.Percent) -> Document:
    rate = present(rate=percent_text(reward.rate_ppm))
    return {**rate, "of": product_set(reward.of), **_tiers(reward.tiers, "rate", percent_text)}


def _amount(reward: values.Amount) -> Document:
    off = present(off=money_text(reward.off_minor))
    spread = reward.spread.name.lower()
    return {**off, "spread": spread, "of": product_set(reward.of), **_tiers(reward.tiers, "off", money_text)}


def _fixed_price(reward: values.FixedPrice) -> Document:
    return {"price": money_text(reward.price_minor), "of": product_set(reward.of)}


def _applications(reward: values.MultiBuy | values.Bundle | values.BuyGet) -> Document:
    most = None if reward.max_applications is None else str(reward.max_applications)
    return present(max_applications=most, share_units=reward.share_units)


def _discount(discount: values.SetDiscount) -> Document:
    text = percent_text if discount.by is words.DiscountBy.PERCENT else money_text
    return {discount.by.name.lower(): text(discount.value)}


def _multi_buy(reward: values.MultiBuy) -> Document:
    return {
        "take": str(reward.take),
        "pay": str(reward.pay),
        "of": product_set(reward.of),
        "free": reward.free.name,
        "allocate": reward.allocate.name,
        "count_by": reward.count_by.name,
        **_applications(reward),
    }


def _bundle(reward: values.Bundle) -> Document:
    parts = [{"quantity": str(p.quantity), "of": product_set(p.of), "target": p.target} for p in reward.parts]
    return {
        "parts": parts,
        **_discount(reward.discount),
        "allocate_to": reward.allocate_to.name,
        **_applications(reward),
    }


def _buy_get(reward: values.BuyGet) -> Document:
    taken = "ALL" if reward.get_quantity is None else str(reward.get_quantity)
    return {
        "buy": {"quantity": str(reward.buy_quantity), "of": product_set(reward.buy_of)},
        "get": {"quantity": taken, "of": product_set(reward.get_of)},
        **_discount(reward.discount),
        "reusable_qualifiers": reward.reusable_qualifiers,
        **_applications(reward),
    }


def _ladder(reward: values.Ladder) -> Document:
    text = percent_text if reward.by is words.DiscountBy.PERCENT else money_text
    return {
        "rungs": [text(rung) for rung in reward.rungs],
        "by": reward.by.name.lower(),
        "of": product_set(reward.of),
        "after_last": reward.after_last.name,
        "order": reward.order.name,
        "share_units": reward.share_units,
    }


def _points(reward: values.Points, scales: Scales) -> Document:
    scale = scales.get(reward.asset, SCALE_DEFAULT)
    key = "fixed" if reward.is_fixed else "percent"
    return {
        **present(
            asset=reward.asset,
            percent=percent_text(reward.rate_ppm),
            fixed=None if reward.fixed_points is None else decimal_text(reward.fixed_points, scale),
            of=product_set(reward.of),
            exclude_points_paid=reward.exclude_points_paid,
            if_paid_with_points="SKIP_RECEIPT" if reward.skip_if_paid_with_points else "ACCRUE",
            active_after={"days": str(reward.active_after_days)},
            expires=written_expiry(reward.expiry),
        ),
        **_tiers(reward.tiers, key, (lambda points: decimal_text(points, scale)) if reward.is_fixed else percent_text),
    }


def _multiplier(reward: values.RateMultiplier) -> Document:
    times = decimal_text(reward.times, 4)
    return {"times": times, "promotion": reward.promotion, "of": product_set(reward.of)}


def _message(reward: values.Message) -> Document:
    return present(
        to=reward.channel.name.lower(),
        text=dict(reward.text),
        priority=str(reward.priority),
        barcode=reward.barcode,
    )


def _gift(reward: values.Gift) -> Document:
    text = dict(reward.text) if reward.text else None
    return present(sku=list(reward.skus), quantity=str(reward.quantity), text=text)


def _issue_coupon(reward: values.IssueCoupon) -> Document:
    return present(
        series=reward.series, expires=written_expiry(reward.expiry), text=dict(reward.text) if reward.text else None
    )


_KINDS: dict[type, tuple[str, Callable[[Any], Document]]] = {
    values.Percent: ("percent", _percent),
    values.Amount: ("amount", _amount),
    values.FixedPrice: ("fixed_price", _fixed_price),
    values.MultiBuy: ("multi_buy", _multi_buy),
    values.Bundle: ("bundle", _bundle),
    values.BuyGet: ("buy_get", _buy_get),
    values.Ladder: ("ladder", _ladder),
    values.RateMultiplier: ("multiplier", _multiplier),
    values.Message: ("message", _message),
    values.Gift: ("gift", _gift),
    values.IssueCoupon: ("issue_coupon", _issue_coupon),
}
