"""Makes a demonstration shop chain out of the published tables (their origin and terms: ``origin.py``).

Decides what a basket looks like to a till. Prices are rebuilt regular prices, in US cents as published (``USD``,
exponent 2): the retailer's own discounts are given back, so that Altyn's promotions have something to do, and are
kept beside the line for information only. Dates move by whole weeks, so that the last day falls on the day asked for
and weekdays stay weekdays; times stay the stores' wall clock.

Exact: the lines of a row add up to the published regular value. When a sum does not divide by the quantity, the row
becomes two lines at adjacent prices, as tills print it. The one exception is fuel, published in thousandths of a
gallon: it is sold here by the litre at the nearest whole cent, at most half a cent a litre away.

Not published and therefore derived, always in the same way: store region (from the id), store format (from the
store's own basket size), register (from the basket), card number (from the household), flags for goods that law or
sense keeps out of promotions. Segments and card types come from the questionnaire and from earlier purchases.

Same arguments, same chain: no clock, no randomness.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from altyn.cli.demo.origin import LAST_DAY, STORE_ZONE, HouseholdRow, ProductRow, SoldRow, StoreRow, Tables

CURRENCY = "USD"
EXPONENT = 2
BASKETS_COUNT = 5_200
STORES_COUNT = 10
WEEKS_COUNT = 11
REGISTERS_PER_STORE_COUNT = 4
PIECE, LITRE = "PIECE", "L"
#: A US gallon in millilitres, times a million.
_GALLON_ML_PPM = 3_785_411_784
#: Shift numbers count days from here, so that they are small and never repeat.
_FIRST_SHIFT_DAY = date(2020, 1, 1)

TOBACCO = frozenset({"CIGARETTES", "CIGARS", "TOBACCO OTHER"})
ALCOHOL = frozenset({"BEERS/ALES", "DOMESTIC WINE", "IMPORTED WINE", "MISC WINE", "LIQUOR"})
FUEL, GIFT_CARDS, UNCLASSIFIED = "FUEL", "GIFT CARDS", "UNCLASSIFIED"
_NO_PROMOTION = frozenset({"no_discount", "no_redeem", "no_accrual", "no_threshold"})


@dataclass(frozen=True, slots=True)
class Product:
    """A SKU of the catalogue. ``price_minor`` is its usual regular price (median of what the baskets paid).

    ``category`` is the published product category (fuel and gift cards, published under one odd name, get their own);
    ``brand`` is Private or National, as published; ``supplier`` the maker's number.
    """

    sku: str
    title: str
    category: str
    department: str
    brand: str
    supplier: str
    unit: str
    price_minor: int
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Store:
    """A store. ``format`` is hypermarket, supermarket or convenience; ``cluster`` tells whether it sells fuel."""

    store_id: str
    title: str
    region: str
    format: str
    cluster: str
    zone: str
    registers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Household:
    """A member of the programme with one card."""

    household_id: str
    card_number: str
    card_type: str
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BasketLine:
    """A line as the till would scan it; ``gross_minor`` is price × quantity, half-up.

    ``retailer_discount_minor`` and ``maker_coupon_minor`` are what the published till took off: information, never a
    request.
    """

    sku: str
    category: str
    brand: str
    supplier: str
    quantity_milli: int
    unit: str
    price_minor: int
    gross_minor: int
    flags: frozenset[str]
    retailer_discount_minor: int
    maker_coupon_minor: int


@dataclass(frozen=True, slots=True)
class Basket:
    """One receipt. ``sold_at`` is aware, in the store's zone."""

    basket_id: str
    store_id: str
    register_id: str
    shift_number: int
    receipt_number: int
    sold_at: datetime
    household_id: str
    card_number: str
    lines: tuple[BasketLine, ...]

    @property
    def gross_minor(self) -> int:
        """The receipt at regular prices."""
        return sum(line.gross_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class Dataset:
    """The chain: baskets by time, and exactly the facts they need."""

    baskets: tuple[Basket, ...]
    products: tuple[Product, ...]
    stores: tuple[Store, ...]
    households: tuple[Household, ...]


def load(
    last_day: date,
    *,
    baskets_count: int = BASKETS_COUNT,
    stores_count: int = STORES_COUNT,
    weeks_count: int = WEEKS_COUNT,
    seed: int = 1,
) -> Dataset:
    """The chain as if its last published day had been ``last_day``: give yesterday. About three seconds.

    The busiest ``stores_count`` stores of ``weeks_count`` weeks, and of their baskets a seeded sample of at most
    ``baskets_count``. Raises origin.DatasetMissing, ValueError.
    """
    if not 1 <= weeks_count <= 40:
        raise ValueError("weeks_count: 1 to 40, the published year must also hold the weeks before")
    published_last = LAST_DAY - timedelta(days=(LAST_DAY.weekday() - last_day.weekday()) % 7)
    with Tables(
        last_day=published_last,
        weeks_count=weeks_count,
        stores_count=stores_count,
        baskets_count=baskets_count,
        seed=seed,
    ) as tables:
        sold, product_rows = tables.sold(), tables.products()
        household_rows, store_rows = tables.households(), tables.stores()
    kinds = {row.product_id: _kind(row) for row in product_rows}
    households = {row.household_id: household for row, household in _households(household_rows)}
    baskets = tuple(_baskets(sold, kinds, households, last_day - published_last))
    return Dataset(
        baskets=baskets,
        products=_products(product_rows, kinds, baskets),
        stores=tuple(_store(row, store_rows) for row in store_rows),
        households=tuple(households.values()),
    )


def stable_number(text: str, below: int) -> int:
    """A number in [0, below) that depends on the text alone, on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % below


def card_number(household_id: int) -> str:
    """Sixteen digits for a household, the last a Luhn check digit."""
    body = f"2900{stable_number(f'card:{household_id}', 10**11):011d}"
    total = 0
    for place, digit in enumerate(map(int, reversed(body))):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return body + str(-total % 10)


# GOODS


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a line takes from its product."""

    sku: str
    category: str
    brand: str
    supplier: str
    is_fuel: bool
    flags: frozenset[str]


def _kind(row: ProductRow) -> _Kind:
    is_fuel = row.kind.startswith("GASOLINE")
    is_gift_card = "GIFT CARD" in row.kind
    category = row.category or UNCLASSIFIED
    if is_fuel or is_gift_card:
        category = FUEL if is_fuel else GIFT_CARDS
    flags: frozenset[str] = frozenset()
    if category in TOBACCO:
        flags = _NO_PROMOTION | {"excise"}
    elif is_gift_card:
        flags = _NO_PROMOTION
    elif category in ALCOHOL:
        flags = frozenset({"excise"})
    return _Kind(str(row.product_id), category, row.brand, f"m{row.manufacturer_id}", is_fuel, flags)


def _products(rows: list[ProductRow], kinds: dict[int, _Kind], baskets: tuple[Basket, ...]) -> tuple[Product, ...]:
    prices: dict[str, list[int]] = {}
    units: dict[str, str] = {}
    for basket in baskets:
        for line in basket.lines:
            prices.setdefault(line.sku, []).append(line.price_minor)
            # Fuel is now and then sold as a prepaid amount, one piece of it; the litre is its unit.
            units[line.sku] = LITRE if LITRE in (line.unit, units.get(line.sku)) else line.unit
    products = []
    for row in rows:
        kind = kinds[row.product_id]
        paid = sorted(prices[kind.sku])
        title = " ".join((row.kind or row.category or f"Product {row.product_id}").title().split())
        products.append(
            Product(
                sku=kind.sku,
                title=f"{title}, {row.package_size.lower()}" if row.package_size else title,
                category=kind.category,
                department=row.department or UNCLASSIFIED,
                brand=kind.brand,
                supplier=kind.supplier,
                unit=units[kind.sku],
                price_minor=paid[len(paid) // 2],
                flags=kind.flags,
            )
        )
    return tuple(products)


def _lines(row: SoldRow, kind: _Kind) -> Iterator[BasketLine]:
    """The one or two lines of a published row; discounts of the published till stay with the first."""
    discounts = (row.retail_discount_minor, row.maker_coupon_minor)
    for quantity_milli, unit, price_minor in _parts(row, kind):
        yield BasketLine(
            sku=kind.sku,
            category=kind.category,
            brand=kind.brand,
            supplier=kind.supplier,
            quantity_milli=quantity_milli,
            unit=unit,
            price_minor=price_minor,
            gross_minor=(price_minor * quantity_milli + 500) // 1000,
            flags=kind.flags,
            retailer_discount_minor=discounts[0],
            maker_coupon_minor=discounts[1],
        )
        discounts = (0, 0)


def _parts(row: SoldRow, kind: _Kind) -> Iterator[tuple[int, str, int]]:
    """(quantity in thousandths, unit, price) so that price × quantity gives the published sum."""
    # A pumped thousandth of a gallon costs less than a cent; a prepaid amount is one piece of many dollars.
    if kind.is_fuel and row.regular_minor < row.quantity:
        litres_milli = (row.quantity * _GALLON_ML_PPM // 1_000_000 + 500) // 1000
        price_minor = (row.regular_minor * 1000 + litres_milli // 2) // litres_milli
        yield litres_milli, LITRE, max(1, price_minor)
        return
    price_minor, dearer_count = divmod(row.regular_minor, row.quantity)
    if dearer_count:
        yield dearer_count * 1000, PIECE, price_minor + 1
    if price_minor:
        yield (row.quantity - dearer_count) * 1000, PIECE, price_minor


# BASKETS


def _baskets(
    sold: list[SoldRow], kinds: dict[int, _Kind], households: dict[int, Household], shift: timedelta
) -> Iterator[Basket]:
    """Baskets in order of time; rows arrive in that order, a basket's rows together."""
    numbers: dict[tuple[str, int], int] = {}
    rows: list[SoldRow] = []
    for number, row in enumerate(sold):
        rows.append(row)
        if number + 1 < len(sold) and sold[number + 1].basket_id == row.basket_id:
            continue
        wall = row.sold_at.replace(tzinfo=ZoneInfo("UTC")).astimezone(STORE_ZONE).replace(tzinfo=None) + shift
        store_id = _store_id(row.store_id)
        register = stable_number(f"register:{row.basket_id}", REGISTERS_PER_STORE_COUNT)
        register_id = _register_id(row.store_id, register)
        shift_number = (wall.date() - _FIRST_SHIFT_DAY).days
        receipt_number = numbers.get((register_id, shift_number), 0) + 1
        numbers[register_id, shift_number] = receipt_number
        household = households[row.household_id]
        yield Basket(
            basket_id=str(row.basket_id),
            store_id=store_id,
            register_id=register_id,
            shift_number=shift_number,
            receipt_number=receipt_number,
            sold_at=wall.replace(tzinfo=STORE_ZONE),
            household_id=household.household_id,
            card_number=household.card_number,
            lines=tuple(line for each in rows for line in _lines(each, kinds[each.product_id])),
        )
        rows = []


# STORES AND HOUSEHOLDS


def _store_id(store_id: int) -> str:
    return f"store-{store_id}"


def _register_id(store_id: int, register: int) -> str:
    return f"till-{store_id}-{register + 1}"


def _store(row: StoreRow, every: list[StoreRow]) -> Store:
    larger = sum(
        other.lines_count * row.baskets_count > row.lines_count * other.baskets_count
        for other in every
        if other is not row
    )
    return Store(
        store_id=_store_id(row.store_id),
        title=f"Store {row.store_id}",
        region=("north", "east", "south", "west")[stable_number(f"region:{row.store_id}", 4)],
        format=("hypermarket", "supermarket", "convenience")[larger * 3 // len(every)],
        cluster="fuel" if row.sells_fuel else "city",
        zone=STORE_ZONE.key,
        registers=tuple(_register_id(row.store_id, number) for number in range(REGISTERS_PER_STORE_COUNT)),
    )


def _households(rows: list[HouseholdRow]) -> Iterator[tuple[HouseholdRow, Household]]:
    by_spending = sorted(rows, key=lambda row: (-row.spent_minor, row.household_id))
    rank = {row.household_id: place for place, row in enumerate(by_spending)}
    for row in rows:
        yield (
            row,
            Household(
                household_id=str(row.household_id),
                card_number=card_number(row.household_id),
                # The tenth of households that spent most in the weeks before carry gold cards.
                card_type="gold" if row.spent_minor and rank[row.household_id] * 10 < len(rows) else "standard",
                segments=tuple(_segments(row)),
            ),
        )


def _segments(row: HouseholdRow) -> Iterator[str]:
    if row.age == "65+":
        yield "seniors"
    if row.age in ("19-24", "25-34"):
        yield "young"
    if row.kids_count in ("1", "2", "3+"):
        yield "families"
    if row.income in ("Under 15K", "15-24K"):
        yield "low-income"
    if not row.age:
        yield "no-profile"
    if row.visits_count >= 16:
        yield "regulars"
    if row.visits_count == 0:
        yield "sleeping"
