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
    by_number = (await desk.post("/v1/customers/find", json={"customer_id": made["customer_id"]})).json()
    family = (await desk.post("/v1/families", json={"head_customer_id": made["customer_id"]})).json()
    by_family = (await desk.post("/v1/customers/find", json={"family_id": family["family_id"]})).json()
    assert by_number == by_family == {"customers": [made], "card": None}
    nobody = (await desk.post("/v1/customers/find", json={"card_number": "1234"})).json()
    assert nobody == {"customers": [], "card": None}
    both = await desk.post("/v1/customers/find", json={"card_number": "1234", "phone": PHONE})
    assert both.status_code == 422
    assert (await desk.deeds()).count("customers.find") == 5


async def test_personal_data_is_in_its_schema_alone_and_gone_after_erasure(desk: Desk) -> None:
    made = await newcomer(desk)
    path = f"/v1/customers/{made['customer_id']}/personal"
    assert (await desk.get(path)).json() == {
        "customer_id": made["customer_id"],
        "name": "Анна",
        "phone": "79161234567",
        "birthday": None,
    }
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


async def lasting(desk: Desk, name: str = "ten") -> None:
    """A promotion to be granted."""
    document = {"promotion": name, "stage": "item", "reward": [{"percent": {"rate": "10"}}]}
    assert (await desk.post("/v1/promotions", json=document)).status_code == 201


async def test_birthday_and_favourites_are_facts_that_no_log_repeats(desk: Desk) -> None:
    made = await newcomer(desk)
    path = f"/v1/customers/{made['customer_id']}"
    told = (await desk.put(f"{path}/birthday", json={"birthday": "02-29"})).json()
    assert (told["has_birthday"], told["favourites_count"], "02-29" in str(told)) == (True, 0, False)
    told = (await desk.put(f"{path}/favourites", json={"favourites": ["tea", "coffee", "tea"]})).json()
    assert (told["has_birthday"], told["favourites_count"]) == (True, 2)
    assert (await desk.get(f"{path}/favourites")).json() == {"favourites": ["coffee", "tea"]}
    again = (await desk.put(f"{path}/favourites", json={"favourites": ["coffee", "tea"]})).json()
    assert again == told
    [row] = await desk.rows("SELECT birthday_mmdd, favourites, phone_hash FROM customers WHERE valid_to = 'infinity'")
    assert tuple(row) == (229, ["coffee", "tea"], phone_hash(PEPPER, PHONE))
    assert (await desk.get(f"{path}/personal")).json()["birthday"] == "02-29"
    # Without what is random or runs on: an instant, a hash, the id of a request or a key may hold any three digits.
    log = str(await desk.rows("SELECT action, object_id, before, after FROM audit_log WHERE object_kind <> 'api_key'"))
    assert not any(secret in log for secret in ("02-29", "229", "coffee"))
    assert (await desk.put(f"{path}/birthday", json={"birthday": None})).json()["has_birthday"] is False
    assert (await desk.deeds())[-4:] == [
        "customers.set_birthday",
        "customers.set_favourites",
        "customers.read_personal",
        "customers.set_birthday",
    ]


@pytest.mark.parametrize("birthday", ["02-30", "2-29", "13-01", "1990-02-28", "00-01", "29-02", ""])
async def test_birthday_that_is_no_day_is_refused(desk: Desk, birthday: str) -> None:
    made = await newcomer(desk)
    answer = await desk.put(f"/v1/customers/{made['customer_id']}/birthday", json={"birthday": birthday})
    assert (answer.status_code, answer.json()["reason"]) == (422, "INVALID")


async def test_favourites_are_at_most_thirty_two(desk: Desk) -> None:
    made = await newcomer(desk)
    path = f"/v1/customers/{made['customer_id']}/favourites"
    assert (await desk.put(path, json={"favourites": [f"c{n}" for n in range(32)]})).status_code == 200
    assert (await desk.put(path, json={"favourites": [f"c{n}" for n in range(33)]})).status_code == 422


async def test_grant_is_given_changed_and_taken_back(desk: Desk) -> None:
    made = await newcomer(desk)
    await lasting(desk)
    path = f"/v1/customers/{made['customer_id']}/grants"
    times = {"starts_at": "2027-01-01T00:00:00Z", "ends_at": "2027-02-01T00:00:00Z"}
    given = (await desk.put(f"{path}/ten", json={**times, "skus": ["milk"], "categories": ["pets"]})).json()
    assert (given["promotion_id"], given["skus"], given["categories"]) == ("ten", ["milk"], ["pets"])
    assert (await desk.get(path)).json()["grants"] == [given]
    changed = (await desk.put(f"{path}/ten", json={})).json()
    assert (changed["starts_at"], changed["ends_at"], changed["skus"]) == (None, None, [])
    assert (await desk.delete(f"{path}/ten")).status_code == 204
    assert (await desk.get(path)).json() == {"grants": []}
    assert (await desk.delete(f"{path}/ten")).json()["reason"] == "GRANT_UNKNOWN"
    assert (await desk.put(f"{path}/none", json={})).json()["reason"] == "PROMOTION_UNKNOWN"
    assert (await desk.put("/v1/customers/999/grants/ten", json={})).json()["reason"] == "CUSTOMER_UNKNOWN"
    log = str(await desk.rows("SELECT * FROM audit_log"))
    assert "milk" not in log


@pytest.mark.parametrize(
    "wrong",
    [
        {"starts_at": "2027-01-01T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"},
        {"starts_at": "2027-01-01T00:00:00"},
        {"skus": [f"s{n}" for n in range(20)], "categories": [f"c{n}" for n in range(13)]},
        {"until": "2027-01-01T00:00:00Z"},
    ],
)
async def test_grant_that_cannot_be_is_refused(desk: Desk, wrong: dict[str, object]) -> None:
    made = await newcomer(desk)
    await lasting(desk)
    answer = await desk.put(f"/v1/customers/{made['customer_id']}/grants/ten", json=wrong)
    assert (answer.status_code, answer.json()["reason"]) == (422, "INVALID")


async def test_list_of_customers_is_granted_a_promotion_in_one_change(desk: Desk) -> None:
    ids = [(await newcomer(desk, card={"number": f"290000000000{n:04}"}))["customer_id"] for n in range(3)]
    await lasting(desk)
    rows = "customer_id,ends_at,skus,deleted\n" + "".join(
        f"{one},2027-02-01T00:00:00Z,milk;bread,\n" for one in (*ids, 999)
    )
    path = "/v1/promotions/ten/grants/import"
    csv = {"content-type": "text/csv"}
    told = (await desk.post(path, content=rows.encode(), headers=csv)).json()
    assert (told["rows_count"], told["changed_count"], told["wrong_count"]) == (4, 3, 1)
    assert (told["problems"][0]["code"], told["problems"][0]["line"]) == ("CUSTOMER_UNKNOWN", 5)
    again = (await desk.post(path, content=rows.encode(), headers=csv)).json()
    assert (again["changed_count"], again["feed_version"]) == (0, 0)
    refused = await desk.post(path + "?all_or_nothing=true", content=rows.encode(), headers=csv)
    assert refused.json()["reason"] == "IMPORT_REFUSED"
    gone = f'{{"customer_id": {ids[0]}, "deleted": true}}\n'.encode()
    ndjson = {"content-type": "application/x-ndjson"}
    assert (await desk.post(path, content=gone, headers=ndjson)).json()["changed_count"] == 1
    left = await desk.rows("SELECT customer_id, skus FROM customer_grants WHERE valid_to = 'infinity' AND NOT deleted")
    assert sorted(tuple(row) for row in left) == [(one, ["milk", "bread"]) for one in sorted(ids[1:])]
    unknown = await desk.post("/v1/promotions/none/grants/import", content=gone, headers=ndjson)
    assert unknown.json()["reason"] == "PROMOTION_UNKNOWN"


async def test_customer_has_sixty_four_grants_and_what_is_over_makes_room(desk: Desk) -> None:
    made = await newcomer(desk)
    await lasting(desk)
    await lasting(desk, "other")
    await desk.rows(
        "INSERT INTO customer_grants (tenant, customer_id, promotion_id, ends_at, version, valid_from)"
        " SELECT tenant, customer_id, 'p' || n, CASE n WHEN 64 THEN now() - interval '1 day' END, 1, now()"
        " FROM customers, generate_series(1, 64) AS n WHERE valid_to = 'infinity'"
    )
    path = f"/v1/customers/{made['customer_id']}/grants"
    assert (await desk.put(f"{path}/ten", json={})).status_code == 200
    assert len((await desk.get(path)).json()["grants"]) == 64
    full = await desk.put(f"{path}/other", json={})
    assert (full.status_code, full.json()["reason"]) == (409, "TOO_MANY_GRANTS")
    row = f'{{"customer_id": {made["customer_id"]}}}\n'.encode()
    ndjson = {"content-type": "application/x-ndjson"}
    told = (await desk.post("/v1/promotions/other/grants/import", content=row, headers=ndjson)).json()
    assert told["problems"][0]["code"] == "TOO_MANY_GRANTS"


async def test_erasure_leaves_no_birthday_no_favourites_and_no_goods_of_grants(desk: Desk) -> None:
    made = await newcomer(desk)
    await lasting(desk)
    path = f"/v1/customers/{made['customer_id']}"
    await desk.put(f"{path}/birthday", json={"birthday": "05-17"})
    await desk.put(f"{path}/favourites", json={"favourites": ["pets-secret"]})
    await desk.put(f"{path}/grants/ten", json={"skus": ["sku-secret"]})
    await desk.put(f"{path}/grants/ten", json={"categories": ["category-secret"]})
    assert (await desk.delete(f"{path}/personal")).status_code == 204
    assert await desk.rows("SELECT FROM customers WHERE birthday_mmdd > 0 OR favourites <> '{}'") == []
    assert [tuple(row) for row in await desk.rows("SELECT deleted, skus, categories FROM customer_grants")] == [
        (True, [], [])
    ]
    tables = ("audit_log", "customers", "customer_grants", "admin_answers")
    everywhere = str([await desk.rows(f"SELECT * FROM {table}") for table in tables])
    assert "-secret" not in everywhere
