"""Stores, registers and their keys through the API, down to the temporal rows."""

from __future__ import annotations

import hashlib

import pytest

from altyn.infra.certificates import hash_name
from tests.admin_api.desk import STORE, Desk


async def test_store_changed_closes_its_row_and_opens_another(desk: Desk) -> None:
    first = await desk.put("/v1/stores/s1", json=STORE)
    same = await desk.put("/v1/stores/s1", json=STORE)
    assert same.json()["feed_version"] == first.json()["feed_version"]
    assert "altyn-feed-version" not in same.headers
    await desk.put("/v1/stores/s1", json=STORE | {"region": "spb"})
    old, new = await desk.rows("SELECT * FROM stores ORDER BY version")
    assert (old["region"], new["region"]) == ("msk", "spb")
    assert old["valid_to"] == new["valid_from"]
    assert str(new["valid_to"]).startswith("9999")
    [clock] = await desk.rows("SELECT * FROM feed_clock")
    assert (new["version"], new["valid_from"]) == (clock["version"], clock["changed_at"])
    assert await desk.deeds() == ["stores.put", "stores.put"]


async def test_store_deleted_leaves_a_tombstone_once_its_registers_are_gone(desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    await desk.put("/v1/stores/s1/registers/r1", json={"title": "Till 1"})
    assert (await desk.delete("/v1/stores/s1")).json()["reason"] == "STORE_IN_USE"
    await desk.delete("/v1/stores/s1/registers/r1")
    assert (await desk.delete("/v1/stores/s1")).status_code == 204
    assert (await desk.get("/v1/stores/s1")).json()["reason"] == "STORE_UNKNOWN"
    [tombstone] = await desk.rows("SELECT deleted, region FROM stores WHERE valid_to = 'infinity'")
    assert tuple(tombstone) == (True, "msk")
    assert (await desk.delete("/v1/stores/s1")).json()["reason"] == "STORE_UNKNOWN"
    assert (await desk.put("/v1/stores/s1", json=STORE)).status_code == 200


async def test_store_list_is_paged(desk: Desk) -> None:
    for number in range(3):
        await desk.put(f"/v1/stores/s{number}", json=STORE)
    page = (await desk.get("/v1/stores?limit=2")).json()
    assert ([one["store_id"] for one in page["stores"]], page["next_after"]) == (["s0", "s1"], "s1")
    assert [one["store_id"] for one in (await desk.get("/v1/stores?after=s1")).json()["stores"]] == ["s2"]


async def test_store_with_receipts_keeps_its_money(desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    assert (await desk.put("/v1/stores/s1", json=STORE | {"currency": "KZT"})).status_code == 200
    await desk.rows(
        "INSERT INTO receipts VALUES (1, gen_random_uuid(), 's1', 'r', 1, 1, now(), now(), now(), NULL, NULL, 'KZT',"
        " 0, 0, 0, 0, 0, 0, 0, 1, '{}')"
    )
    assert (await desk.put("/v1/stores/s1", json=STORE)).json()["reason"] == "MONEY_FIXED"


async def test_register_key_is_shown_once_and_kept_as_a_hash(desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    assert (await desk.post("/v1/stores/s1/registers/r1/keys")).json()["reason"] == "REGISTER_UNKNOWN"
    await desk.put("/v1/stores/s1/registers/r1", json={})
    issued = (await desk.post("/v1/stores/s1/registers/r1/keys")).json()
    assert issued["key_id"] == hashlib.sha256(issued["key"].encode()).hexdigest()
    [row] = await desk.rows("SELECT key_hash, store_id, register_id, revoked FROM register_credentials")
    assert tuple(row) == (bytes.fromhex(issued["key_id"]), "s1", "r1", False)
    assert issued["key"] not in str(await desk.rows("SELECT * FROM audit_log"))


async def test_register_key_revoked_is_a_new_row(desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    await desk.put("/v1/stores/s1/registers/r1", json={})
    keys = "/v1/stores/s1/registers/r1/keys"
    issued = [(await desk.post(keys)).json()["key_id"] for _ in range(2)]
    assert (await desk.delete(f"{keys}/{issued[0]}")).status_code == 204
    listed = (await desk.get(keys)).json()["keys"]
    assert {one["key_id"]: one["revoked"] for one in listed} == {issued[0]: True, issued[1]: False}
    assert (await desk.delete(f"{keys}/{'0' * 64}")).json()["reason"] == "REGISTER_KEY_UNKNOWN"
    await desk.delete("/v1/stores/s1/registers/r1")
    rows = await desk.rows("SELECT revoked FROM register_credentials WHERE valid_to = 'infinity'")
    assert [row["revoked"] for row in rows] == [True, True]
    assert (await desk.get(keys)).json()["reason"] == "REGISTER_UNKNOWN"


async def test_register_of_an_unknown_store_is_refused(desk: Desk) -> None:
    assert (await desk.put("/v1/stores/no/registers/r1", json={})).json()["reason"] == "STORE_UNKNOWN"
    assert (await desk.get("/v1/stores/no/registers")).json() == {"registers": []}


async def test_certificate_is_bound_by_fingerprint_or_name_and_outlives_a_rotation_of_keys(desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    for name in ("r1", "r2"):
        await desk.put(f"/v1/stores/s1/registers/{name}", json={})
    register = "/v1/stores/s1/registers/r1"
    printed = ":".join(["AB"] * 32)
    by_print = (await desk.post(f"{register}/certificates", json={"fingerprint": printed})).json()
    assert by_print["key_id"] == "ab" * 32
    by_name = (await desk.post(f"{register}/certificates", json={"name": "urn:shop:r1"})).json()
    assert by_name["key_id"] == hash_name("urn:shop:r1").hex()
    again = (await desk.post(f"{register}/certificates", json={"name": "urn:shop:r1"})).json()
    assert again["key_id"] == by_name["key_id"]
    foreign = await desk.post("/v1/stores/s1/registers/r2/certificates", json={"name": "urn:shop:r1"})
    assert (foreign.status_code, foreign.json()["reason"]) == (409, "CERTIFICATE_BOUND")
    key = (await desk.post(f"{register}/keys")).json()["key_id"]
    rotated = (await desk.post(f"{register}/keys/rotate", json={"overlap_s": 60})).json()
    assert list(rotated["ending"]) == [key]
    assert (await desk.delete(f"{register}/keys/{by_print['key_id']}")).status_code == 204
    listed = {one["key_id"]: one for one in (await desk.get(f"{register}/keys")).json()["keys"]}
    shown = {name: (one["kind"], one["name"], one["revoked"]) for name, one in listed.items()}
    assert shown[by_print["key_id"]] == ("CERTIFICATE", "", True)
    assert shown[by_name["key_id"]] == ("CERTIFICATE_NAME", "urn:shop:r1", False)
    assert (
        await desk.post("/v1/stores/s1/registers/r2/certificates", json={"fingerprint": printed})
    ).status_code == 201


@pytest.mark.parametrize(
    "body", [{}, {"name": "a", "fingerprint": "ab" * 32}, {"fingerprint": "ab"}, {"name": "я" * 129}, {"name": "a\nb"}]
)
async def test_certificate_is_bound_by_one_well_formed_thing(desk: Desk, body: dict[str, str]) -> None:
    await desk.put("/v1/stores/s1", json=STORE)
    await desk.put("/v1/stores/s1/registers/r1", json={})
    assert (await desk.post("/v1/stores/s1/registers/r1/certificates", json=body)).status_code == 422
