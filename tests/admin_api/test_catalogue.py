"""The import of products, and assets."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from tests.admin_api.desk import Desk

NDJSON = {"content-type": "application/x-ndjson"}


def lines(*rows: dict[str, Any]) -> bytes:
    return b"\n".join(map(orjson.dumps, rows))


async def imported(desk: Desk, content: bytes, kind: str = "application/x-ndjson", query: str = "") -> httpx.Response:
    return await desk.post(f"/v1/products/import{query}", content=content, headers={"content-type": kind})


async def test_import_repeated_writes_nothing_and_changes_write_new_rows_only(desk: Desk) -> None:
    rows = [{"sku": f"p{number}", "title": f"Товар {number}", "group_id": "g"} for number in range(50)]
    first = (await imported(desk, lines(*rows))).json()
    assert (first["rows_count"], first["changed_count"], first["wrong_count"]) == (50, 50, 0)
    again = (await imported(desk, lines(*rows))).json()
    assert (again["changed_count"], again["feed_version"]) == (0, 0)
    changed = (await imported(desk, lines(rows[0] | {"group_id": "h"}, rows[1] | {"deleted": True}, *rows[2:]))).json()
    assert changed["changed_count"] == 2
    history = await desk.rows(
        "SELECT sku, group_id, deleted, version FROM products WHERE sku < 'p10' ORDER BY version, sku"
    )
    assert [tuple(row)[:3] for row in history] == [
        ("p0", "g", False),
        ("p1", "g", False),
        ("p0", "h", False),
        ("p1", "g", True),
    ]
    assert (await desk.get("/v1/products/p1")).json()["reason"] == "PRODUCT_UNKNOWN"
    assert await desk.deeds() == ["catalogue.import", "catalogue.import"]


async def test_attributes_are_imported_from_both_kinds_of_files_and_told(desk: Desk) -> None:
    rows = [{"sku": "a", "attributes": {"size": "38/40", "colour": "red"}}, {"sku": "b"}]
    assert (await imported(desk, lines(*rows))).json()["changed_count"] == 2
    same = b"sku,attributes\na,colour=red;size=38/40\nb,\n"
    assert (await imported(desk, same, "text/csv")).json()["changed_count"] == 0
    assert (await desk.get("/v1/products/a")).json()["attributes"] == {"colour": "red", "size": "38/40"}
    assert (await desk.get("/v1/products/b")).json()["attributes"] == {}
    assert [tuple(row) for row in await desk.rows("SELECT sku, attributes FROM products ORDER BY sku")] == [
        ("a", ["colour=red", "size=38/40"]),
        ("b", []),
    ]


async def test_attributes_that_cannot_be_are_told_by_row(desk: Desk) -> None:
    wrong = [{"Colour": "red"}, {"a": ""}, {"a": " x"}, {"a": "x" * 65}, {f"a{n}": "x" for n in range(17)}, "colour"]
    found = (await imported(desk, lines(*({"sku": f"p{n}", "attributes": one} for n, one in enumerate(wrong))))).json()
    assert (found["wrong_count"], found["changed_count"]) == (6, 0)
    assert all(one["path"].startswith("attributes") for one in found["problems"])
    twice = (await imported(desk, b"sku,attributes\na,a=1;a=2\n", "text/csv")).json()
    assert twice["wrong_count"] == 1


async def test_import_with_wrong_rows_takes_the_others_and_tells_each(desk: Desk) -> None:
    content = b"\n".join(
        [
            lines({"sku": "a", "no_discount": True, "excise": True, "min_price_minor": 990}),
            b"{not json",
            b"[1]",
            lines({"sku": "a"}, {"sku": "b", "colour": 1}, {"title": "no sku"}, {"sku": "c", "vat_code": -1}),
            b"",
            lines({"sku": "d"}),
        ]
    )
    found = (await imported(desk, content)).json()
    assert (found["rows_count"], found["changed_count"], found["wrong_count"]) == (8, 2, 6)
    assert [(one["row"], one["path"], one["code"]) for one in found["problems"]] == [
        (2, "", "BAD_SYNTAX"),
        (3, "", "BAD_SYNTAX"),
        (4, "sku", "DUPLICATE_ID"),
        (5, "colour", "UNKNOWN_KEY"),
        (6, "sku", "REQUIRED"),
        (7, "vat_code", "BAD_FORMAT"),
    ]
    product = (await desk.get("/v1/products/a")).json()
    assert (product["flags"], product["min_price_minor"]) == (["no_discount", "excise"], 990)


async def test_import_all_or_nothing_takes_nothing_with_a_wrong_row(desk: Desk) -> None:
    refused = await imported(desk, lines({"sku": "a"}, {"sku": ""}), query="?all_or_nothing=true")
    assert (refused.status_code, refused.json()["reason"]) == (422, "IMPORT_REFUSED")
    assert refused.json()["problems"][0]["path"] == "row[2].sku"
    assert await desk.rows("SELECT FROM products") == []


async def test_import_of_csv_reads_quotes_and_leaves_empty_fields_out(desk: Desk) -> None:
    content = '\ufeffsku,title,no_accrual,min_price_minor\na,"Milk, 1 l",true,\nb,,,100\nc,too,many,1,2\n'
    found = (await imported(desk, content.encode(), "text/csv; charset=utf-8")).json()
    assert (found["changed_count"], found["problems"][0]["row"]) == (2, 3)
    page = (await desk.get("/v1/products")).json()["products"]
    assert [(one["title"], one["flags"], one["min_price_minor"]) for one in page] == [
        ("Milk, 1 l", ["no_accrual"], 0),
        ("", [], 100),
    ]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"title\nx", "text/csv"),
        (b"sku,colour\nx,y", "text/csv"),
        (b"", "text/csv"),
        (b"\xff", "text/csv"),
        (b"{}", "text/plain"),
    ],
)
async def test_import_of_something_else_is_refused(desk: Desk, content: bytes, kind: str) -> None:
    assert (await imported(desk, content, kind)).json()["reason"] == "IMPORT_UNREADABLE"


async def test_products_are_listed_by_group_and_page(desk: Desk) -> None:
    await imported(desk, lines(*({"sku": f"p{number}", "group_id": "ab"[number % 2]} for number in range(5))))
    page = (await desk.get("/v1/products?group_id=a&limit=2")).json()
    assert ([one["sku"] for one in page["products"]], page["next_after"]) == (["p0", "p2"], "p2")
    named = await desk.put("/v1/product-groups/a", json={"title": "Dairy"})
    assert named.json()["feed_version"] > 0


async def test_asset_keeps_its_number_and_its_scale(desk: Desk) -> None:
    first = (await desk.put("/v1/assets/bonus", json={"title": {"en": "Points", "ru": "Баллы"}})).json()
    assert (first["asset_no"], first["scale"], first["step_points"]) == (1, 2, 1)
    assert (await desk.put("/v1/assets/miles", json={"scale": 0})).json()["asset_no"] == 2
    changed = (await desk.put("/v1/assets/bonus", json={"title": {"en": "Points"}, "step_points": 100})).json()
    assert (changed["asset_no"], changed["step_points"]) == (1, 100)
    assert (await desk.put("/v1/assets/bonus", json={"scale": 0})).json()["reason"] == "SCALE_FIXED"
    assert (await desk.put("/v1/assets/Big Name", json={})).json()["reason"] == "ASSET_INVALID"
    assert [one["asset"] for one in (await desk.get("/v1/assets")).json()["assets"]] == ["bonus", "miles"]
    assert (await desk.get("/v1/assets/bonus")).json()["title"] == {"en": "Points"}
    assert (await desk.get("/v1/assets/none")).json()["reason"] == "ASSET_UNKNOWN"


async def test_points_are_written_in_the_scale_the_asset_has(desk: Desk) -> None:
    await desk.put("/v1/assets/miles", json={"scale": 0})
    finer = {"promotion": "m", "reward": [{"points": {"asset": "miles", "fixed": "1.5"}}]}
    assert (await desk.post("/v1/promotions", json=finer)).json()["problems"][0]["code"] == "TOO_PRECISE"
