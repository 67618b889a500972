"""The demonstration's loader, on a chain of one store, and the command that checks the audit log it leaves."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import orjson
import pytest

from altyn.cli.demo.dataset import PIECE, Dataset, Household, Product, Store
from altyn.cli.demo.load import Loaded, load_chain, programme
from altyn.cli.main import app
from altyn.infra.database import connect
from altyn.infra.settings import Settings

CHAIN = Dataset(
    baskets=(),
    products=(
        Product("1", "Milk", "FLUID MILK PRODUCTS", "GROCERY", "Private", "m1", PIECE, 199, frozenset()),
        Product("2", "Cigars", "CIGARS", "GROCERY", "National", "m2", PIECE, 999, frozenset({"no_discount", "excise"})),
    ),
    stores=(Store("store-1", "Store 1", "north", "hypermarket", "city", "America/New_York", ("till-1-1", "till-1-2")),),
    households=(
        Household("1", "2900000000000001", "gold", ("regulars", "families")),
        Household("2", "2900000000000002", "standard", ()),
    ),
)


def load(settings: Settings) -> Loaded:
    return asyncio.run(load_chain(settings, settings.postgres_dsn, settings.redis_url, CHAIN))


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    async def ask() -> list[tuple[Any, ...]]:
        connection = await connect(settings.postgres_dsn, name="test")
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_load_twice_writes_the_chain_and_its_programme_once(settings: Settings) -> None:
    first = load(settings)
    again = load(settings)
    assert (first.rules_version, again.rules_version, again.feed_version) == (1, 1, 0)
    assert first.keys == again.keys
    assert first.coupons == again.coupons
    codes = rows(settings, "SELECT series, count(*) FROM coupon_codes JOIN coupon_series USING (series_no) GROUP BY 1")
    assert sorted(codes) == [(series, len(codes)) for series, codes in sorted(first.coupons.items())]
    assert rows(settings, "SELECT sku, flags FROM products ORDER BY sku") == [("1", 0), ("2", 65)]
    assert rows(settings, "SELECT count(*), count(DISTINCT account_id) FROM customers") == [(2, 2)]
    assert rows(settings, "SELECT state, count(*) FROM cards GROUP BY state") == [("ACTIVE", 2)]
    assert rows(settings, "SELECT segment FROM customer_segments ORDER BY 1") == [("families",), ("regulars",)]
    promotions = sum("asset" not in document for document in programme())
    assert rows(settings, "SELECT count(*) FROM promotions WHERE state = 'ACTIVE'") == [(promotions,)]
    key = first.key("store-1", "till-1-2")
    known = rows(settings, "SELECT key_hash FROM register_credentials WHERE register_id = 'till-1-2'")
    assert known == [(hashlib.sha256(key.encode()).digest(),)]


def test_audit_command_finds_the_loaded_chain_sound_and_an_edited_row(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load(settings)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)

    def verified() -> tuple[object, dict[str, Any]]:
        with pytest.raises(SystemExit) as ended:
            app(["audit", "verify", "--json"])
        return ended.value.code, orjson.loads(capsys.readouterr().out.splitlines()[-1])

    status, sound = verified()
    assert (status, sound["violations"]) == (0, 0)
    assert sound["checks"] > 10
    rows(settings, "ALTER TABLE audit_log DISABLE TRIGGER audit_log_immutable")
    rows(settings, "UPDATE audit_log SET actor = 'nobody' WHERE audit_no = 5")
    status, spoiled = verified()
    assert (status, spoiled["violations"]) == (1, 1)
