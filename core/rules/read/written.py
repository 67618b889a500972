"""Values → the document that means them, with all the defaults that can be written.

Reading the document gives the same value again, paths included. Left out are only the keys whose absence is the
meaning: a group of its own, no condition, no floor, an edge that is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from altyn.core.rules import condition as conditions
from altyn.core.rules import promotion as values
from altyn.core.rules import words
from altyn.core.rules.read.conditions import PAYMENT_TYPES, WEEKDAYS
from altyn.core.rules.read.dates import date_text
from altyn.core.rules.read.forms import MINUTE_US, decimal_text
from altyn.core.rules.read.limits import INPUTS
from altyn.core.rules.read.shared import SCALE_DEFAULT
from altyn.core.rules.read.written_history import written_history
from altyn.core.rules.read.written_parts import (
    Document,
    choice_of,
    milli_text,
    money_text,
    percent_text,
    points_text,
    present,
    product_set,
)
from altyn.core.rules.read.written_rewards import written_reward


def default_document(
    value: values.Promotion | values.Asset | values.Limit | values.Rounding, assets: Iterable[values.Asset] = ()
) -> Document:
    """The document of a value. `assets` give the scales in which points are written."""
    if isinstance(value, values.Asset):
        step = decimal_text(value.step_points, value.scale)
        return {"asset": value.asset, "title": dict(value.title), "scale": str(value.scale), "step": step}
    scales = {asset.asset: asset.scale for asset in assets}
    if isinstance(value, values.Limit):
        return _limit_document(value, scales)
    if isinstance(value, values.Rounding):
        return _rounding(value, scales)
    made: Document = {"promotion": value.promotion_id, "title": dict(value.title), "stage": value.stage.name.lower()}
    if value.group is not None:
        made["group"] = _group(value.group)
    made["priority"] = str(value.priority)
    if value.when is not None:
        made["when"] = _condition(value.when, scales)
    made["reward"] = [written_reward(reward, scales) for reward in value.rewards]
    made["allow_free"] = value.allow_free
    if value.floor.price_minor is not None:
        made["floor"] = {"price": decimal_text(value.floor.price_minor, 2)}
    if value.floor.rate_ppm is not None:
        made["floor"] = {"percent": percent_text(value.floor.rate_ppm)}
    made["cost_floor"] = value.cost_floor
    if value.exclusive is not None:
        made["exclusive"] = {"over": value.exclusive.over.name, "scope": value.exclusive.scope.name}
    made["skip_discounted"] = value.skip_discounted
    if value.limits:
        made["limits"] = [_usage_limit(limit, value.rewards, scales) for limit in value.limits]
    if value.multipliers:
        made["multiplier"] = [_multiplier(one, scales) for one in value.multipliers]
    if value.on_return is not words.OnReturn.KEEP:
        made["on_return"] = value.on_return.name
    if value.max_rate_ppm is not None:
        made["max_rate"] = percent_text(value.max_rate_ppm)
    if value.messages or value.nudge:
        made["messages"] = {channel.name.lower(): dict(text) for channel, text in value.messages.items()}
        made["messages"] |= {"nudge": dict(value.nudge)} if value.nudge else {}
    return made


def _group(group: values.Group) -> Document:
    return present(
        name=group.name,
        mode=None if group.mode is None else group.mode.name,
        scope=None if group.scope is None else group.scope.name,
        priority=None if group.priority is None else str(group.priority),
    )


def _multiplier(multiplier: values.Multiplier, scales: dict[str, int]) -> Document:
    return present(
        times=decimal_text(multiplier.times, 4),
        when=None if multiplier.when is None else _condition(multiplier.when, scales),
        of=product_set(multiplier.of),
    )


# --- conditions


def _condition(condition: conditions.Condition, scales: dict[str, int]) -> Document:
    """One key of the vocabulary, or several where the document used the short form of `all`."""
    if isinstance(condition, conditions.AllOf):
        step = condition.path.rpartition(".")[2]
        if step == "all":
            return {"all": [_condition(part, scales) for part in condition.conditions]}
        merged: Document = {}
        for part in condition.conditions:
            for key, inner in _condition(part, scales).items():
                merged[key] = {**merged[key], **inner} if key in merged else inner
        return merged
    if isinstance(condition, conditions.AnyOf | conditions.NoneOf):
        kind = "any" if isinstance(condition, conditions.AnyOf) else "none"
        return {kind: [_condition(part, scales) for part in condition.conditions]}
    if isinstance(condition, conditions.Balance):
        return _balance(condition, scales.get(condition.asset, SCALE_DEFAULT))
    if isinstance(condition, conditions.Historic):
        return written_history(condition)
    return _LEAVES[type(condition)](condition)


def _balance(condition: conditions.Balance, scale: int) -> Document:
    edges = present(from_=points_text(condition.from_points, scale), below=points_text(condition.below_points, scale))
    return {"balance": {"asset": condition.asset, **edges}}


def _schedule(schedule: conditions.Schedule) -> Document:
    return {
        "schedule": present(
            from_=_moment(schedule.from_date, schedule.from_wall_us),
            to=_moment(schedule.to_date, schedule.to_wall_us),
            hours=[f"{_time(start)}-{_time(end)}" for start, end in schedule.windows] or None,
            weekdays=[name for name, number in WEEKDAYS.items() if number in schedule.weekdays] or None,
            days_of_month=[str(day) for day in schedule.days_of_month] or None,
        )
    }


def _moment(day: int | None, wall_us: int | None) -> str | None:
    if wall_us is not None:
        days, minute = divmod(wall_us // MINUTE_US, 1_440)
        return f"{date_text(days)}T{_time(minute)}"
    return None if day is None else date_text(day)


def _time(minute: int) -> str:
    hours, minutes = divmod(minute, 60)
    return f"{hours:02d}:{minutes:02d}"


def _customer(condition: conditions.CustomerIs) -> Document:
    value = condition.flag if condition.choice is None else choice_of(condition.choice)
    return {"customer": {condition.attribute: value}}


def _receipt_sum(condition: conditions.ReceiptSum) -> Document:
    edges = present(from_=money_text(condition.from_minor), below=money_text(condition.below_minor))
    return {"receipt_sum": {**edges, "base": condition.base.name, "of": product_set(condition.of)}}


def _quantity(condition: conditions.Quantity) -> Document:
    digits = 0 if condition.count_by is words.CountBy.UNITS else 3
    edges = present(from_=milli_text(condition.from_milli, digits), below=milli_text(condition.below_milli, digits))
    return {"quantity": {**edges, "count_by": condition.count_by.name, "of": product_set(condition.of)}}


def _payment_is(condition: conditions.PaymentIs) -> Document:
    types = [name for name, number in PAYMENT_TYPES.items() if number in condition.types]
    return {"payment": present(type=types, from_percent=percent_text(condition.from_ppm))}


_LEAVES: dict[type, Callable[[Any], Document]] = {
    conditions.Schedule: _schedule,
    conditions.StoreIs: lambda condition: {"store": {condition.attribute: choice_of(condition.choice)}},
    conditions.CustomerIs: _customer,
    conditions.Birthday: lambda one: {"birthday": {"before": str(one.before), "after": str(one.after)}},
    conditions.Personal: lambda one: {"personal": True},
    conditions.CouponIs: lambda condition: {"coupon": {"code": condition.code}},
    conditions.SeriesIs: lambda condition: {"coupon": {"series": condition.series}},
    conditions.ReceiptSum: _receipt_sum,
    conditions.Quantity: _quantity,
    conditions.PaymentIs: _payment_is,
    conditions.RegisterIs: lambda condition: {"register": {condition.attribute: choice_of(condition.choice)}},
}


# --- limits


def _usage_limit(limit: values.UsageLimit, rewards: tuple[values.Reward, ...], scales: dict[str, int]) -> Document:
    points = next((reward for reward in rewards if isinstance(reward, values.Points)), None)
    scale = scales.get(points.asset, SCALE_DEFAULT) if points else 0
    digits = {
        words.LimitMeasure.TIMES: 0,
        words.LimitMeasure.AMOUNT: 2,
        words.LimitMeasure.QUANTITY: 3,
        words.LimitMeasure.POINTS: scale,
    }[limit.measure]
    limited = limit.measure in (words.LimitMeasure.AMOUNT, words.LimitMeasure.POINTS)
    made = present(
        per=limit.per.name.lower(),
        window=None if limit.window is words.LimitWindow.NONE else limit.window.name.lower(),
        on_short=limit.on_short.name if limited else None,
    )
    made[limit.measure.name.lower()] = decimal_text(limit.cap, digits)
    return made


def _limit_document(limit: values.Limit, scales: dict[str, int]) -> Document:
    made: Document = {"limit": limit.limit_id, "title": dict(limit.title), "priority": str(limit.priority)}
    if limit.cap is not None:
        made["cap"] = present(
            per="line" if limit.cap.by_line else "receipt",
            percent=percent_text(limit.cap.rate_ppm),
            amount=money_text(limit.cap.amount_minor),
            of=product_set(limit.cap.of),
            include_points=limit.cap.include_points,
        )
    if limit.payment:
        made["payment"] = [_payment_rule(rule, scales) for rule in limit.payment]
    return made


def _rounding(value: values.Rounding, scales: dict[str, int]) -> Document:
    return present(
        rounding=value.rounding_id,
        title=dict(value.title),
        priority=str(value.priority),
        to=money_text(value.to_minor),
        when=None if value.when is None else _condition(value.when, scales),
    )


def _payment_rule(rule: values.PaymentRule, scales: dict[str, int]) -> Document:
    scale = scales.get(rule.asset, SCALE_DEFAULT)
    return present(
        asset=rule.asset,
        rate=decimal_text(rule.point_ppm, 6)[:-2],
        step=None if rule.step_points is None else decimal_text(rule.step_points, scale),
        min=decimal_text(rule.min_points, scale),
        up_to_percent=percent_text(rule.line_ppm),
        receipt_percent=percent_text(rule.receipt_ppm),
        max=None if rule.max_points is None else decimal_text(rule.max_points, scale),
        of=product_set(rule.of),
        when=None if rule.when is None else _condition(rule.when, scales),
        deny_input=[name for name, number in INPUTS.items() if number in rule.denied_inputs] or None,
        anonymous=rule.anonymous or None,
    )
