"""Static segments: lists that are filled by id or card, by thousands, and kept while rules name them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.admin_api.desk import POINTS, Desk
from tests.admin_api.test_customers import CARD, newcomer

CSV = {"content-type": "text/csv"}
NDJSON = {"content-type": "application/x-ndjson"}


async def customers(desk: Desk, count: int) -> list[int]:
    return [(await desk.post("/v1/customers", json={})).json()["customer_id"] for _ in range(count)]


async def uploaded(desk: Desk, content: str, query: str = "", headers: dict[str, str] = CSV) -> httpx.Response:
    return await desk.post(f"/v1/segments/vip/members/upload{query}", content=content.encode(), headers=headers)


@pytest.fixture(autouse=True)
async def vip(desk: Desk) -> None:
    assert (await desk.put("/v1/segments/vip", json={"title": "VIP"})).json()["members_count"] == 0


async def test_members_of_a_segment_change_many_at_once_or_not_at_all(desk: Desk) -> None:
    ids = await customers(desk, 3)
    added = (await desk.post("/v1/segments/vip/members", json={"add": ids})).json()
    assert (added["changed_count"], added["members_count"]) == (3, 3)
    moved = (await desk.post("/v1/segments/vip/members", json={"add": ids[:2], "remove": ids[2:]})).json()
    assert (moved["changed_count"], moved["members_count"]) == (1, 2)
    wrong = await desk.post("/v1/segments/vip/members", json={"add": [ids[2], 999]})
    assert (wrong.json()["reason"], wrong.json()["problems"][0]["message"]) == ("CUSTOMER_UNKNOWN", "no customer 999")
    page = (await desk.get("/v1/segments/vip/members?limit=1")).json()
    assert page == {"customer_ids": ids[:1], "next_after": ids[0]}
    assert (await desk.get(f"/v1/segments/vip/members?after={ids[0]}")).json()["customer_ids"] == ids[1:2]
    [newest] = (await desk.get("/v1/audit?object_kind=segment&object_id=vip&limit=1")).json()["rows"]
    assert (newest["before"]["members_count"], newest["after"]["removed"]) == (3, ids[2:])


async def test_upload_takes_ids_and_cards_and_names_wrong_rows_by_line(desk: Desk) -> None:
    made = await newcomer(desk)
    await desk.post("/v1/cards", json={"number": "7777"})
    [other] = await customers(desk, 1)
    content = f"customer_id,card_number\n{other},\n,{CARD}\n\n999,\n,5555\n,7777\nx,\n{other},\n,\n1,2900\n"
    found = (await uploaded(desk, content)).json()
    assert {name: found[name] for name in ("rows_count", "found_count", "wrong_count", "changed_count")} == {
        "rows_count": 9,
        "found_count": 2,
        "wrong_count": 7,
        "changed_count": 2,
    }
    assert [(one["line"], one["row"], one["path"], one["code"]) for one in found["problems"]] == [
        (5, 3, "customer_id", "CUSTOMER_UNKNOWN"),
        (6, 4, "card_number", "CARD_UNKNOWN"),
        (7, 5, "card_number", "CARD_ANONYMOUS"),
        (8, 6, "customer_id", "BAD_FORMAT"),
        (9, 7, "", "DUPLICATE_ID"),
        (10, 8, "", "BAD_FORMAT"),
        (11, 9, "", "BAD_FORMAT"),
    ]
    assert (await desk.get("/v1/segments/vip/members")).json()["customer_ids"] == sorted(
        [other, int(str(made["customer_id"]))]
    )
    refused = await uploaded(desk, "customer_id\n999\n", "?all_or_nothing=true")
    assert (refused.status_code, refused.json()["problems"][0]["path"]) == (422, "row[1].customer_id")


async def test_upload_replaces_or_removes_when_told(desk: Desk) -> None:
    ids = await customers(desk, 4)
    rows = "\n".join(f'{{"customer_id": {one}}}' for one in ids[:3])
    assert (await uploaded(desk, rows, headers=NDJSON)).json()["members_count"] == 3
    assert (await uploaded(desk, rows, headers=NDJSON)).json()["feed_version"] == 0
    replaced = (await uploaded(desk, f"customer_id\n{ids[0]}\n{ids[3]}\n", "?mode=REPLACE")).json()
    assert (replaced["changed_count"], replaced["members_count"]) == (3, 2)
    assert (await desk.get("/v1/segments/vip/members")).json()["customer_ids"] == [ids[0], ids[3]]
    removed = (await uploaded(desk, f"customer_id\n{ids[0]}\n{ids[1]}\n", "?mode=REMOVE")).json()
    assert (removed["changed_count"], removed["members_count"]) == (1, 1)
    assert (await desk.get("/v1/segments/vip")).json()["members_count"] == 1


async def test_upload_of_a_hundred_thousand_is_one_version(desk: Desk) -> None:
    await desk.rows(
        "INSERT INTO customers (tenant, customer_id, account_id, version, valid_from)"
        " SELECT 'demo', n, n, 1, now() FROM generate_series(1, 100000) AS n"
    )
    content = "customer_id\n" + "\n".join(map(str, range(1, 100_001)))
    found = (await uploaded(desk, content)).json()
    assert (found["found_count"], found["changed_count"], found["wrong_count"]) == (100_000, 100_000, 0)
    [versions] = await desk.rows("SELECT array_agg(DISTINCT version) AS versions FROM customer_segments")
    assert versions["versions"] == [found["feed_version"]]
    too_many = await uploaded(desk, content + "\n100001")
    assert too_many.json()["reason"] == "IMPORT_UNREADABLE"


async def test_segment_that_a_live_rule_names_is_not_deleted(desk: Desk) -> None:
    ids = await customers(desk, 2)
    await desk.put("/v1/segments/regulars", json={"title": "Regulars"})
    await desk.post("/v1/segments/regulars/members", json={"add": ids})
    draft: dict[str, Any] = (await desk.post("/v1/promotions?state=ACTIVE", json=POINTS)).json()
    active = await desk.delete("/v1/segments/regulars")
    assert (active.status_code, active.json()["reason"]) == (409, "SEGMENT_IN_USE")
    assert active.json()["problems"] == [{"path": "points", "code": "SEGMENT_NAMED", "message": "it is ACTIVE"}]
    assert (await desk.post("/v1/releases", json={})).status_code == 201
    match = {"if-match": f'"{draft["revision"]}"'}
    await desk.put("/v1/promotions/points/state", json={"state": "ARCHIVED"}, headers=match)
    released = await desk.delete("/v1/segments/regulars")
    assert released.json()["problems"][0]["message"] == "release 1 names it"
    await desk.post("/v1/releases", json={})
    assert (await desk.delete("/v1/segments/regulars")).status_code == 204
    assert (await desk.get("/v1/segments/regulars")).json()["reason"] == "SEGMENT_UNKNOWN"
    rows = await desk.rows("SELECT deleted FROM customer_segments WHERE valid_to = 'infinity'")
    assert [row["deleted"] for row in rows] == [True, True]
