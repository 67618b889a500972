"""Balances and manual accruals through the processing server; history from the projector's tables."""

from __future__ import annotations

import asyncio

import pytest

from tests.admin_api.desk import Desk, SmallServer
from tests.admin_api.journal import Journal


@pytest.fixture(autouse=True)
async def accounts(desk: Desk) -> None:
    """Cards of accounts 7, which the small server knows, and 8, which it does not."""
    await desk.rows(
        "INSERT INTO cards (tenant, card_id, number_hash, last4, account_id, version, valid_from)"
        " SELECT 'demo', account_id, sha256(account_id::text::bytea), '', account_id, 1, now()"
        " FROM unnest('{7,8}'::bigint[]) AS account_id"
    )


ADJUSTMENT = {"asset": "bonus", "points": 500, "reason": "apology for a queue"}


async def test_balance_comes_from_the_server_with_its_lots(desk: Desk) -> None:
    await desk.post("/v1/accounts/7/adjustments", json=ADJUSTMENT)
    balance = (await desk.get("/v1/accounts/7/balance")).json()
    assert (balance["seq"], balance["balances"][0]["active_points"]) == (1, 500)
    [lot] = balance["balances"][0]["lots"]
    assert (lot["active_from"], lot["expires_at"]) == ("1970-01-01T00:00:01Z", None)
    for account in (8, 9):
        assert (await desk.get(f"/v1/accounts/{account}/balance")).json()["reason"] == "ACCOUNT_UNKNOWN"


async def test_adjustment_whose_answer_was_lost_gives_points_once(
    desk: Desk, server: tuple[str, SmallServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = {"idempotency-key": "apology 17"}

    async def lost(*_: object) -> None:
        raise RuntimeError("the database went away before COMMIT")

    with monkeypatch.context() as patched:
        patched.setattr("altyn.admin_api.edge.routes.keep_answer", lost)
        assert (await desk.post("/v1/accounts/7/adjustments", json=ADJUSTMENT, headers=once)).status_code == 500
    again = await desk.post("/v1/accounts/7/adjustments", json=ADJUSTMENT, headers=once)
    assert (again.status_code, again.json()["journal_seq"], again.headers["altyn-journal-seq"]) == (201, 1, "1")
    small = server[1]
    [(op_id, asked)] = small.adjusted.items()
    assert (op_id.hex(), asked.points, asked.reason) == (again.json()["op_id"], 500, "apology for a queue")
    assert await desk.deeds() == ["accounts.adjust"]
    other = await desk.post("/v1/accounts/7/adjustments", json=ADJUSTMENT)
    assert other.json()["op_id"] != op_id.hex()


@pytest.mark.parametrize(
    ("account", "change", "reason"),
    [
        (8, {}, "ADJUSTMENT_DECLINED"),
        (9, {}, "ACCOUNT_UNKNOWN"),
        (7, {"asset": "nothing"}, "INVALID"),
        (7, {"points": 0}, "INVALID"),
        (7, {"points": 1.5}, "INVALID"),
        (7, {"points": "5"}, "INVALID"),
        (7, {"reason": ""}, "INVALID"),
        (7, {"expires_at": "2027-01-01T00:00:00"}, "INVALID"),
    ],
)
async def test_adjustment_that_cannot_be_is_refused(
    desk: Desk, account: int, change: dict[str, object], reason: str
) -> None:
    answer = await desk.post(f"/v1/accounts/{account}/adjustments", json=ADJUSTMENT | change)
    assert answer.json()["reason"] == reason
    assert await desk.deeds() == []


async def test_server_away_is_told_as_such(desk: Desk) -> None:
    await desk.office.ops.close()
    desk.office.ops.__init__("unix:/nowhere", bytes(32))  # type: ignore[misc]
    answer = await desk.get("/v1/accounts/7/balance")
    assert (answer.status_code, answer.json()["reason"]) == (503, "SERVER_AWAY")


async def test_server_that_knows_another_key_is_a_fault_of_the_installation(
    desk: Desk, server: tuple[str, SmallServer]
) -> None:
    await desk.office.ops.close()
    desk.office.ops.__init__(server[0], bytes(32))  # type: ignore[misc]
    assert (await desk.get("/v1/servers/rules-in-force")).json()["reason"] == "SERVER_REFUSED"


async def test_history_waits_for_the_projector_and_pages_by_whole_operations(desk: Desk) -> None:
    await desk.put("/v1/assets/bonus", json={})
    journal = await Journal.open(desk.office.pool)
    await journal.append(*(journal.accrual(seq, account_id=7, points=seq * 100) for seq in range(1, 4)))
    running = asyncio.create_task(desk.office.projector.run())
    try:
        page = (await desk.get("/v1/accounts/7/entries?wait_seq=3&limit=2")).json()
    finally:
        running.cancel()
    assert page["projected_seq"] == 3
    assert [(one["seq"], one["kind"], one["asset"], one["points"]) for one in page["entries"]] == [
        (3, "ACCRUAL", "bonus", 300),
        (2, "ACCRUAL", "bonus", 200),
    ]
    rest = (await desk.get(f"/v1/accounts/7/entries?before_seq={page['next_before_seq']}")).json()
    assert ([one["seq"] for one in rest["entries"]], rest["next_before_seq"]) == ([1], None)
