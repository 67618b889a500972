"""Antifraud in the back office: rules by four eyes into the feed, cases from the journal to a person's decision."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from altyn.admin_api.edge.rights import Grant
from altyn.core.facts import Facts
from altyn.core.facts.fraud import FRAUD_RULES_MAX, FraudRuleFact
from altyn.journal.v1 import record_pb2 as journal_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.feeds.credentials import Credentials
from altyn.server.feeds.facts import FactsFeed
from tests.admin_api.desk import TENANT, Desk
from tests.admin_api.journal import Journal

MANY: dict[str, Any] = {
    "kind": "CARD_RECEIPTS",
    "threshold": 4,
    "actions": ["TAG", "CASE", "DECLINE_REDEMPTION"],
    "title": "More than four receipts a day",
    "reason": "found in May",
}


async def as_(desk: Desk, person: str, method: str, path: str, body: Any = None, role: str = "ANTIFRAUD") -> Any:
    token = await desk.token_of(person, Grant(role, "NETWORK"))
    return await desk.call(method, f"/v1/{path}", json=body, headers={"authorization": f"Bearer {token}"})


async def proposed(desk: Desk, rule: str = "many", **fields: Any) -> httpx.Response:
    answer: httpx.Response = await as_(desk, "olga", "PUT", f"fraud-rules/{rule}", MANY | fields)
    return answer


async def fed(desk: Desk) -> Facts:
    """What a server knows that has read the feed."""
    facts = Facts()
    async with desk.office.pool.acquire() as connection:
        feed = FactsFeed(TENANT, facts, Credentials())
        await feed.pull(connection)
    return facts


# RULES


async def test_rule_acts_once_another_person_has_approved_it(desk: Desk) -> None:
    answer = await proposed(desk)
    assert (answer.status_code, answer.json()["state"]) == (202, "PROPOSED")
    change = f"fraud-changes/{answer.json()['change_id']}"
    assert (await fed(desk)).fraud.count == 0
    assert (await desk.get("/v1/fraud-rules/many")).json()["reason"] == "FRAUD_RULE_UNKNOWN"
    own = await as_(desk, "olga", "POST", f"{change}/approve")
    assert (own.status_code, own.json()["reason"]) == (403, "OWN_FRAUD_CHANGE")
    applied = (await as_(desk, "igor", "POST", f"{change}/approve", role="SALES_DIRECTOR")).json()
    assert (applied["state"], applied["decided_by"]) == ("APPLIED", "person:igor")
    again = await as_(desk, "igor", "POST", f"{change}/approve")
    assert (again.status_code, again.json()["reason"]) == (409, "FRAUD_CHANGE_DECIDED")
    actions = ("CASE", "DECLINE_REDEMPTION", "TAG")
    assert (await fed(desk)).fraud.get("many") == FraudRuleFact("many", "CARD_RECEIPTS", "DAY", 4, 0, actions)
    shown = (await desk.get("/v1/fraud-rules")).json()["rules"]
    assert [(one["rule"], one["threshold"], one["state"]) for one in shown] == [("many", 4, "ACTIVE")]
    told = await desk.rows(
        "SELECT actor, action, object_id FROM audit_log WHERE action LIKE 'fraud.%' ORDER BY audit_no"
    )
    assert [tuple(row) for row in told] == [
        ("person:olga", "fraud.propose", "many"),
        ("person:igor", "fraud.approve", "many"),
    ]


async def test_rule_that_is_switched_off_leaves_the_servers(desk: Desk) -> None:
    for state, known in (("ACTIVE", True), ("OFF", False), ("ACTIVE", True)):
        change = (await proposed(desk, state=state)).json()["change_id"]
        await as_(desk, "igor", "POST", f"fraud-changes/{change}/approve")
        assert ((await fed(desk)).fraud.get("many") is not None) == known
        assert (await desk.get("/v1/fraud-rules/many")).json()["state"] == state


async def test_rejected_and_late_proposals_change_nothing(desk: Desk) -> None:
    change = (await proposed(desk)).json()["change_id"]
    assert (await as_(desk, "olga", "POST", f"fraud-changes/{change}/reject")).json()["state"] == "REJECTED"
    assert (await as_(desk, "igor", "POST", f"fraud-changes/{change}/approve")).status_code == 409
    change = (await proposed(desk)).json()["change_id"]
    await desk.rows("UPDATE fraud_changes SET proposed_at = proposed_at - interval '72 hours' RETURNING 1")
    assert (await as_(desk, "igor", "POST", f"fraud-changes/{change}/approve")).status_code == 409
    assert (await fed(desk)).fraud.count == 0
    listed = (await desk.get("/v1/fraud-changes?state=PROPOSED")).json()["changes"]
    assert [one["change_id"] for one in listed] == [change]
    unknown = await desk.get("/v1/fraud-changes/99")
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "FRAUD_CHANGE_UNKNOWN")


async def test_no_more_rules_are_on_than_act(desk: Desk) -> None:
    await desk.rows(
        "INSERT INTO fraud_rules (tenant, rule, kind, actions, state, version, valid_from)"
        " SELECT $1, 'r' || n, 'CARD_RECEIPTS', '{TAG}', 'ACTIVE', 1, now() FROM generate_series(1, $2::int) AS n"
        " RETURNING 1",
        TENANT,
        FRAUD_RULES_MAX,
    )
    change = (await proposed(desk)).json()["change_id"]
    full = await as_(desk, "igor", "POST", f"fraud-changes/{change}/approve")
    assert (full.status_code, full.json()["reason"]) == (409, "FRAUD_RULES_FULL")
    change = (await proposed(desk, "r1")).json()["change_id"]
    assert (await as_(desk, "igor", "POST", f"fraud-changes/{change}/approve")).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "STRANGE"},
        {"window": "YEAR"},
        {"threshold": -1},
        {"seconds": 60},
        {"kind": "CARD_INTERVAL"},
        {"kind": "CARD_INTERVAL", "threshold": 0},
        {"actions": []},
        {"actions": ["HOLDBACK"]},
        {"holdback_days": 3},
        {"kind": "CASHIER_RETURNS"},
        {"kind": "DUPLICATE_SIGN", "window": "ALWAYS", "actions": ["CASE"]},
        {"share_percent": 20},
        {"kind": "CASHIER_CARD_SHARE"},
        {"kind": "CASHIER_CARD_SHARE", "share_percent": 101},
        {"kind": "CASHIER_ACTIVATIONS", "window": "ALWAYS"},
        {"reason": ""},
    ],
)
async def test_rule_that_makes_no_sense_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    assert (await proposed(desk, **wrong)).status_code == 422
    assert await desk.rows("SELECT FROM fraud_changes") == []


async def test_a_share_acts_as_it_was_proposed(desk: Desk) -> None:
    made = (await proposed(desk, kind="CASHIER_CARD_SHARE", window="MONTH", threshold=3, share_percent=20)).json()
    assert (made["value"]["threshold"], made["value"]["share_percent"]) == (3, 20)
    await desk.rows("UPDATE fraud_changes SET proposed_by = 'somebody else'")
    await desk.post(f"/v1/fraud-changes/{made['change_id']}/approve")
    [row] = await desk.rows("SELECT kind, threshold, share_percent, state FROM fraud_rules")
    assert tuple(row) == ("CASHIER_CARD_SHARE", 3, 20, "ACTIVE")


# CASES


def tripped(journal: Journal, seq: int, *trips: tuple[str, int, bool]) -> journal_pb2.Record:
    sale = journal.commit(seq)
    sale.request.receipt.cashier_id = f"c{seq}"
    sale.evidence.customer.card_id = 40 + seq
    for rule, count, wants_case in trips:
        sale.evidence.fraud.trips.add(rule=rule, kind=1, count=count, threshold=4, wants_case=wants_case)
    return sale


@pytest.fixture
async def projected(desk: Desk) -> Desk:
    """Seq 1 and 2 tripped rules, 3 is a Reserve of such a sale, 4 a sale that only earns a tag."""
    journal = await Journal.open(desk.office.pool)
    asked = tripped(journal, 3, ("many", 7, True))
    asked.kind = pos.OPERATION_KIND_RESERVE
    await journal.append(
        tripped(journal, 1, ("many", 5, True)),
        tripped(journal, 2, ("tagged", 9, False), ("many", 6, True), ("quick", 2, True)),
        asked,
        tripped(journal, 4, ("tagged", 9, False)),
    )
    await desk.office.projector.turn()
    return desk


async def listed(desk: Desk, query: str = "") -> list[str]:
    found: list[dict[str, Any]] = (await desk.get(f"/v1/fraud-cases{query}")).json()["cases"]
    return [one["case_id"] for one in found]


async def test_each_rule_that_wants_a_person_makes_a_case_newest_first(projected: Desk) -> None:
    assert await listed(projected) == ["2-1", "2-0", "1-0"]
    case = (await projected.get("/v1/fraud-cases/2-0")).json()
    assert {name: case[name] for name in ("rule", "kind", "operation", "count", "threshold", "state", "verdict")} == {
        "rule": "many",
        "kind": "CARD_RECEIPTS",
        "operation": "COMMIT",
        "count": 6,
        "threshold": 4,
        "state": "OPEN",
        "verdict": None,
    }
    assert (case["store_id"], case["receipt_number"], case["cashier_id"], case["card_id"]) == ("s1", 2, "c2", 42)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("rule=quick", ["2-1"]),
        ("kind=CARD_INTERVAL", []),
        ("kind=CARD_RECEIPTS&store_id=s1&register_id=r1", ["2-1", "2-0", "1-0"]),
        ("store_id=s9", []),
        ("cashier_id=c1", ["1-0"]),
        ("card_id=42", ["2-1", "2-0"]),
        ("before=2-1", ["2-0", "1-0"]),
        ("limit=1", ["2-1"]),
        ("state=DECIDED", []),
        ("state=OPEN&rule=many", ["2-0", "1-0"]),
        ("from_at=2027-01-15T08:00:00.000002Z", ["2-1", "2-0"]),
        ("to_at=2027-01-15T08:00:00.000002Z", ["1-0"]),
    ],
)
async def test_cases_are_filtered(projected: Desk, query: str, ids: list[str]) -> None:
    assert await listed(projected, f"?{query}") == ids


async def test_case_is_decided_once_with_a_note(projected: Desk) -> None:
    found = {"verdict": "HONEST", "note": "a family with one card"}
    decided = (await projected.post("/v1/fraud-cases/1-0/decide", json=found)).json()
    assert (decided["state"], decided["verdict"], decided["note"]) == ("DECIDED", "HONEST", "a family with one card")
    again = await projected.post("/v1/fraud-cases/1-0/decide", json=found | {"verdict": "FRAUD"})
    assert (again.status_code, again.json()["reason"]) == (409, "FRAUD_CASE_DECIDED")
    assert (await listed(projected, "?state=DECIDED"), await listed(projected, "?state=OPEN")) == (
        ["1-0"],
        ["2-1", "2-0"],
    )
    unknown = await projected.post("/v1/fraud-cases/9-0/decide", json=found)
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "FRAUD_CASE_UNKNOWN")
    told = await projected.rows("SELECT object_id FROM audit_log WHERE action = 'fraud.decide'")
    assert [row["object_id"] for row in told] == ["1-0"]
