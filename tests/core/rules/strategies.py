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
attributes = st.dictionaries(st.sampled_from(["colour", "size", "0", "sku", "a_b-c"]), members, min_size=1, max_size=3)
plain_sets = present(
    sku=members,
    category=members,
    brand=members,
    supplier=members,
    attribute=attributes,
    favourite=st.just(True),
    personal=st.just(True),
    unit_price=prices,
)
# What is left out is named by price alone or by values no set above can hold, so that something always remains.
left_out = st.fixed_dictionaries({"sku": st.just("left-out-for-sure")}, optional={"unit_price": prices})


@st.composite
def product_sets(draw: st.DrawFn, *, granted: bool = True) -> dict[str, Any]:
    """All goods, a set, a set without some, or all but some. Goods of a grant stand in promotions only."""
    of = draw(st.one_of(st.just({}), plain_sets))
    of = of if granted else {key: value for key, value in of.items() if key != "personal"}
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
balances = st.sampled_from(["a", "b", "c"]).flatmap(
    lambda asset: ranges("from", "below", st.integers(1, 10**6), SCALES[asset], equal=False).map(
        lambda edges: {"asset": asset, **edges}
    )
)
payment_types = one_or_many(st.sampled_from(["cash", "card", "fast_transfer", "gift_card", "credit", "other"]))
payments = st.fixed_dictionaries({"type": payment_types}, optional={"from_percent": rates})
units = ranges("from", "below", st.integers(1, 999), 0, equal=False)
weights = ranges("from", "below", st.integers(1, 10**6), 3, equal=False).map(
    lambda made: {**made, "count_by": "WEIGHT"}
)
stores = present(id=choices, region=choices, format=choices, cluster=choices)
earlier_goods = st.one_of(st.just({}), present(sku=members, category=members))
windows = st.one_of(
    st.integers(1, 366).map(lambda days: {"days": str(days)}), st.sampled_from(["week", "month", "year", "always"])
)
earlier = st.fixed_dictionaries(
    {"window": windows}, optional={"of": earlier_goods, "at": st.one_of(st.just("same_store"), stores)}
)
purchases = st.builds(
    lambda told, count: {**told, **count},
    earlier,
    st.one_of(units, weights, st.integers(0, 99).map(lambda count: {"count": str(count), "count_by": "UNITS"})),
)
turnovers = st.builds(
    lambda told, edges, rest: {**told, **edges, **rest},
    earlier,
    ranges("from", "below", st.integers(1, 10**9), 2, equal=False),
    st.fixed_dictionaries({}, optional={"include_current": st.booleans()}),
)
purchase_numbers = st.builds(
    lambda told, asked: {**told, **asked},
    st.fixed_dictionaries({}, optional={"window": windows, "of": earlier_goods, "at": stores}),
    st.one_of(
        st.integers(2, 1000).map(lambda every: {"every": str(every)}),
        one_or_many(st.integers(1, 1000).map(str)).map(lambda numbers: {"is": numbers}),
    ),
)
reached = st.fixed_dictionaries({"sum": st.just("500.00")}, optional={"of": earlier_goods, "at": stores})
validities = st.builds(
    lambda days, after: {"days": str(days), "after": after},
    st.integers(1, 366),
    st.one_of(st.just({"first_use": "this"}), reached.map(lambda told: {"turnover": told})),
)


@st.composite
def leaves(draw: st.DrawFn, bases: list[str]) -> dict[str, Any]:
    """Conditions without nesting; several keys are short for all."""
    sums = ranges("from", "below", st.integers(1, 10**9), 2, equal=False)
    based = st.fixed_dictionaries({}, optional={"base": st.sampled_from(bases), **of})
    kinds = present(
        schedule=schedules,
        store=stores,
        customer=customers,
        coupon=st.one_of(st.fixed_dictionaries({"code": texts}), st.fixed_dictionaries({"series": names})),
        receipt_sum=st.builds(lambda edges, rest: {**edges, **rest}, sums, based),
        quantity=st.builds(lambda edges, of: {**edges, "of": of}, st.one_of(units, weights), product_sets()),
        birthday=given({}, before=st.integers(0, 60).map(str), after=st.integers(0, 60).map(str)),
        personal=st.just(True),
        balance=balances,
        purchases=purchases,
        turnover=turnovers,
        purchase_number=purchase_numbers,
        validity=validities,
        payment=payments,
        register=present(id=choices, channel=choices),
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


def given(required: dict[str, SearchStrategy[Any]], **optional: SearchStrategy[Any]) -> Documents:
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def tiers(draw: st.DrawFn, key: str, numbers: SearchStrategy[str], bases: list[str]) -> dict[str, Any]:
    """Steps in place of a number, with the base they are a sum of."""
    edges = sorted(draw(st.lists(st.integers(0, 10**6), min_size=2, max_size=4, unique=True)))
    steps = [{"from": str(edge), key: draw(numbers)} for edge in edges]
    rest = draw(given({}, base=st.sampled_from(bases), over=product_sets()))
    return {"tiers": steps, **rest}


DISCOUNT_BASES = ["GROSS", "STAGE_ENTRY", "RUNNING"]


def reward(kind: str, *parts: Documents) -> Documents:
    """A reward of one kind from mappings that stand together."""
    return st.tuples(*parts).map(lambda made: {kind: {key: value for part in made for key, value in part.items()}})


anything_of = given({}, of=product_sets())
unit_discounts = st.one_of(
    reward("percent", anything_of, st.one_of(given({"rate": rates}), tiers("rate", rates, DISCOUNT_BASES))),
    reward("amount", anything_of, given({"spread": st.sampled_from(["unit", "line"])}), given({"off": amounts})),
    reward("fixed_price", anything_of, given({"price": amounts})),
)
progressive = tiers("rate", rates, DISCOUNT_BASES).map(lambda made: {**made, "progressive": True})
spread_discounts = st.one_of(
    reward("amount", anything_of, st.one_of(given({"off": amounts}), tiers("off", amounts, DISCOUNT_BASES))),
    reward("percent", anything_of, progressive),
)
discounts = st.one_of(unit_discounts, spread_discounts)

small = st.integers(1, 9).map(str)
one_discount = st.one_of(given({"percent": rates}), given({"amount": amounts}), given({"price": amounts}))
applied = given({}, max_applications=small, share_units=st.booleans())
part = given({}, quantity=small, of=product_sets(), target=st.just(True))
percents = st.lists(rates, min_size=1, max_size=4)
moneys = st.lists(amounts, min_size=1, max_size=4)
set_rewards = st.one_of(
    reward(
        "multi_buy",
        anything_of,
        applied,
        given(
            {"take": st.integers(5, 100).map(str), "pay": st.integers(1, 4).map(str)},
            free=st.sampled_from(["BLOCK_CHEAPEST", "GLOBAL_CHEAPEST"]),
            allocate=st.sampled_from(["SPREAD", "ON_FREE"]),
            count_by=st.sampled_from(["UNITS", "LINES"]),
        ),
    ),
    reward(
        "bundle",
        one_discount,
        applied,
        given({"parts": st.lists(part, min_size=2, max_size=3)}),
        given({}, allocate_to=st.just("ALL")),
    ),
    reward(
        "buy_get",
        one_discount,
        applied,
        given(
            {
                "buy": given({}, quantity=small, of=product_sets()),
                "get": given({}, quantity=st.one_of(small, st.just("ALL")), of=product_sets()),
            },
            reusable_qualifiers=st.booleans(),
        ),
    ),
    reward(
        "ladder",
        anything_of,
        st.one_of(
            given({"rungs": percents}, by=st.just("percent")),
            given({"rungs": moneys, "by": st.sampled_from(["amount", "price"])}),
        ),
        given(
            {},
            after_last=st.sampled_from(["CLAMP", "REPEAT"]),
            order=st.sampled_from(["PRICE_DESC", "PRICE_ASC", "SCAN"]),
            share_units=st.booleans(),
        ),
    ),
)
said = st.dictionaries(
    st.sampled_from(["en", "ru"]),
    st.sampled_from(["-{{discount}}", "{{ promotion }}: {{ points }} of {{ balance }}", "Pay {{to_pay}}"]),
    min_size=1,
)
channels = ["slip", "cashier", "customer_display"]
expiries = st.one_of(
    st.fixed_dictionaries({"days": st.integers(30, 999).map(str)}),
    st.fixed_dictionaries({"date": dates}),
    st.fixed_dictionaries({"end_of_month": st.integers(0, 24).map(str)}),
    st.fixed_dictionaries({"end_of_year": st.integers(0, 3).map(str)}),
)
notices = st.one_of(
    reward(
        "message",
        given({"to": st.sampled_from(channels), "text": said}, priority=st.integers(0, 1000).map(str), barcode=texts),
    ),
    reward("issue_coupon", given({"series": names}, expires=expiries, text=said)),
    reward("gift", given({"sku": one_or_many(names)}, quantity=st.integers(1, 100).map(str), text=said)),
)
subjects = st.sampled_from(["customer", "card", "promotion"])
windows = st.sampled_from(["day", "week", "month", "year", "always"])
on_short = st.sampled_from(["PARTIAL", "SKIP"])


def usage_limits(*measures: Documents) -> SearchStrategy[list[dict[str, Any]]]:
    """Limits of distinct (measure, per, window)."""
    counted = st.builds(
        lambda measure, per, window: {**measure, "per": per, "window": window}, st.one_of(*measures), subjects, windows
    )

    def subject(limit: dict[str, Any]) -> tuple[str, ...]:
        return (*sorted(limit.keys() - {"on_short"}), limit["per"], limit["window"])

    return st.lists(counted, min_size=1, max_size=3, unique_by=subject)


@st.composite
def points(draw: st.DrawFn) -> dict[str, Any]:
    asset = draw(assets)
    fixed = decimals(SCALES[asset], 1, 10**6)
    bases = ["GROSS", "STAGE_ENTRY", "RUNNING", "NET"]
    what = draw(
        st.one_of(
            st.fixed_dictionaries({"percent": rates}),
            st.fixed_dictionaries({"fixed": fixed}),
            tiers("percent", rates, bases),
            tiers("fixed", fixed, bases),
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
                "expires": expiries,
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
            "mode": st.sampled_from(["CASCADE", "BEST", "ADD", "FIRST", "MIN", "OPTIMAL"]),
            "scope": st.sampled_from(["RECEIPT", "LINE"]),
            "priority": priorities,
        },
    ),
)
nudges = st.dictionaries(
    st.sampled_from(["en", "ru"]), st.sampled_from(["{{distance}} more", "{{ promotion }}: {{ distance }}"]), min_size=1
)
messages = present(**{channel: said for channel in channels}, nudge=nudges)
common = {"title": titles, "group": groups, "priority": priorities, "messages": messages}
times = given({"times": small})
money_limits = usage_limits(times, given({"amount": amounts}, on_short=on_short))
priced = {
    **common,
    "when": conditions(DISCOUNT_BASES),
    "allow_free": st.booleans(),
    "cost_floor": st.booleans(),
    "floor": st.one_of(given({"price": amounts}), given({"percent": rates})),
    "exclusive": st.one_of(
        st.sampled_from(["STAGE", "ALL"]),
        given({"over": st.sampled_from(["STAGE", "ALL"])}, scope=st.sampled_from(["UNIT", "RECEIPT"])),
    ),
    "skip_discounted": st.booleans(),
    "on_return": st.sampled_from(["KEEP", "FORBID_PARTIAL"]),
}


def rewarded(rewards: Documents) -> SearchStrategy[list[dict[str, Any]]]:
    return st.builds(
        lambda first, rest: first + rest,
        st.lists(rewards, min_size=1, max_size=3),
        st.lists(notices, max_size=1),
    )


multipliers = st.lists(
    given({"times": decimals(4, 1, 1_000_000)}, when=conditions(DISCOUNT_BASES), **of), min_size=1, max_size=3
)
percent_promotions = given(
    {
        "promotion": names,
        "stage": st.just("item"),
        "reward": rewarded(reward("percent", anything_of, given({"rate": rates}))),
    },
    **priced,
    multiplier=multipliers,
    max_rate=rates,
)
discount_promotions = given(
    {
        "promotion": names,
        "stage": st.sampled_from(["price", "item", "set", "receipt", "coupon", "card"]),
        "reward": rewarded(discounts),
    },
    **priced,
    limits=money_limits,
)
unit_promotions = given(
    {"promotion": names, "stage": st.just("item"), "reward": rewarded(unit_discounts)},
    **priced,
    limits=usage_limits(times, given({"quantity": decimals(3, 1, 10**6)})),
)
set_promotions = given(
    {"promotion": names, "stage": st.just("set"), "reward": rewarded(set_rewards)}, **priced, limits=money_limits
)
points_promotions = given(
    {"promotion": names, "reward": rewarded(points())},
    multiplier=multipliers.map(lambda made: [{key: one[key] for key in one if key != "of"} for one in made]),
    **{**common, "stage": st.just("accrual"), "when": conditions(["GROSS", "RUNNING", "NET"])},
    limits=usage_limits(times),
    on_return=st.sampled_from(["KEEP", "READJUDICATE"]),
)
message_promotions = given(
    {"promotion": names, "reward": st.lists(notices, min_size=1, max_size=2)},
    **{**common, "stage": st.just("message"), "when": conditions(["GROSS", "NET"])},
)


@st.composite
def promotions(draw: st.DrawFn) -> dict[str, Any]:
    """One valid promotion of the whole vocabulary."""
    kinds = [
        percent_promotions,
        discount_promotions,
        unit_promotions,
        set_promotions,
        points_promotions,
        message_promotions,
    ]
    return draw(st.one_of(*kinds))


whole = {"of": product_sets(granted=False)}


@st.composite
def limits(draw: st.DrawFn) -> dict[str, Any]:
    """One valid limit document."""
    made = {"limit": draw(names), **draw(given({}, title=titles, priority=priorities))}
    if draw(st.booleans()):
        most = draw(st.one_of(given({"percent": rates}), given({"amount": amounts})))
        rest = draw(given({"per": st.sampled_from(["receipt", "line"])}, include_points=st.booleans(), **whole))
        return {**made, "cap": {**most, **rest}}
    rules = []
    for _ in range(draw(st.integers(1, 3))):
        asset = draw(assets)
        rules.append(
            draw(
                given(
                    {"asset": st.just(asset)},
                    rate=decimals(4, 1, 10**6),
                    step=decimals(SCALES[asset], 1, 10**4),
                    min=decimals(SCALES[asset], 0, 10**4),
                    up_to_percent=rates,
                    receipt_percent=rates,
                    max=decimals(SCALES[asset], 10**4, 10**6),
                    when=st.just({"customer": {"has_card": True}}),
                    deny_input=st.lists(
                        st.sampled_from(["scan", "manual", "phone", "qr", "phone_code"]), min_size=1, max_size=2
                    ),
                    anonymous=st.just(True),
                    **draw(st.sampled_from([whole, {"except": one_or_many(left_out)}])),
                )
            )
        )
    return {**made, "payment": rules}


roundings = given(
    {"rounding": names, "to": decimals(2, 1, 10_000)},
    title=titles,
    priority=priorities,
    when=st.one_of(
        present(payment=st.just({"type": "cash"}), store=present(id=members), register=present(channel=members)),
        st.fixed_dictionaries({"none": st.just([{"customer": {"has_card": True}}, {"schedule": {"weekdays": "mon"}}])}),
    ),
)


ASSETS = [{"asset": name, "scale": str(scale), "step": "1"} for name, scale in SCALES.items()]


def is_rated(promotion: dict[str, Any]) -> bool:
    """Gives percents or points, and nothing else that could be multiplied."""
    kinds = {kind for one in promotion["reward"] for kind in one} - {"message", "issue_coupon", "gift"}
    return kinds in ({"percent"}, {"points"})


def rate_promotions(rated: list[str]) -> SearchStrategy[list[dict[str, Any]]]:
    """What multiplies some of these; ids begin with a sign no other id begins with."""
    if not rated:
        return st.just([])
    multiplier = given({"times": decimals(4, 1, 1_000_000), "promotion": st.sampled_from(rated)})
    one = given(
        {
            "promotion": st.just("0-multiplies-others"),
            "reward": st.lists(reward("multiplier", multiplier), min_size=1, max_size=8),
        },
        when=conditions(DISCOUNT_BASES),
        messages=st.just({"slip": {"en": "More"}}),
    )
    return st.lists(one, max_size=1)


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Valid documents: three assets, a few promotions, limits and roundings of distinct ids."""
    made = draw(st.lists(promotions(), max_size=3, unique_by=lambda one: one["promotion"]))
    bounds = draw(st.lists(limits(), max_size=2, unique_by=lambda one: one["limit"]))
    rounded = draw(st.lists(roundings, max_size=2, unique_by=lambda one: one["rounding"]))
    rated = [one["promotion"] for one in made if is_rated(one)]
    return [*ASSETS, *made, *draw(rate_promotions(rated)), *bounds, *rounded]


KEYS = [
    "promotion", "asset", "stage", "when", "reward", "all", "any", "none", "schedule", "hours", "from", "to",
    "store", "id", "customer", "has_card", "coupon", "code", "receipt_sum", "quantity", "of", "sku", "except",
    "unit_price", "percent", "rate", "amount", "off", "points", "fixed", "expires", "days", "date", "group",
    "floor", "price", "title", "en", "step", "limit", "cap", "payment", "tiers", "base", "over", "fixed_price",
    "multi_buy", "take", "pay", "bundle", "parts", "buy_get", "buy", "get", "ladder", "rungs", "message", "to", "text",
    "issue_coupon", "series", "exclusive", "limits", "per", "window", "budget", "messages", "slip",
    "birthday", "before", "after", "personal", "favourite", "attribute",
    "balance", "type", "from_percent", "register", "channel", "purchases", "turnover", "purchase_number", "validity",
    "every", "is", "days", "after", "first_use", "sum", "at", "include_current", "count",
    "rounding", "multiplier", "times", "max_rate",
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
