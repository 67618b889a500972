"""Releases through the API: published once, immutable, rung for, rolled back by publishing again."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from altyn.core.rules.definition import load_documents
from tests.admin_api.desk import POINTS, RECEIPT, TEN, Desk


async def published(desk: Desk, *documents: dict[str, object], **asked: object) -> dict[str, object]:
    for document in documents:
        await desk.post("/v1/promotions?state=ACTIVE", json=document)
    answer = await desk.post("/v1/releases", json=asked)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_publish_writes_one_hashed_row_and_rings_the_servers(desk: Desk) -> None:
    made = await published(desk, TEN, POINTS)
    assert (made["version"], made["is_published"], made["promotions_count"]) == (1, True, 2)
    assert [one["code"] for one in made["warnings"]] == ["ASSET_NEW", "SEGMENT_UNKNOWN"]  # type: ignore[index, union-attr]
    [row] = await desk.rows("SELECT * FROM rules_release")
    assert row["sha256"] == hashlib.sha256(row["document"]).digest() == bytes.fromhex(str(made["sha256"]))
    documents = load_documents(row["document"].decode())
    assert [one.get("asset") or one["promotion"] for one in documents] == ["bonus", "points", "ten"]
    [asset] = await desk.rows("SELECT asset, asset_no, scale, version FROM assets")
    assert tuple(asset) == ("bonus", 1, 2, made["feed_version"])
    assert await desk.wake_ups() == [str(made["feed_version"])]
    assert (await desk.deeds())[-1] == "releases.publish"


async def test_publish_validated_only_leaves_nothing(desk: Desk) -> None:
    made = await published(desk, TEN, validate_only=True)
    assert (made["version"], made["is_published"], made["feed_version"]) == (1, False, 0)
    assert await desk.rows("SELECT FROM rules_release") == []
    assert await desk.wake_ups() == []


async def test_publish_selected_takes_active_ones_alone(desk: Desk) -> None:
    await desk.post("/v1/promotions", json=POINTS)
    made = await published(desk, TEN, TEN | {"promotion": "eleven"}, promotion_ids=["eleven"])
    assert made["promotions_count"] == 1
    draft = await desk.post("/v1/releases", json={"promotion_ids": ["points", "ten"]})
    assert (draft.status_code, draft.json()["reason"]) == (409, "PROMOTION_NOT_ACTIVE")
    assert [one["path"] for one in draft.json()["problems"]] == ["points"]


async def test_publish_of_contradictions_is_refused_with_the_place(desk: Desk) -> None:
    for name, mode in (("a", "BEST"), ("b", "CASCADE")):
        document = TEN | {"promotion": name, "group": {"name": "g", "mode": mode}}
        await desk.post("/v1/promotions?state=ACTIVE", json=document)
    answer = await desk.post("/v1/releases", json={})
    assert (answer.status_code, answer.json()["reason"]) == (422, "RELEASE_INVALID")
    assert answer.json()["problems"][0]["code"] == "GROUP_DISAGREES"
    assert await desk.rows("SELECT FROM rules_release") == []


async def test_publish_takes_conditions_on_earlier_purchases_for_servers_to_count(desk: Desk) -> None:
    document = TEN | {"promotion": "third", "when": {"purchase_number": {"every": 3}}}
    made = await published(desk, document)
    assert (made["version"], made["is_published"]) == (1, True)


async def test_publish_strict_refuses_what_the_facts_do_not_have(desk: Desk) -> None:
    await desk.post("/v1/promotions?state=ACTIVE", json=POINTS)
    refused = await desk.post("/v1/releases", json={"strict": True})
    assert refused.json()["reason"] == "REFERENCES_UNKNOWN"
    await desk.put("/v1/segments/regulars", json={"title": "Regulars"})
    assert (await desk.post("/v1/releases", json={"strict": True})).status_code == 201


async def test_publish_names_every_kind_of_missing_reference(desk: Desk) -> None:
    await desk.put("/v1/stores/s1", json={"zone": "UTC", "region": "north"})
    document = TEN | {
        "when": {"store": {"id": ["s1", "s2"], "region": "north", "format": {"none_of": ["kiosk"]}, "cluster": "c"}},
        "reward": [
            {"percent": {"rate": "1", "of": {"category": "tea", "brand": "x", "supplier": "y", "except": {"sku": "1"}}}}
        ],
    }
    made = await published(desk, document)
    assert {one["code"] for one in made["warnings"]} == {  # type: ignore[index, union-attr]
        *("STORE_UNKNOWN", "FORMAT_UNKNOWN", "CLUSTER_UNKNOWN"),
        *("CATEGORY_UNKNOWN", "BRAND_UNKNOWN", "SUPPLIER_UNKNOWN", "SKU_UNKNOWN"),
    }


async def test_publish_for_later_is_not_in_force_yet(desk: Desk) -> None:
    await published(desk, TEN)
    later = datetime.now(UTC) + timedelta(hours=1)
    await published(desk, effective_at=later.isoformat(), emergency=True)
    page = (await desk.get("/v1/releases")).json()["releases"]
    assert [(one["version"], one["is_in_force"], one["emergency"]) for one in page] == [
        (2, False, True),
        (1, True, False),
    ]
    past = await desk.post("/v1/releases", json={"effective_at": (later - timedelta(hours=3)).isoformat()})
    assert (past.status_code, past.json()["reason"]) == (422, "EFFECTIVE_AT_PAST")


async def test_rollback_publishes_the_older_document_as_a_new_version(desk: Desk) -> None:
    first = await published(desk, TEN)
    await published(desk, TEN | {"promotion": "more"})
    back = await desk.post("/v1/releases/1/rollback", json={})
    assert (back.status_code, back.json()["version"]) == (201, 3)
    assert back.json()["sha256"] == first["sha256"]
    assert (await desk.deeds())[-1] == "releases.roll_back"
    document = await desk.get("/v1/releases/3/document")
    assert hashlib.sha256(document.content).hexdigest() == first["sha256"]
    asked = {"receipt": RECEIPT, "store": {}, "explain": False}
    tried = (await desk.post("/v1/promotions/evaluate", json=asked)).json()
    assert (tried["rules_version"], tried["outcome"]["totals"]["discount_minor"]) == (3, 1000)
    before = (await desk.post("/v1/promotions/evaluate", json=asked | {"rules_version": 2})).json()
    assert before["outcome"]["totals"]["discount_minor"] == 1900
    assert (await desk.post("/v1/releases/9/rollback", json={})).json()["reason"] == "RELEASE_UNKNOWN"


async def test_release_row_cannot_be_changed(desk: Desk) -> None:
    await published(desk, TEN)
    with pytest.raises(asyncpg.RestrictViolationError):
        await desk.rows("UPDATE rules_release SET emergency = true")


async def test_release_is_live_in_as_many_servers_as_say_so(desk: Desk) -> None:
    await published(desk, TEN)
    for server, version, seen in (("a", 1, "now()"), ("b", 0, "now()"), ("gone", 1, "now() - interval '1 hour'")):
        await desk.rows(
            "INSERT INTO server_status (tenant, server_id, started_at, seen_at, rules_version)"
            f" VALUES ('demo', $1, now(), {seen}, $2)",
            server,
            version,
        )
    live = (await desk.get("/v1/releases/1/servers")).json()
    assert (live["live_count"], live["servers_count"], len(live["servers"])) == (1, 2, 3)
    servers = (await desk.get("/v1/servers")).json()
    assert (servers["rules_version"], servers["live_count"], servers["servers_count"]) == (1, 1, 2)
    assert servers["projector"] == {"seq": 0, "lag_rows": 0, "lag_s": 0.0, "trouble": ""}
    assert (await desk.get("/v1/servers/rules-in-force")).json()["rules_version"] == 3
