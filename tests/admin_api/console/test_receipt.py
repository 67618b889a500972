"""The page of a stored receipt: its lines in words, and that deciding it again gives the same."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from uuid import UUID

from altyn.admin_api.edge.rights import Grant
from altyn.core.engine import Record
from altyn.journal.v1 import record_pb2 as journal
from altyn.server.journal import Journal
from tests.admin_api.console.browser import Browser
from tests.admin_api.desk import STORE, Desk
from tests.cli.backtest.test_backtest import DOCUMENT, PAST, SHA256

FIRST = next(record for record in PAST.records if record.seq == 4)


async def sold(desk: Desk, dsn: str, records: list[Record]) -> None:
    """The small shop's past in the journal, projected, with its release."""
    assert hashlib.sha256(DOCUMENT).digest() == SHA256
    await desk.rows(
        "INSERT INTO rules_release (tenant, version, sha256, document, effective_at, published_by)"
        " VALUES ('demo', 1, $1, $2, $3, 'test')",
        SHA256,
        DOCUMENT,
        datetime(2020, 1, 1, tzinfo=UTC),
    )
    writer = await Journal.open(dsn, 0, "test")
    for record in records:
        writer.append(record)
    await writer.close()
    while await desk.office.projector.turn():
        pass


def altered(record: Record) -> Record:
    body = journal.Record.FromString(record.body)
    body.evidence.store.region = "spb"
    keys = record.natural_key, record.receipt_key, record.instant_us
    return Record(record.seq, record.op_id, record.kind, *keys, body.SerializeToString())


async def test_receipt_is_shown_in_words_and_replayed_equal(browser: Browser, desk: Desk, schema_dsn: str) -> None:
    await sold(desk, schema_dsn, PAST.records)
    page = await browser.get("/console/receipts")
    assert "Receipts" in page.text and "144.00" not in page.text
    page = await browser.get("/console/receipts/4")
    assert page.status == 200
    for text in ("Replayed: equal", "byte for byte", "loaf", "bakery", "friends", "store s1, register r1", "journal 4"):
        assert text in page.text, text
    # 5.00 by the bakery, then 1 % of the rest to friends: 143.55 of 150.00
    assert "143.55" in page.text and "6.45" in page.text
    assert "segments at that moment: friends" in page.text and 'href="/console/customers/7"' in page.html


async def test_receipt_is_found_by_place_and_by_operation(browser: Browser, desk: Desk, schema_dsn: str) -> None:
    await sold(desk, schema_dsn, PAST.records)
    for asked in ("4", str(UUID(bytes=FIRST.op_id))):
        page = await browser.get(f"/console/receipts?find={asked}")
        assert page.path == "/console/receipts/4"
    for asked in ("1", "900", str(UUID(int=1)), "nonsense"):
        page = await browser.get(f"/console/receipts?find={asked}")
        assert page.status == 404 and "no such receipt" in page.text


async def test_receipt_that_differs_is_marked(browser: Browser, desk: Desk, schema_dsn: str) -> None:
    await sold(desk, schema_dsn, [altered(one) if one.seq == 4 else one for one in PAST.records])
    page = await browser.get("/console/receipts/4")
    assert "Replayed: different" in page.text and "Replayed: equal" not in page.text
    assert "143.55" in page.text


async def test_page_is_told_in_russian(browser: Browser, desk: Desk, schema_dsn: str) -> None:
    await sold(desk, schema_dsn, PAST.records)
    await browser.get("/console/choose/language/ru")
    page = await browser.get("/console/receipts/4")
    assert "Пересчитан: совпадает" in page.text and "143,55" in page.text


async def test_hold_before_payment_says_that_it_is_no_sale(browser: Browser, desk: Desk, schema_dsn: str) -> None:
    await sold(desk, schema_dsn, PAST.records)
    page = await browser.get("/console/receipts/2")
    assert "not the sale itself" in page.text and "Replayed: equal" in page.text


async def test_role_in_another_store_sees_neither_the_list_nor_the_receipt(
    stranger: Browser, desk: Desk, schema_dsn: str
) -> None:
    await sold(desk, schema_dsn, PAST.records)
    await desk.put("/v1/stores/s1", json=STORE)
    await desk.put("/v1/stores/other", json=STORE | {"region": "spb"})
    for store, status, listed in (("s1", 200, True), ("other", 403, False)):
        token = await desk.token_of("anna", Grant("STORE_DIRECTOR", "STORE", store))
        stranger.client.cookies.set("altyn_session", token)
        assert (await stranger.get("/console/receipts/4")).status == status
        assert ("/console/receipts/4" in (await stranger.get("/console/receipts")).html) == listed
