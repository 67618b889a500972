"""The program: its title and money, its zone for ever, and what assets say about the life of points."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.admin_api.desk import Desk, SmallServer

PROGRAM = {"title": "Zerno", "currency": "KZT", "exponent": 2}


async def test_program_changes_its_title_and_money_and_never_its_zone(desk: Desk) -> None:
    await desk.put("/v1/assets/bonus", json={"title": {"en": "Bonus"}, "expire_after_days": 30})
    changed = (await desk.put("/v1/program", json=PROGRAM | {"zone": "Europe/Moscow"})).json()
    assert (changed["title"], changed["currency"], changed["zone"]) == ("Zerno", "KZT", "Europe/Moscow")
    assert [(one["asset"], one["zone"], one["expire_after_days"]) for one in changed["assets"]] == [
        ("bonus", "Europe/Moscow", 30)
    ]
    fixed = await desk.put("/v1/program", json=PROGRAM | {"zone": "Asia/Almaty"})
    assert (fixed.status_code, fixed.json()["reason"]) == (409, "ZONE_FIXED")
    await desk.put("/v1/program", json=PROGRAM)
    rows = (await desk.get("/v1/audit?object_kind=program")).json()["rows"]
    assert [(row["before"]["currency"], row["after"]["currency"]) for row in rows] == [("RUB", "KZT")]
    store = (await desk.put("/v1/stores/s1", json={"zone": "Asia/Almaty"})).json()
    assert (store["currency"], store["exponent"]) == ("KZT", 2)


async def test_points_given_by_hand_live_as_long_as_the_asset_says(desk: Desk, server: tuple[str, SmallServer]) -> None:
    await desk.put("/v1/assets/bonus", json={"expire_after_days": 30})
    await desk.rows(
        "INSERT INTO cards (tenant, card_id, number_hash, last4, account_id, version, valid_from)"
        " VALUES ('demo', 7, sha256('7'), '', 7, 1, now())"
    )
    # 22:00 UTC is the next day in Moscow already; the last day is included.
    desk.office.clock = lambda: datetime(2027, 1, 14, 22, 0, tzinfo=UTC)
    asked = {"asset": "bonus", "points": 5, "reason": "welcome"}
    for given in (asked, asked | {"expires_at": None}, asked | {"expires_at": "2027-03-01T00:00:00Z"}):
        assert (await desk.post("/v1/accounts/7/adjustments", json=given)).status_code == 201
    ends = [datetime.fromtimestamp(one.expires_at_us / 1e6, UTC) for one in server[1].adjusted.values()]
    assert ends == [
        datetime(2027, 2, 14, 21, 0, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2027, 3, 1, tzinfo=UTC),
    ]
