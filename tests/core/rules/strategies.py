"""Random documents: valid ones of the whole vocabulary, and garbage that looks like documents."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Documents = SearchStrategy[dict[str, Any]]

names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,11}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=8).filter(
    lambda text: text.strip() != ""
)
titles = st.dictionaries(st.sampled_from(["en", "ru", "pt-BR"]), texts, max_size=2)
assets = st.sampled_from(["a", "b", "c"])
SCALES = {"a": 0, "b": 4, "c": 2}


def decimals(digits: int, least: int, most: int) -> SearchStrategy[str]:
    """Exact decimal texts, with and without zeros at the end."""

    def text(number: int) -> str:
        whole = str(number).rjust(digits + 1, "0")
        return f"{whole[:-digits]}.{whole[-digits:]}" if digits else whole

    def shorter(text: str) -> str:
        return text.rstrip("0").rstrip(".") if "." in text else text

    written = st.integers(least, most).map(text)
    return st.one_of(written, written.map(shorter))


def present(**keys: SearchStrategy[Any]) -> Documents:
    """A mapping in which every key may be left out, but not all."""
    return st.fixed_dictionaries({}, optional=keys).filter(bool)


def one_or_many(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


amounts = decimals(2, 1, 10**9)
rates = decimals(4, 1, 1_000_000)
members = one_or_many(texts)


@st.composite
def ranges(
    draw: st.DrawFn, low: str, high: str, numbers: SearchStrategy[int], digits: int, *, equal: bool
) -> dict[str, str]:
    """`low` and `high`, at least one; `equal` says whether both may be the same."""
    first, second = sorted((draw(numbers), draw(numbers)))
    second += 0 if equal or first < second else 1
    both = {low: str(first), high: str(second)}
    if digits:
        both = {
            key: f"{text.rjust(digits + 1, '0')[:-digits]}.{text.rjust(digits + 1, '0')[-digits:]}"
            for key, text in both.items()
        }
    kept = draw(st.sampled_from([(low,), (high,), (low, high)]))
    return {key: both[key] for key in kept}


prices = ranges("from", "to", st.integers(0, 10**6), 2, equal=True)
plain_sets = present(sku=members, category=members, brand=members, supplier=members, unit_price=prices)
# What is left out is named by price alone or by values no set above can hold, so that something always remains.
left_out = st.fixed_dictionaries({"sku": st.just("left-out-for-sure")}, optional={"unit_price": prices})


@st.composite
def product_sets(draw: st.DrawFn) -> dict[str, Any]:
    """All goods, a set, a set without some, or all but some."""
    of = draw(st.one_of(st.just({}), plain_sets))
    return {**of, "except": draw(one_or_many(left_out))} if draw(st.booleans()) else of


of = {"of": product_sets()}

choices = st.one_of(members, st.builds(lambda v: {"any_of": v}, members), st.builds(lambda v: {"none_of": v}, members))
dates = st.dates(date(2020, 1, 1), date(2030, 12, 31)).map(str)
times = st.builds(
    lambda day, hour, minute: f"{day}T{hour:02d}:{minute:02d}", dates, st.integers(0, 23), st.integers(0, 59)
)
moments = st.one_of(dates, times)
hours = st.builds(
    lambda a, b, c, d: f"{a:02d}:{b:02d}-{c:02d}:{d:02d}",
    st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59),
)  # fmt: skip
days = st.integers(1, 31).map(str)
weekdays = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
schedules = st.one_of(
    present(**{"from": moments, "hours": one_or_many(hours), "weekdays": one_or_many(weekdays)}),
    present(to=moments, hours=one_or_many(hours), days_of_month=one_or_many(days)),
    st.just({"from": "2027-01-01", "to": "2027-01-31T18:00"}),
)
customers = st.one_of(
    st.just({"has_card": False}),
    present(
        has_card=st.just(True),
        card_type=choices,
        segment=choices,
        id=one_or_many(st.integers(1, 2**63 - 1).map(str)),
    ),
)
units = ranges("from", "below", st.integers(1, 999), 0, equal=False)
weights = ranges("from", "below", st.integers(1, 10**6), 3, equal=False).map(
    lambda made: {**made, "count_by": "WEIGHT"}
)


@st.composite
def leaves(draw: st.DrawFn, bases: list[str]) -> dict[str, Any]:
    """Conditions without nesting; several keys are short for all."""
    sums = ranges("from", "below", st.integers(1, 10**9), 2, equal=False)
    based = st.fixed_dictionaries({}, optional={"base": st.sampled_from(bases), **of})
    kinds = present(
        schedule=schedules,
        store=present(id=choices, region=choices, format=choices, cluster=choices),
        customer=customers,
        coupon=st.fixed_dictionaries({"code": texts}),
        receipt_sum=st.builds(lambda edges, rest: {**edges, **rest}, sums, based),
        quantity=st.builds(lambda edges, of: {**edges, "of": of}, st.one_of(units, weights), product_sets()),
    )
    return draw(kinds)


@st.composite
def conditions(draw: st.DrawFn, bases: list[str]) -> dict[str, Any]:
    """A condition of up to three leaves, nested or not."""

    def nest(inner: Documents) -> Documents:
        return present(
            all=st.lists(inner, min_size=1, max_size=2),
            any=st.lists(inner, min_size=1, max_size=2),
            none=st.lists(inner, min_size=1, max_size=2),
        )

    return draw(st.recursive(leaves(bases), nest, max_leaves=3))


discounts = st.one_of(
    st.builds(lambda of, rate: {"percent": {**of, "rate": rate}}, st.fixed_dictionaries({}, optional=of), rates),
    st.builds(
        lambda rest, off: {"amount": {**rest, "off": off}},
        st.fixed_dictionaries({}, optional={**of, "spread": st.sampled_from(["unit", "line", "receipt"])}),
        amounts,
    ),
)


@st.composite
def points(draw: st.DrawFn) -> dict[str, Any]:
    asset = draw(assets)
    what = draw(
        st.one_of(
            st.fixed_dictionaries({"percent": rates}),
            st.fixed_dictionaries({"fixed": decimals(SCALES[asset], 1, 10**6)}),
        )
    )
    rest = draw(
        st.fixed_dictionaries(
            {},
            optional={
                **of,
                "exclude_points_paid": st.booleans(),
                "if_paid_with_points": st.sampled_from(["ACCRUE", "SKIP_RECEIPT"]),
                "active_after": st.fixed_dictionaries({"days": st.integers(0, 30).map(str)}),
                "expires": st.one_of(
                    st.fixed_dictionaries({"days": st.integers(30, 999).map(str)}),
                    st.fixed_dictionaries({"date": dates}),
                    st.fixed_dictionaries({"end_of_month": st.integers(0, 24).map(str)}),
                ),
            },
        )
    )
    return {"points": {"asset": asset, **what, **rest}}


priorities = st.integers(0, 1_000_000).map(str)
groups = st.one_of(
    names,
    st.fixed_dictionaries(
        {"name": names},
        optional={
            "mode": st.sampled_from(["CASCADE", "BEST"]),
            "scope": st.sampled_from(["RECEIPT", "LINE"]),
            "priority": priorities,
        },
    ),
)
common = {"title": titles, "group": groups, "priority": priorities}
discount_promotions = st.fixed_dictionaries(
    {
        "promotion": names,
        "stage": st.sampled_from(["price", "item", "set", "receipt", "coupon", "card"]),
        "reward": st.lists(discounts, min_size=1, max_size=3),
    },
    optional={
        **common,
        "when": conditions(["GROSS", "STAGE_ENTRY", "RUNNING"]),
        "allow_free": st.booleans(),
        "cost_floor": st.booleans(),
        "floor": st.one_of(
            st.fixed_dictionaries({"price": amounts}), st.fixed_dictionaries({"percent": rates})
        ),
    },
)  # fmt: skip
points_promotions = st.fixed_dictionaries(
    {"promotion": names, "reward": st.lists(points(), min_size=1, max_size=3)},
    optional={**common, "stage": st.just("accrual"), "when": conditions(["GROSS", "RUNNING", "NET"])},
)


@st.composite
def promotions(draw: st.DrawFn) -> dict[str, Any]:
    """One valid promotion of the whole vocabulary."""
    return draw(st.one_of(discount_promotions, points_promotions))


ASSETS = [{"asset": name, "scale": str(scale), "step": "1"} for name, scale in SCALES.items()]


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Valid documents: three assets and a few promotions of distinct ids."""
    made = draw(st.lists(promotions(), max_size=3, unique_by=lambda one: one["promotion"]))
    return [*ASSETS, *made]


KEYS = [
    "promotion", "asset", "stage", "when", "reward", "all", "any", "none", "schedule", "hours", "from", "to",
    "store", "id", "customer", "has_card", "coupon", "code", "receipt_sum", "quantity", "of", "sku", "except",
    "unit_price", "percent", "rate", "amount", "off", "points", "fixed", "expires", "days", "date", "group",
    "floor", "price", "title", "en", "step",
]  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**100),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["item", "accrual", "1.00", "-1", "2027-01-01", "07:00-10:00", "\ud800", "bonus", "NET", "BEST"]),
    st.binary(max_size=3),
)
keys = st.one_of(st.sampled_from(KEYS), st.text(max_size=3), st.integers(), st.none())
garbage = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=20,
)
