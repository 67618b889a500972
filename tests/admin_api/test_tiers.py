"""Tiers of the program: one value, what cannot be is refused, every change is audited."""

from __future__ import annotations

from typing import Any

import pytest

from tests.admin_api.desk import Desk

TIERS: dict[str, Any] = {
    "by": "TURNOVER",
    "period": "MONTH",
    "tiers": [{"tier": "silver", "rank": 1, "sum": 100_00}, {"tier": "gold", "rank": 2, "sum": 1000_00}],
}


async def test_tiers_are_put_read_changed_and_deleted_whole(desk: Desk) -> None:
    assert (await desk.get("/v1/tiers")).json()["reason"] == "TIERS_UNKNOWN"
    put = (await desk.put("/v1/tiers", json=TIERS)).json()
    assert put == (await desk.get("/v1/tiers")).json()
    assert (put["valid_periods"], [one["tier"] for one in put["tiers"]]) == (1, ["silver", "gold"])
    assert (await desk.put("/v1/tiers", json=TIERS)).json()["feed_version"] == put["feed_version"]
    changed = (await desk.put("/v1/tiers", json=TIERS | {"period": "DAYS", "days": 30})).json()
    assert changed["days"] == 30 and changed["feed_version"] > put["feed_version"]
    assert (await desk.delete("/v1/tiers")).status_code == 204
    assert (await desk.delete("/v1/tiers")).status_code == (await desk.get("/v1/tiers")).status_code == 404
    rows = (await desk.get("/v1/audit?object_kind=tiers")).json()["rows"]
    assert [row["action"] for row in rows] == ["tiers.delete", "tiers.put", "tiers.put"]


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"by": "POINTS"}, "asset"),
        ({"asset": "bonus"}, "asset"),
        ({"by": "POINTS", "asset": "stars"}, "asset"),
        ({"period": "DAYS"}, "days"),
        ({"days": 30}, "days"),
        ({"tiers": [*TIERS["tiers"], {"tier": "top", "rank": 3, "sum": 1000_00}]}, "tiers"),
        ({"tiers": [*TIERS["tiers"], {"tier": "gold", "rank": 3, "sum": 9000_00}]}, "tiers"),
    ],
)
async def test_terms_that_contradict_themselves_are_refused(desk: Desk, wrong: dict[str, Any], path: str) -> None:
    refused = await desk.put("/v1/tiers", json=TIERS | wrong)
    assert (refused.status_code, refused.json()["reason"], refused.json()["path"]) == (422, "TIERS_INVALID", path)
    assert (await desk.get("/v1/tiers")).status_code == 404
