"""Facts a till keeps while it is offline, and tells together later."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from pathlib import Path

import grpc
import pytest

from altyn.pos.v1 import outcome_pb2, pos_service_pb2
from altyn.register import Attempt, Register
from altyn.register.records import Queued
from altyn.register.uploads import BYTES_MAX, FACTS_MAX, together
from tests.register.fake_server import FakeServer, serving
from tests.register.test_client import NOON, register_at, run, sale, until


def test_kept_facts_are_sent_by_nobody_until_the_upload_and_leave_the_file_with_it(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        kept = [await register.keep("CommitReceipt", sale(number)) for number in (1, 2)]
        kept.append(await register.keep("ReturnReceipt", sale(3)))
        assert fake.requests == []
        assert all(answer.is_queued for answer in kept)
        assert [one.op_id for one in register.file.pending()] == [one.op_id for one in kept]
        results = await register.upload([*reversed(kept), kept[0]])
        assert [result.op_id for result in results] == [one.op_id for one in (*reversed(kept), kept[0])]
        assert {result.status for result in results} == {outcome_pb2.STATUS_OK}
        assert results[2].seq == results[3].seq
        assert register.file.pending() == ()
        assert {one.op_id: one.request for one in kept} == {op_id: sent for op_id, (sent, _) in fake.applied.items()}
        assert fake.doubled == []

    run(fake, tmp_path, play)


def test_kept_facts_that_are_never_uploaded_are_sent_by_drain_in_order(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        kept = [await register.keep("CommitReceipt", sale(number)) for number in (1, 2)]
        drained = await register.drain()
        assert (drained.left_count, fake.order()) == (0, [one.op_id for one in kept])

    run(fake, tmp_path, play)


def test_only_facts_about_receipts_can_be_kept(tmp_path: Path) -> None:
    async def play(register: Register) -> None:
        with pytest.raises(ValueError, match="ReserveReceipt"):
            await register.keep("ReserveReceipt", sale(1))
        assert register.file.pending() == ()

    run(FakeServer(), tmp_path, play)


def test_queue_of_days_is_told_in_uploads_of_a_bounded_size_with_the_bytes_as_saved(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        kept = [await register.keep("CommitReceipt", sale(number)) for number in range(2 * FACTS_MAX + 1)]
        drained = await register.drain()
        assert [answer.op_id for answer in drained.answers] == [one.op_id for one in kept] == fake.order()
        assert {answer.status for answer in drained.answers} == {"OK"}
        assert all(answer.response.seq for answer in drained.answers)
        assert calls(fake) == ["UploadReceipts", "UploadReceipts", "CommitReceipt"]
        assert {one.op_id: one.request for one in kept} == {op_id: sent for op_id, (sent, _) in fake.applied.items()}
        assert register.file.pending() == ()

    run(fake, tmp_path, play)


def calls(fake: FakeServer) -> list[str]:
    """Calls on the wire: what stands inside an upload is left out."""
    found: list[str] = []
    inside = 0
    for call, request in fake.requests:
        if inside:
            inside -= 1
            continue
        found.append(call)
        if call == "UploadReceipts":
            told = pos_service_pb2.UploadReceiptsRequest.FromString(request).receipts
            inside = sum(getattr(one, one.WhichOneof("fact") or "").op_id not in fake.upload_declines for one in told)
            inside = min(inside, fake.upload_takes_max)
    return found


def test_large_facts_make_smaller_uploads() -> None:
    queue = [Queued(bytes([n]) * 16, n, 0, "CommitReceipt", (), b"x" * (BYTES_MAX // 3)) for n in range(5)]
    assert [one.register_seq for one in together(queue, lambda one: True)] == [0, 1, 2]
    assert together(queue, lambda one: one.register_seq < 1) == []
    assert together([Queued(b"", 1, 0, "CommitReceipt", (), b"x" * BYTES_MAX * 2), *queue], lambda one: True) == []


def test_reservation_in_the_queue_goes_alone_and_in_its_turn(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["lose"] * 60))

    async def play(register: Register) -> None:
        made = [await register.keep("CommitReceipt", sale(number)) for number in (1, 2)]
        made.append(await register.reserve(sale(3)))
        made += [await register.keep("CommitReceipt", sale(number)) for number in (4, 5)]
        fake.faults.clear()
        fake.requests.clear()
        drained = await register.drain()
        assert [answer.op_id for answer in drained.answers] == fake.order() == [one.op_id for one in made]
        assert calls(fake) == ["UploadReceipts", "ReserveReceipt", "UploadReceipts"]

    run(fake, tmp_path, play)


def test_fact_declined_in_an_upload_is_told_alone_and_set_apart_with_the_servers_words(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        kept = [await register.keep("CommitReceipt", sale(number)) for number in range(4)]
        fake.upload_declines = {kept[1].op_id, kept[2].op_id}
        fake.faults.extend(["none", grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED])
        drained = await register.drain()
        assert [answer.op_id for answer in drained.answers] == [kept[0].op_id, kept[3].op_id]
        assert (drained.rejected_count, drained.left_count, drained.stopped_by) == (2, 0, "")
        assert [operation.op_id for operation, _ in register.file.refusals()] == [kept[1].op_id, kept[2].op_id]
        assert all("receipt.lines[0].qty_milli" in why for _, why in register.file.refusals())

    run(fake, tmp_path, play)


def test_server_that_takes_a_part_gets_the_rest_in_the_next_upload(tmp_path: Path) -> None:
    fake = FakeServer(upload_takes_max=3)

    async def play(register: Register) -> None:
        kept = [await register.keep("CommitReceipt", sale(number)) for number in range(8)]
        drained = await register.drain()
        assert [answer.op_id for answer in drained.answers] == fake.order() == [one.op_id for one in kept]
        assert calls(fake) == ["UploadReceipts"] * 3

    run(fake, tmp_path, play)


def test_server_that_takes_nothing_is_not_asked_again_at_once(tmp_path: Path) -> None:
    fake = FakeServer(upload_takes_max=0)

    async def play(register: Register) -> None:
        for number in range(3):
            await register.keep("CommitReceipt", sale(number))
        drained = await register.drain()
        assert (drained.left_count, bool(drained.stopped_by)) == (3, True)
        assert [call for call, _ in fake.requests] == ["UploadReceipts"]

    run(fake, tmp_path, play)


def test_server_without_uploads_is_told_one_by_one_and_not_asked_for_them_again(tmp_path: Path) -> None:
    fake = FakeServer(has_uploads=False)

    async def play(register: Register) -> None:
        kept = [await register.keep("CommitReceipt", sale(number)) for number in range(3)]
        assert (await register.drain()).left_count == 0
        kept += [await register.keep("CommitReceipt", sale(number)) for number in (3, 4)]
        assert (await register.drain()).left_count == 0
        assert fake.order() == [one.op_id for one in kept]
        assert [call for call, _ in fake.requests] == ["UploadReceipts"] + ["CommitReceipt"] * 5

    run(fake, tmp_path, play)


def test_power_cut_in_the_middle_of_an_upload_loses_and_doubles_nothing(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["drop"] * 60))

    async def whole() -> None:
        async with serving(fake, tmp_path):
            async with register_at(fake.target, tmp_path) as register:
                kept = [await register.keep("CommitReceipt", sale(number)) for number in range(5)]
                drained = await register.drain()
                assert (drained.left_count, drained.answers) == (5, [])
            assert set(fake.applied) == {one.op_id for one in kept}
            fake.faults.clear()
            async with register_at(fake.target, tmp_path) as register:
                drained = await register.resume()
                assert [answer.op_id for answer in drained.answers] == [one.op_id for one in kept]
                assert register.file.pending() == ()
        assert (fake.doubled, len(fake.applied)) == ([], 5)

    asyncio.run(whole())


def test_void_made_while_the_sale_is_being_uploaded_waits_for_it(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["slow"]), slow_s=0.2)

    async def play(register: Register) -> None:
        kept = [await register.keep("CommitReceipt", sale(number)) for number in (1, 2)]
        draining = asyncio.ensure_future(register.drain())
        await until(lambda: fake.requests)
        void = await register.cancel(shift_number=7, receipt_number=1, at=NOON)
        assert fake.order() == [*(one.op_id for one in kept), void.op_id]
        assert calls(fake) == ["UploadReceipts", "CancelReceipt"]
        assert [answer.op_id for answer in (await draining).answers] == [one.op_id for one in kept]

    run(fake, tmp_path, play)


def test_results_of_other_operations_settle_nothing(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["nonsense", "silent"] * 30))

    async def play(register: Register) -> None:
        for number in range(3):
            await register.keep("CommitReceipt", sale(number))
        assert (await register.drain()).left_count == 3

    run(fake, tmp_path, play)


def test_upload_is_told_to_the_history_whole_and_fact_by_fact(tmp_path: Path) -> None:
    fake = FakeServer()
    told: list[Attempt] = []

    async def play(register: Register) -> None:
        kept = [await register.keep("CommitReceipt", sale(number)) for number in range(3)]
        await register.drain()
        assert [(attempt.op_id, attempt.is_of_upload) for attempt in told] == [
            (b"", False),
            *((one.op_id, True) for one in kept),
        ]
        for attempt, one in zip(told[1:], kept, strict=True):
            assert attempt.request_sha256 == hashlib.sha256(one.request).digest()
            result = pos_service_pb2.UploadResult.FromString(attempt.reply or b"")
            assert (result.op_id, result.status) == (one.op_id, outcome_pb2.STATUS_OK)

    run(fake, tmp_path, play, history=told.append)
