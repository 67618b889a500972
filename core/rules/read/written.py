"""Values → the document that means them, with all the defaults that can be written.

Reading the document gives the same value again, paths included. Left out are only the keys whose absence is the
meaning: a group of its own, no condition, no floor, an edge that is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from altyn.core.rules import promotion as values
from altyn.core.rules.read.conditions import WEEKDAYS
from altyn.core.rules.read.dates import date_text
from altyn.core.rules.read.forms import MINUTE_US, decimal_text
from altyn.core.rules.read.rewards import SCALE_DEFAULT

Document = dict[str, Any]


def default_document(value: values.Promotion | values.Asset, assets: Iterable[values.Asset] = ()) -> Document:
    """The document of a promotion or an asset. `assets` give the scales in which points are written."""
    if isinstance(value, values.Asset):
        step = decimal_text(value.step_points, value.scale)
        return {"asset": value.asset, "title": dict(value.title), "scale": str(value.scale), "step": step}
    scales = {asset.asset: asset.scale for asset in assets}
    made: Document = {"promotion": value.promotion_id, "title": dict(value.title), "stage": value.stage.name.lower()}
    if value.group is not None:
        made["group"] = _group(value.group)
    made["priority"] = str(value.priority)
    if value.when is not None:
        made["when"] = _condition(value.when)
    made["reward"] = [_reward(reward, scales) for reward in value.rewards]
    made["allow_free"] = value.allow_free
    if value.floor.price_minor is not None:
        made["floor"] = {"price": decimal_text(value.floor.price_minor, 2)}
    if value.floor.rate_ppm is not None:
        made["floor"] = {"percent": _percent(value.floor.rate_ppm)}
    made["cost_floor"] = value.cost_floor
    return made


def _present(**fields: object) -> Document:
    """The fields that are given; a name that is a Python word ends in an underscore here."""
    return {name.rstrip("_"): value for name, value in fields.items() if value is not None}


def _group(group: values.Group) -> Document:
    return _present(
        name=group.name,
        mode=None if group.mode is None else group.mode.name,
        scope=None if group.scope is None else group.scope.name,
        priority=None if group.priority is None else str(group.priority),
    )


# --- product sets


def _money(minor: int | None) -> str | None:
    return None if minor is None else decimal_text(minor, 2)


def _product_set(of: values.ProductSet) -> Document:
    made: Document = {attribute.value: list(members) for attribute, members in of.members.items()}
    if of.price_from_minor is not None or of.price_to_minor is not None:
        made["unit_price"] = _present(from_=_money(of.price_from_minor), to=_money(of.price_to_minor))
    if of.excepted:
        made["except"] = [_product_set(excepted) for excepted in of.excepted]
    return made


def _choice(choice: values.Choice) -> Document:
    return _present(
        any_of=None if choice.any_of is None else list(choice.any_of),
        none_of=list(choice.none_of) or None,
    )


def _percent(rate_ppm: int | None) -> str | None:
    return None if rate_ppm is None else decimal_text(rate_ppm, 4).rstrip("0").rstrip(".")


# --- conditions


def _condition(condition: values.Condition) -> Document:
    """One key of the vocabulary, or several where the document used the short form of `all`."""
    if isinstance(condition, values.AllOf):
        step = condition.path.rpartition(".")[2]
        if step == "all":
            return {"all": [_condition(part) for part in condition.conditions]}
        merged: Document = {}
        for part in condition.conditions:
            for key, inner in _condition(part).items():
                merged[key] = {**merged[key], **inner} if key in merged else inner
        return merged
    return _LEAVES[type(condition)](condition)


def _nested(kind: str) -> Callable[[Any], Document]:
    return lambda condition: {kind: [_condition(part) for part in condition.conditions]}


def _schedule(schedule: values.Schedule) -> Document:
    return {
        "schedule": _present(
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


def _customer(condition: values.CustomerIs) -> Document:
    value = condition.flag if condition.choice is None else _choice(condition.choice)
    return {"customer": {condition.attribute: value}}


def _receipt_sum(condition: values.ReceiptSum) -> Document:
    edges = _present(from_=_money(condition.from_minor), below=_money(condition.below_minor))
    return {"receipt_sum": {**edges, "base": condition.base.name, "of": _product_set(condition.of)}}


def _quantity(condition: values.Quantity) -> Document:
    digits = 0 if condition.count_by is values.CountBy.UNITS else 3
    edges = _present(from_=_milli(condition.from_milli, digits), below=_milli(condition.below_milli, digits))
    return {"quantity": {**edges, "count_by": condition.count_by.name, "of": _product_set(condition.of)}}


def _milli(milli: int | None, digits: int) -> str | None:
    if milli is None:
        return None
    text = decimal_text(milli, 3)
    return text if digits else text[:-4]


_LEAVES: dict[type, Callable[[Any], Document]] = {
    values.AnyOf: _nested("any"),
    values.NoneOf: _nested("none"),
    values.Schedule: _schedule,
    values.StoreIs: lambda condition: {"store": {condition.attribute: _choice(condition.choice)}},
    values.CustomerIs: _customer,
    values.CouponIs: lambda condition: {"coupon": {"code": condition.code}},
    values.ReceiptSum: _receipt_sum,
    values.Quantity: _quantity,
}


# --- rewards


def _reward(reward: values.Reward, scales: dict[str, int]) -> Document:
    if isinstance(reward, values.Percent):
        return {"percent": {"rate": _percent(reward.rate_ppm), "of": _product_set(reward.of)}}
    if isinstance(reward, values.Amount):
        spread = reward.spread.name.lower()
        return {"amount": {"off": decimal_text(reward.off_minor, 2), "spread": spread, "of": _product_set(reward.of)}}
    scale = scales.get(reward.asset, SCALE_DEFAULT)
    return {
        "points": _present(
            asset=reward.asset,
            percent=_percent(reward.rate_ppm),
            fixed=None if reward.fixed_points is None else decimal_text(reward.fixed_points, scale),
            of=_product_set(reward.of),
            exclude_points_paid=reward.exclude_points_paid,
            if_paid_with_points="SKIP_RECEIPT" if reward.skip_if_paid_with_points else "ACCRUE",
            active_after={"days": str(reward.active_after_days)},
            expires=_expiry(reward.expiry),
        )
    }


def _expiry(expiry: values.Expiry) -> Document | None:
    made = _present(
        days=None if expiry.days is None else str(expiry.days),
        date=None if expiry.date is None else date_text(expiry.date),
        end_of_month=None if expiry.end_of_month is None else str(expiry.end_of_month),
    )
    return made or None
