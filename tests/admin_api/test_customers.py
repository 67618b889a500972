"""Customers, cards and segments: found by a full number only, and nothing of it kept in clear."""

from __future__ import annotations

import pytest

from altyn.core.engine.identity import card_hash, phone_hash
from tests.admin_api.desk import PEPPER, Desk

CARD = "2900 0000-0000 1234"
PHONE = "8 (916) 123-45-67"


async def newcomer(desk: Desk, **more: object) -> dict[str, object]:
    await desk.put("/v1/segments/regulars", json={"title": "Regulars"})
    body = {
        "name": "Анна",
        "phone": PHONE,
        "segments": ["regulars"],
        "card": {"number": CARD, "card_type": "gold"},
    } | more
    made = await desk.post("/v1/customers", json=body)
    assert made.status_code == 201, made.text
    found: dict[str, object] = made.json()
    return found


async def test_customer_created_has_account_card_and_segments_under_one_version(desk: Desk) -> None:
    made = await newcomer(desk)
    [card] = made["cards"]  # type: ignore[misc]
    assert (card["last4"], card["state"], card["card_type"]) == ("1234", "ACTIVE", "gold")  # type: ignore[index]
    assert card["account_id"] == made["account_id"]  # type: ignore[index]
    [row] = await desk.rows("SELECT number_hash, version FROM cards")
    assert tuple(row) == (card_hash(PEPPER, "2900000000001234"), made["feed_version"])
    [row] = await desk.rows("SELECT phone_hash FROM customers")
    assert row["phone_hash"] == phone_hash(PEPPER, "+7 916 1234567")
    assert await desk.deeds() == ["segments.put", "customers.create", "cards.issue"]


async def test_customer_is_found_by_card_or_phone_in_full_and_it_is_audited(desk: Desk) -> None:
    made = await newcomer(desk)
    by_card = (await desk.post("/v1/customers/find", json={"card_number": "2900000000001234"})).json()
    by_phone = (await desk.post("/v1/customers/find", json={"phone": "+79161234567"})).json()
    assert by_card["customers"] == by_phone["customers"] == [made]
    assert by_card["card"]["last4"] == "1234"
    nobody = (await desk.post("/v1/customers/find", json={"card_number": "1234"})).json()
    assert nobody == {"customers": [], "card": None}
    both = await desk.post("/v1/customers/find", json={"card_number": "1234", "phone": PHONE})
    assert both.status_code == 422
    assert (await desk.deeds())[-3:] == ["customers.find"] * 3


async def test_personal_data_is_in_its_schema_alone_and_gone_after_erasure(desk: Desk) -> None:
    made = await newcomer(desk)
    path = f"/v1/customers/{made['customer_id']}/personal"
    assert (await desk.get(path)).json() == {"customer_id": made["customer_id"], "name": "Анна", "phone": "79161234567"}
    everywhere = str(
        [await desk.rows(f"SELECT * FROM {table}") for table in ("audit_log", "customers", "cards", "admin_answers")]
    )
    assert not any(secret in everywhere for secret in ("Анна", "9161234567", "0000001234"))
    assert (await desk.delete(path)).status_code == 204
    assert (await desk.get(path)).json()["reason"] == "CUSTOMER_UNKNOWN"
    assert await desk.rows("SELECT FROM customers WHERE phone_hash IS NOT NULL") == []
    assert len(await desk.rows("SELECT FROM customers")) == 2
    assert (await desk.get(f"/v1/customers/{made['customer_id']}")).json()["account_id"] == made["account_id"]


async def test_segments_of_a_customer_are_replaced_and_leaving_is_a_tombstone(desk: Desk) -> None:
    made = await newcomer(desk)
    await desk.put("/v1/segments/young", json={"title": "Young"})
    path = f"/v1/customers/{made['customer_id']}/segments"
    assert (await desk.put(path, json={"segments": ["young"]})).json()["segments"] == ["young"]
    assert (await desk.put(path, json={"segments": ["none"]})).json()["reason"] == "SEGMENT_UNKNOWN"
    rows = await desk.rows(
        "SELECT segment, deleted FROM customer_segments WHERE valid_to = 'infinity' ORDER BY segment"
    )
    assert [tuple(row) for row in rows] == [("regulars", True), ("young", False)]
    listed = (await desk.get("/v1/segments")).json()["segments"]
    assert [(one["segment"], one["members_count"]) for one in listed] == [("regulars", 0), ("young", 1)]


@pytest.mark.parametrize(
    "body", [{"phone": "123"}, {"card": {"number": "12"}}, {"card": {"number": "#" * 9}}, {"nmae": "x"}]
)
async def test_customer_with_wrong_fields_is_refused(desk: Desk, body: dict[str, object]) -> None:
    assert (await desk.post("/v1/customers", json=body)).status_code == 422
