"""Promotions through the API: drafts, editors who notice each other, validation, trying out."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.admin_api.desk import POINTS, RECEIPT, STORE, TEN, Desk


async def test_promotion_created_is_read_back_as_it_was_written(desk: Desk) -> None:
    made = await desk.post(
        "/v1/promotions", content=b'{"promotion": "ten", "stage": "item", "reward": [{"percent": {"rate": 10.50}}]}'
    )
    assert made.status_code == 201, made.text
    assert made.headers["etag"] == '"1"'
    read = await desk.get(made.headers["location"])
    assert read.json()["document"] == {"promotion": "ten", "stage": "item", "reward": [{"percent": {"rate": "10.50"}}]}
    assert read.json()["state"] == "DRAFT"
    assert list(read.json()["document"]) == ["promotion", "stage", "reward"]
    assert await desk.deeds() == ["promotions.create"]


async def test_promotion_in_yaml_is_taken_and_created_once(desk: Desk) -> None:
    text = "promotion: ten\nstage: item\nreward:\n  - percent: {rate: 10}\n"
    assert (await desk.post("/v1/promotions", content=text)).status_code == 201
    again = await desk.post("/v1/promotions", content=text)
    assert (again.status_code, again.json()["reason"]) == (409, "PROMOTION_EXISTS")


async def test_promotion_replaced_by_two_editors_second_one_is_told(desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    changed = TEN | {"priority": "5"}
    unseen = await desk.put("/v1/promotions/ten", json=changed)
    assert (unseen.status_code, unseen.json()["reason"]) == (428, "IF_MATCH_MISSING")
    first = await desk.put("/v1/promotions/ten", json=changed, headers={"if-match": '"1"'})
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    second = await desk.put("/v1/promotions/ten", json=TEN, headers={"if-match": '"1"'})
    assert (second.status_code, second.json()["reason"]) == (412, "REVISION_DIFFERS")
    revisions = (await desk.get("/v1/promotions/ten/revisions")).json()["revisions"]
    assert [one["revision"] for one in revisions] == [2, 1]
    assert revisions[1]["document"] == TEN


async def test_promotion_replaced_by_the_same_keeps_its_revision(desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    same = await desk.put("/v1/promotions/ten", json=TEN, headers={"if-match": '"1"'})
    assert same.json()["revision"] == 1
    assert await desk.deeds() == ["promotions.create"]


async def test_promotion_archived_is_not_edited_until_a_draft(desk: Desk) -> None:
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    put, path = desk.put, "/v1/promotions/ten/state"
    assert (await put(path, json={"state": "ARCHIVED"}, headers={"if-match": '"1"'})).json()["state"] == "ARCHIVED"
    edited = await put("/v1/promotions/ten", json=TEN | {"priority": "1"}, headers={"if-match": '"2"'})
    assert edited.json()["reason"] == "PROMOTION_ARCHIVED"
    revived = await put(path, json={"state": "ACTIVE"}, headers={"if-match": '"2"'})
    assert revived.json()["reason"] == "PROMOTION_ARCHIVED"
    assert (await put(path, json={"state": "DRAFT"}, headers={"if-match": '"2"'})).json()["revision"] == 3
    assert await desk.deeds() == ["promotions.create", "promotions.archived", "promotions.draft"]


async def test_promotion_list_is_filtered_and_paged(desk: Desk) -> None:
    for number in range(3):
        await desk.post(
            f"/v1/promotions?state={'ACTIVE' if number else 'DRAFT'}", json=TEN | {"promotion": f"p{number}"}
        )
    await desk.post("/v1/promotions", json=POINTS)
    page = (await desk.get("/v1/promotions?limit=2")).json()
    assert [one["promotion_id"] for one in page["promotions"]] == ["p0", "p1"]
    rest = (await desk.get(f"/v1/promotions?limit=2&after={page['next_after']}")).json()
    assert [one["promotion_id"] for one in rest["promotions"]] == ["p2", "points"]
    assert rest["next_after"] is None
    active = (await desk.get("/v1/promotions?state=ACTIVE&text=TEN")).json()["promotions"]
    assert [one["promotion_id"] for one in active] == ["p1", "p2"]
    accrual = (await desk.get("/v1/promotions?stage=accrual")).json()["promotions"]
    assert [one["promotion_id"] for one in accrual] == ["points"]


async def test_promotion_with_problems_is_refused_with_every_path(desk: Desk) -> None:
    bad = {"promotion": "bad", "stage": "item", "reward": [{"percent": {"rate": "ten"}}], "whn": {}}
    answer = await desk.post("/v1/promotions", json=bad)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["reason"] == "DOCUMENT_INVALID"
    assert {(one["path"], one["code"]) for one in answer.json()["problems"]} == {
        ("bad: whn", "UNKNOWN_KEY"),
        ("bad: reward[0].percent.rate", "BAD_FORMAT"),
    }


@pytest.mark.parametrize("body", [b"\xff", b"- 1", b"", b'{"asset": "bonus"}', orjson.dumps([TEN, TEN])])
async def test_promotion_body_that_is_no_single_document_is_refused(desk: Desk, body: bytes) -> None:
    assert (await desk.post("/v1/promotions", content=body)).json()["reason"] == "DOCUMENT_INVALID"


async def test_validate_tells_problems_remarks_and_defaults_and_stores_nothing(desk: Desk) -> None:
    good = (await desk.post("/v1/promotions/validate", json=TEN)).json()
    assert (good["is_valid"], good["documents"][0]["priority"]) == (True, "100")
    group = {"name": "g", "mode": "BEST"}
    rivals = [
        TEN | {"group": group},
        TEN | {"group": group, "promotion": "five", "reward": [{"percent": {"rate": "5"}}]},
    ]
    found = (await desk.post("/v1/promotions/validate", content=orjson.dumps(rivals))).json()
    assert "NEVER_BEST" in {one["code"] for one in found["remarks"]}
    torn = [
        TEN | {"group": {"name": "g", "mode": "BEST"}},
        TEN | {"promotion": "b", "group": {"name": "g", "mode": "CASCADE"}},
    ]
    wrong = (await desk.post("/v1/promotions/validate", content=orjson.dumps(torn))).json()
    assert (wrong["is_valid"], wrong["problems"][0]["code"]) == (False, "GROUP_DISAGREES")
    assert (await desk.get("/v1/promotions")).json()["promotions"] == []


async def test_evaluate_draft_takes_store_and_goods_from_the_facts(desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    row = {"sku": "milk", "group_id": "dairy", "no_accrual": True}
    await desk.post("/v1/products/import", content=orjson.dumps(row), headers={"content-type": "application/x-ndjson"})
    document = """
promotion: dairy
stage: item
when: {store: {region: msk}}
reward:
  - percent: {rate: 10, of: {category: dairy}}
"""
    answer = await desk.post("/v1/promotions/evaluate", json={"receipt": RECEIPT, "documents": document})
    assert answer.status_code == 200, answer.text
    outcome = answer.json()["outcome"]
    assert outcome["totals"]["discount_minor"] == 1000
    assert outcome["lines"][0]["discounts"][0]["promotion_id"] == "dairy"
    assert outcome["explain"]["rules"][0]["verdict"] == "VERDICT_APPLIED"


async def test_evaluate_stored_promotions_sees_customer_and_moment(desk: Desk) -> None:
    night = TEN | {"promotion": "night", "when": {"schedule": {"hours": "22:00-24:00"}}}
    for document in (night, POINTS):
        await desk.post("/v1/promotions", json=document)
    asked = {
        "receipt": RECEIPT,
        "promotion_ids": ["night", "points"],
        "store": {"zone": "Asia/Yekaterinburg"},
        "customer": {"customer_id": 5, "segments": ["regulars"]},
        "at": "2027-06-01T18:00:00Z",  # 23:00 there
    }
    totals = (await desk.post("/v1/promotions/evaluate", json=asked)).json()["outcome"]["totals"]
    assert (totals["discount_minor"], totals["accrual"]) == (1000, [{"asset": "bonus", "points": 90}])
    day = (
        await desk.post("/v1/promotions/evaluate", json=asked | {"at": "2027-06-01T08:00:00Z", "customer": None})
    ).json()
    assert day["outcome"]["totals"]["discount_minor"] == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"documents": "promotion: a"}, "DOCUMENT_INVALID"),
        ({"promotion_ids": ["none"]}, "PROMOTION_UNKNOWN"),
        ({"rules_version": 4}, "NOTHING_TO_EVALUATE"),
        ({}, "NOTHING_TO_EVALUATE"),
        ({"documents": "[]", "rules_version": 1}, "RECEIPT_INVALID"),
        ({"documents": "[]", "receipt": {}}, "RECEIPT_INVALID"),
        ({"documents": "[]", "store": {}, "receipt": {"lines": [{"line_no": 1}]}}, "RECEIPT_INVALID"),
        ({"documents": "[]", "store": {}, "receipt": {"lines": [{"flags": 3}]}}, "RECEIPT_INVALID"),
        ({"documents": "[]", "store": {"zone": "Mars/Olympus"}}, "RECEIPT_INVALID"),
    ],
)
async def test_evaluate_without_what_it_needs_is_refused(desk: Desk, change: dict[str, object], reason: str) -> None:
    answer = await desk.post("/v1/promotions/evaluate", json={"receipt": RECEIPT} | change)
    assert answer.json()["reason"] == reason, answer.text


CAP: dict[str, Any] = {"limit": "half", "title": {"en": "Half at most"}, "cap": {"per": "receipt", "percent": "50"}}
PAYMENT: dict[str, Any] = {
    "limit": "pay",
    "payment": [{"asset": "bonus", "of": {"sku": "ghost"}, "when": {"customer": {"segment": "regulars"}}}],
}


async def test_limit_is_a_document_like_a_promotion_and_goes_into_the_release(desk: Desk) -> None:
    await desk.put("/v1/segments/regulars", json={"title": "Regulars"})
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    made = await desk.post("/v1/promotions?state=ACTIVE", json=CAP)
    assert (made.status_code, made.headers["location"], made.json()["revision"]) == (201, "/v1/promotions/half", 1)
    assert (await desk.post("/v1/promotions?state=ACTIVE", json=PAYMENT)).status_code == 201
    changed = CAP | {"cap": {"per": "receipt", "percent": "40"}}
    assert (await desk.put("/v1/promotions/half", json=changed, headers={"if-match": '"1"'})).json()["revision"] == 2
    other = await desk.put("/v1/promotions/ten", json=CAP, headers={"if-match": '"1"'})
    assert (other.status_code, other.json()["path"]) == (422, "limit")
    taken = await desk.post("/v1/promotions", json={"limit": "ten", "cap": CAP["cap"]})
    assert (taken.json()["reason"], taken.json()["path"]) == ("PROMOTION_EXISTS", "limit")
    listed = (await desk.get("/v1/promotions?kind=limit")).json()["promotions"]
    assert [(one["promotion_id"], one["kind"], one["stage"]) for one in listed] == [
        ("half", "limit", None),
        ("pay", "limit", None),
    ]
    [by_stage] = (await desk.get("/v1/promotions?stage=item")).json()["promotions"]
    assert (by_stage["promotion_id"], by_stage["kind"]) == ("ten", "promotion")
    cash = {"rounding": "cash", "to": "1.00", "when": {"store": {"id": "nowhere"}}}
    assert (await desk.post("/v1/promotions?state=ACTIVE", json=cash)).status_code == 201
    [rounding] = (await desk.get("/v1/promotions?kind=rounding")).json()["promotions"]
    assert (rounding["promotion_id"], rounding["kind"]) == ("cash", "rounding")
    released = (await desk.post("/v1/releases", json={})).json()
    assert {one["code"] for one in released["warnings"]} == {"ASSET_NEW", "SKU_UNKNOWN", "STORE_UNKNOWN"}
    document = (await desk.get("/v1/releases/1/document")).json()
    assert [one.get("limit") for one in document if "limit" in one] == ["half", "pay"]
    kept = await desk.delete("/v1/segments/regulars")
    assert [one["path"] for one in kept.json()["problems"]] == ["pay"]
    assert "limits.replace" in await desk.deeds()
