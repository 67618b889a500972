"""Reports: the sums by day are those of the receipts themselves, and everybody sees those of their own stores."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import pytest

from altyn.admin_api import projector
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.projector import Projector
from altyn.admin_api.reports.definitions import REPORTS, By
from altyn.admin_api.reports.schemas import ReportOut
from altyn.admin_api.reports.sheets import as_csv, as_workbook
from altyn.journal.v1 import record_pb2 as journal_pb2
from altyn.pos.v1 import outcome_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.admin_api.desk import STORE, TEN, Desk
from tests.admin_api.journal import Journal

DAY_US = 86_400_000_000
SPAN = "from_day=2027-01-01&to_day=2027-02-28"
DAYS = (
    *("receipt_days", "return_days", "promotion_days", "promotion_network_days", "promotion_store_days"),
    *("points_days", "coupon_days"),
)


def sold(journal: Journal, seq: int, store_id: str = "s1", days: int = 0, customer: bool = True) -> journal_pb2.Record:
    record = journal.commit(seq)
    record.request.receipt.store_id = store_id
    record.evidence.store_wall_us += days * DAY_US
    if not customer:
        record.evidence.ClearField("customer")
    return record


def voided(journal: Journal, seq: int, sale: journal_pb2.Record) -> journal_pb2.Record:
    """All of a sale taken back."""
    record = journal.accrual(seq, account_id=7, points=-95)
    record.kind = pos.OPERATION_KIND_CANCEL
    record.effects.entries[0].kind = journal_pb2.ENTRY_KIND_CLAWBACK
    told = sale.request.receipt
    record.request.cancel.CopyFrom(
        pos.CancelReceiptRequest(
            store_id=told.store_id, register_id="r1", shift_number=3, receipt_number=told.receipt_number
        )
    )
    record.evidence.original.seq = sale.seq
    record.effects.returned.lines.add(line_no=1, qty_milli=2000, refund_minor=8820)
    record.reply = pos.CancelReceiptResponse(status=outcome_pb2.STATUS_OK).SerializeToString()
    return record


@pytest.fixture(autouse=True)
async def written(desk: Desk) -> Journal:
    """Two stores of two regions: four receipts on three days, one of them voided; points by hand; codes."""
    await desk.put("/v1/stores/s1", json=STORE)
    await desk.put("/v1/stores/s2", json=STORE | {"title": "=Second", "region": "spb"})
    await desk.put("/v1/assets/bonus", json={"scale": 2})
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    journal = await Journal.open(desk.office.pool)
    first = sold(journal, 1)
    await journal.append(
        first,
        sold(journal, 2, "s2", days=1),
        sold(journal, 3, "s2", days=1, customer=False),
        voided(journal, 4, first),
        journal.accrual(5, account_id=7, points=1_000),
        journal.issued(6, b"i" * 16),
        sold(journal, 7, days=30),
    )
    while await desk.office.projector.turn():
        pass
    return journal


async def report(desk: Desk, name: str, query: str = "", token: str = "") -> dict[str, Any]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = await desk.get(f"/v1/reports/{name}?{SPAN}{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def rows(found: dict[str, Any], *names: str) -> dict[str, list[int]]:
    """Key → values of these columns."""
    places = [[column["name"] for column in found["columns"]].index(name) for name in names]
    return {row["key"]: [row["values"][place] for place in places] for row in found["rows"]}


async def test_summary_adds_up_receipts_and_returns_by_day_and_place(desk: Desk) -> None:
    by_day = await report(desk, "summary", "&by=DAY")
    wanted = ("receipts_count", "member_receipts_count", "gross_minor", "to_pay_minor", "average_minor")
    assert rows(by_day, *wanted) == {
        "2027-01-15": [0, 0, 0, 0, 0],  # the void alone
        "2027-01-16": [2, 2, 21_400, 19_040, 9_520],
        "2027-01-17": [2, 1, 21_400, 19_040, 9_520],
        "2027-02-15": [1, 1, 10_700, 9_520, 9_520],
    }
    assert rows(by_day, "returns_count", "voids_count", "refund_minor")["2027-01-15"] == [0, 1, 8_820]
    by_region = await report(desk, "summary", "&by=REGION")
    assert rows(by_region, "receipts_count", "voids_count") == {"msk": [3, 1], "spb": [2, 0]}
    assert [row["title"] for row in (await report(desk, "summary", "&by=STORE"))["rows"]] == ["First", "=Second"]
    months = await report(desk, "summary", "&by=MONTH&store_id=s1")
    assert rows(months, "receipts_count") == {"2027-01": [2], "2027-02": [1]}
    assert (by_day["totals"][0], by_day["totals"][7], by_day["exponent"]) == (5, 9_520, 2)


async def test_promotions_points_coupons_and_exceptions_are_counted(desk: Desk) -> None:
    promotions = await report(desk, "promotions")
    assert rows(promotions, "receipts_count", "discount_minor") == {"ten": [5, 5_000], "two": [5, 900]}
    assert promotions["rows"][0]["title"] == "Ten percent"
    points = await report(desk, "points", "&by=STORE")
    assert {row["key"]: (row["asset"], row["scale"]) for row in points["rows"]} == {
        "": ("bonus", 2), "s1": ("bonus", 2), "s2": ("bonus", 2)
    }  # fmt: skip
    assert rows(points, "accrued_points", "clawed_back_points") == {"": [1_000, 0], "s1": [285, 95], "s2": [190, 0]}
    coupons = await report(desk, "coupons")
    assert rows(coupons, "issued_count", "used_count") == {"#1": [1, 0], "#2": [0, 1]}
    assert rows(await report(desk, "exceptions"), "found_count", "open_count") == {"SKU_UNKNOWN": [5, 5]}


async def test_sums_by_day_are_those_of_the_receipts_however_they_were_projected(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = [await desk.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in DAYS]
    assert all(once)
    monkeypatch.setattr(projector, "ROWS_PER_TURN_MAX", 1)
    tables = ("receipts", "receipt_lines", "receipt_discounts", "receipt_returns", "exceptions", "coupon_changes")
    async with desk.office.connected() as connection:
        for table in (*tables, "ledger_entries", *DAYS):
            await connection.execute(f"DELETE FROM {table}")
        await connection.execute("UPDATE projector_checkpoint SET seq = 0")
    again = Projector(desk.office.pool)
    while await again.turn():
        pass
    assert [await desk.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in DAYS] == once
    async with desk.office.connected() as connection:
        # What a database that had receipts before the sums were kept gets when it is migrated.
        for table in DAYS:
            await connection.execute(f"DELETE FROM {table}")
        await connection.execute("SELECT add_report_days(0, 7)")
    assert [await desk.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in DAYS] == once


async def test_sums_of_promotions_without_stores_and_of_stores_without_promotions_are_those_of_both(desk: Desk) -> None:
    """Whichever of the tables a report reads: of all stores, of each, or of those in reach."""
    sums = "sum(receipts_count), sum(lines_count), sum(discount_minor)"
    for name, table in (("promotion_id", "promotion_network_days"), ("store_id", "promotion_store_days")):
        whole = await desk.rows(f"SELECT day, {name}, {sums} FROM promotion_days GROUP BY 1, 2 ORDER BY 1, 2")
        kept = await desk.rows(f"SELECT * FROM {table} ORDER BY 1, 2")
        assert [tuple(row) for row in kept] == [tuple(row) for row in whole] and kept
    everywhere = await report(desk, "promotions")
    token = await desk.token_of("oleg", *(Grant("STORE_DIRECTOR", "STORE", store) for store in ("s1", "s2")))
    assert (await report(desk, "promotions", "", token))["rows"] == everywhere["rows"] != []
    of_each = [await report(desk, "promotions", f"&store_id={store}") for store in ("s1", "s2")]
    totals = [sum(one["totals"][place] for one in of_each) for place in range(3)]
    assert totals == everywhere["totals"] == (await report(desk, "promotions", "&by=DAY"))["totals"]


async def test_who_sees_every_store_reads_what_the_whole_network_reads(desk: Desk) -> None:
    """Without stores in the query and with them: the one who may see all is not joined with what they are."""
    token = await desk.token_of("oleg", *(Grant("STORE_DIRECTOR", "STORE", store) for store in ("s1", "s2")))
    for name in ("summary", "promotions", "exceptions"):
        for by in REPORTS[name].by:
            whole, narrow = [await report(desk, name, f"&by={by}", *more) for more in ((), (token,))]
            assert whole["rows"] == narrow["rows"] != [], (name, by)
            assert whole["totals"] == narrow["totals"]


async def test_narrow_right_sees_its_stores_alone(desk: Desk) -> None:
    token = await desk.token_of("vera", Grant("STORE_DIRECTOR", "STORE", "s2"))
    found = await report(desk, "summary", "&by=STORE", token)
    assert rows(found, "receipts_count") == {"s2": [2]}
    region = await desk.token_of("oleg", Grant("STORE_DIRECTOR", "REGION", "msk"))
    assert rows(await report(desk, "promotions", "&by=STORE", region), "receipts_count") == {"s1": [6]}
    refused = await desk.get(f"/v1/reports/coupons?{SPAN}", headers={"authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json()["reason"]) == (422, "REPORT_WRONG")


@pytest.mark.parametrize(
    ("name", "query", "status", "path"),
    [
        ("sales", SPAN, 404, "report"),
        ("summary", f"{SPAN}&by=SERIES", 422, "by"),
        ("summary", "from_day=2027-02-01&to_day=2027-01-01", 422, "to_day"),
        ("summary", "from_day=2020-01-01&to_day=2027-01-01", 422, "to_day"),
        ("summary", "from_day=2027-02-31&to_day=2027-03-01", 422, "from_day"),
        ("coupons", f"{SPAN}&store_id=s1", 422, "store_id"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(
    desk: Desk, name: str, query: str, status: int, path: str
) -> None:
    answer = await desk.get(f"/v1/reports/{name}?{query}")
    assert answer.status_code == status and path in answer.text


async def test_every_report_goes_by_all_it_says(desk: Desk) -> None:
    kinds = {one["report"]: one["by"] for one in (await desk.get("/v1/reports")).json()["reports"]}
    assert kinds == {one.name: [by.value for by in one.by] for one in REPORTS.values()}
    for name, keys in kinds.items():
        for by in keys:
            found = await report(desk, name, f"&by={by}")
            assert found["rows"] and not found["is_cut"]


async def test_files_hold_the_same_numbers_and_no_formulas(desk: Desk) -> None:
    found = ReportOut.model_validate(await report(desk, "summary", "&by=STORE"))
    assert found.by is By.STORE and found.to_day - found.from_day > timedelta(50)
    told = list(csv.reader(io.StringIO(as_csv(found, str.upper).decode("utf-8-sig"))))
    assert told[0][:3] == ["STORE", "TITLE", "RECEIPTS_COUNT"]
    assert told[2][:3] == ["s2", "'=Second", "2"] and told[2][5] == "214.00"
    assert told[-1][0] == "TOTAL"
    with zipfile.ZipFile(io.BytesIO(as_workbook(found, str.upper))) as book:
        sheet, texts = (book.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet1", "sharedStrings"))
    assert "<t>=Second</t>" in texts and "<f>" not in sheet
    assert re.findall(r'<c r="[CF]3"[^>]*><v>([^<]*)</v>', sheet) == ["2", "214"]
