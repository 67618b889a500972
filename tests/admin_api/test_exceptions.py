"""Exceptions: from the journal through the projector to a person's decision."""

from __future__ import annotations

from typing import Any

import pytest

from altyn.journal.v1 import record_pb2 as journal_pb2
from altyn.pos.v1 import outcome_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.admin_api.desk import Desk
from tests.admin_api.journal import INSTANT_US, Journal, op_id_of


def cancelled(seq: int, *reasons: int) -> journal_pb2.Record:
    """A CancelReceipt that was stored and not applied."""
    reply = pos.CancelReceiptResponse(status=outcome_pb2.STATUS_QUARANTINED, exceptions=reasons)
    request = pos.CancelReceiptRequest(store_id="s2", register_id="r9", shift_number=4, receipt_number=seq)
    return journal_pb2.Record(
        format=1,
        kind=pos.OPERATION_KIND_CANCEL,
        seq=seq,
        op_id=op_id_of(seq),
        instant_us=INSTANT_US + seq,
        request=journal_pb2.Request(cancel=request),
        reply=reply.SerializeToString(),
        exceptions=reasons,
    )


@pytest.fixture(autouse=True)
async def projected(desk: Desk) -> None:
    """Seq 1: a receipt of an unknown SKU; 2: a void with two reasons, one of a newer server; 3: nothing wrong."""
    journal = await Journal.open(desk.office.pool)
    await journal.append(journal.commit(1), cancelled(2, 22, 31_999), journal.accrual(3, account_id=7, points=1))
    await desk.office.projector.turn()


async def listed(desk: Desk, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await desk.get(f"/v1/exceptions{query}")).json()["exceptions"]
    return found


async def test_exceptions_tell_kind_reason_and_receipt_newest_first(desk: Desk) -> None:
    found = await listed(desk, "?wait_seq=3")
    assert [(one["exception_id"], one["kind"], one["status"], one["reason"]) for one in found] == [
        ("2-1", "CANCEL", "QUARANTINED", "#31999"),
        ("2-0", "CANCEL", "QUARANTINED", "DUPLICATE_NUMBER"),
        ("1-0", "COMMIT", "OK", "SKU_UNKNOWN"),
    ]
    assert found[1]["receipt"] == {"store_id": "s2", "register_id": "r9", "shift_number": 4, "receipt_number": 2}
    assert (found[2]["account_id"], found[2]["state"], found[0]["account_id"]) == (7, "OPEN", None)
    counts = (await desk.get("/v1/exceptions/counts")).json()
    assert {one["reason"]: one["open_count"] for one in counts["open"]} == {
        "SKU_UNKNOWN": 1,
        "DUPLICATE_NUMBER": 1,
        "#31999": 1,
    }
    assert counts["projected_seq"] == 3


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("reason=DUPLICATE_NUMBER", ["2-0"]),
        ("reason=%2331999", ["2-1"]),
        ("kind=COMMIT", ["1-0"]),
        ("status=QUARANTINED", ["2-1", "2-0"]),
        ("store_id=s2&register_id=r9", ["2-1", "2-0"]),
        ("store_id=s3", []),
        ("before=2-1", ["2-0", "1-0"]),
        ("from_at=2027-01-15T08:00:00.000002Z", ["2-1", "2-0"]),
        ("to_at=2027-01-15T08:00:00.000002Z", ["1-0"]),
        ("state=RESOLVED", []),
    ],
)
async def test_exceptions_are_filtered(desk: Desk, query: str, ids: list[str]) -> None:
    assert [one["exception_id"] for one in await listed(desk, f"?{query}")] == ids


async def test_exceptions_are_paged_and_names_nobody_knows_refused(desk: Desk) -> None:
    first = (await desk.get("/v1/exceptions?limit=2")).json()
    assert ([one["exception_id"] for one in first["exceptions"]], first["next_before"]) == (["2-1", "2-0"], "2-0")
    wrong = await desk.get("/v1/exceptions?reason=NOBODY")
    assert (wrong.status_code, wrong.json()["reason"], wrong.json()["path"]) == (422, "NAME_UNKNOWN", "reason")


async def test_exception_is_resolved_once_with_a_note_and_reopened(desk: Desk) -> None:
    done = (await desk.post("/v1/exceptions/2-0/resolve", json={"note": "both receipts were paid"})).json()
    assert (done["state"], done["note"], done["resolved_by"] != "") == ("RESOLVED", "both receipts were paid", True)
    again = await desk.post("/v1/exceptions/2-0/resolve", json={"note": "once more"})
    assert (again.status_code, again.json()["reason"]) == (409, "EXCEPTION_RESOLVED")
    assert [one["exception_id"] for one in await listed(desk, "?state=OPEN")] == ["2-1", "1-0"]
    assert [one["exception_id"] for one in await listed(desk, "?state=RESOLVED")] == ["2-0"]
    opened = (await desk.post("/v1/exceptions/2-0/reopen", json={"note": "a mistake"})).json()
    assert (opened["state"], opened["note"]) == ("OPEN", None)
    assert (await desk.post("/v1/exceptions/9-0/resolve", json={"note": "nothing"})).status_code == 404
    rows = (await desk.get("/v1/audit?object_kind=exception&object_id=2-0")).json()["rows"]
    assert [(row["action"], row["before"]["state"], row["after"]["note"]) for row in rows] == [
        ("exceptions.reopen", "RESOLVED", "a mistake"),
        ("exceptions.resolve", "OPEN", "both receipts were paid"),
    ]


async def test_decisions_survive_making_the_projection_anew(desk: Desk) -> None:
    await desk.post("/v1/exceptions/1-0/resolve", json={"note": "goods added"})
    before = await listed(desk)
    await desk.rows("TRUNCATE receipts, receipt_lines, receipt_discounts, ledger_entries, exceptions")
    await desk.rows("UPDATE projector_checkpoint SET seq = 0")
    await desk.office.projector.turn()
    assert await listed(desk) == before
