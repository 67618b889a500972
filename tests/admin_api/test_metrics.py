"""What waits for a sale or for a person, as metrics: counted from the tables people read."""

from __future__ import annotations

import time

import pytest

from altyn.admin_api.metrics import OfficeState
from altyn.journal.v1 import record_pb2 as journal_pb2
from altyn.pos.v1 import outcome_pb2, reasons_pb2, receipt_pb2
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.admin_api.desk import Desk
from tests.admin_api.journal import Journal, op_id_of

DAY_US = 86_400_000_000
PARKED, QUARANTINED, OK = outcome_pb2.STATUS_PARKED, outcome_pb2.STATUS_QUARANTINED, outcome_pb2.STATUS_OK


def returned(seq: int, number: int, status: int, days_ago: int, *, has_waited: bool = False) -> journal_pb2.Record:
    """A ReturnReceipt under `number`; `has_waited`: the record that decides one that was parked."""
    unknown = [reasons_pb2.REASON_ORIGINAL_UNKNOWN] if status == PARKED else []
    receipt = receipt_pb2.Receipt(store_id="s1", register_id="r1", shift_number=1, receipt_number=number)
    return journal_pb2.Record(
        format=1,
        kind=pos.OPERATION_KIND_RETURN,
        seq=seq,
        op_id=op_id_of(seq),
        instant_us=time.time_ns() // 1000 - days_ago * DAY_US,
        request=journal_pb2.Request(receipt=receipt),
        reply=pos.ReturnReceiptResponse(status=status, exceptions=unknown).SerializeToString(),
        natural_key_taken=has_waited,
        exceptions=unknown,
    )


def told(state: OfficeState) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels.get("status", "")): sample.value
        for metric in state.collect()
        for sample in metric.samples
    }


@pytest.fixture
async def journal(desk: Desk) -> Journal:
    return await Journal.open(desk.office.pool)


async def test_parked_returns_are_counted_until_they_are_decided_or_a_person_is_done(
    desk: Desk, journal: Journal
) -> None:
    await journal.append(returned(1, 11, PARKED, 3), returned(2, 12, PARKED, 2), returned(3, 13, PARKED, 1))
    await desk.office.projector.turn()
    state = OfficeState(desk.office)
    await state.refresh()
    found = told(state)
    assert found["altyn_returns_parked", ""] == 3
    assert found["altyn_returns_parked_oldest_seconds", ""] == pytest.approx(3 * 86_400, abs=60)
    assert not any(name == "altyn_exceptions_open" for name, _ in found)

    await journal.append(returned(4, 11, OK, 0, has_waited=True))
    await desk.office.projector.turn()
    assert (await desk.post("/v1/exceptions/2-0/resolve", json={"note": "the sale is lost"})).status_code == 200
    state = OfficeState(desk.office)
    await state.refresh()
    found = told(state)
    assert found["altyn_returns_parked", ""] == 1
    assert found["altyn_returns_parked_oldest_seconds", ""] == pytest.approx(86_400, abs=60)


async def test_open_exceptions_are_counted_by_status_with_the_age_of_the_oldest(desk: Desk, journal: Journal) -> None:
    await journal.append(journal.commit(1), quarantined(2, 5), quarantined(3, 1))
    await desk.office.projector.turn()
    state = OfficeState(desk.office)
    await state.refresh()
    found = told(state)
    assert (found["altyn_exceptions_open", "QUARANTINED"], found["altyn_exceptions_open", "OK"]) == (2, 1)
    assert found["altyn_exceptions_oldest_seconds", "QUARANTINED"] == pytest.approx(5 * 86_400, abs=60)
    for one in ("2-0", "3-0"):
        await desk.post(f"/v1/exceptions/{one}/resolve", json={"note": "done"})
    state = OfficeState(desk.office)
    await state.refresh()
    assert ("altyn_exceptions_open", "QUARANTINED") not in told(state)


def quarantined(seq: int, days_ago: int) -> journal_pb2.Record:
    made = returned(seq, 20 + seq, QUARANTINED, days_ago)
    made.exceptions.append(reasons_pb2.REASON_RETURNED_MORE_THAN_SOLD)
    return made


async def test_what_waits_is_not_counted_at_every_scrape(desk: Desk, journal: Journal) -> None:
    state = OfficeState(desk.office)
    await state.refresh()
    await journal.append(returned(1, 11, PARKED, 3))
    await desk.office.projector.turn()
    await state.refresh()
    assert told(state)["altyn_returns_parked", ""] == 0
    state.waiting_seen_s -= 61
    await state.refresh()
    assert told(state)["altyn_returns_parked", ""] == 1
