"""The register against a real grpc.aio server that loses, delays and repeats."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altyn.pos.v1 import pos_service_pb2, receipt_pb2
from altyn.register import (
    CallRejected,
    FileFailed,
    JsonLines,
    Line,
    LocalTime,
    NoAnswer,
    PlaintextRefused,
    Register,
    StoreForward,
    TimeOut,
    build_receipt,
    card,
)
from altyn.register.backoff import BURST_RETRIES_MAX, Backoff, RetryBudget
from altyn.register.client import TIME_OUTS
from tests.register.fake_server import FakeServer, serving

NOON = LocalTime.of(datetime(2026, 5, 4, 12, 0, tzinfo=timezone(timedelta(hours=3))))
QUICK = {call: TimeOut(0.5, 3.0) for call in TIME_OUTS}


def sale(number: int, price_minor: int = 19_990) -> receipt_pb2.Receipt:
    return build_receipt(
        store_id="s1",
        register_id="r1",
        shift_number=7,
        receipt_number=number,
        lines=[Line("milk", price_minor), Line("cheese", 89_900, qty_milli=345, unit=receipt_pb2.UNIT_KG)],
        currency="RUB",
        at=NOON,
        identity=card("2200123456789012"),
    )


def register_at(target: str, folder: Path, **given: Any) -> Register:
    given.setdefault("time_outs", QUICK)
    given.setdefault("backoff", Backoff(0.005, 0.02, seed=1))
    return Register(target, store_id="s1", register_id="r1", key="k1", file=folder / "saf", **given)


async def until(holds: Callable[[], object]) -> None:
    """Poll; the caller's test is stopped by pytest, not by a clock."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.002)


def run(fake: FakeServer, folder: Path, play: Callable[[Register], Awaitable[None]], **given: Any) -> None:
    async def whole() -> None:
        async with serving(fake, folder), register_at(fake.target, folder, **given) as register:
            await play(register)

    asyncio.run(whole())


def test_commit_with_a_good_server_is_answered_and_leaves_the_file(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        answer = await register.commit(sale(1))
        assert (answer.status, answer.is_ok, answer.attempts_count) == ("OK", True, 1)
        assert answer.reply == fake.applied[answer.op_id][1]
        assert register.file.pending() == ()
        request = pos_service_pb2.CommitReceiptRequest.FromString(fake.requests[0][1])
        assert (request.op_id, request.register_seq) == (answer.op_id, 1)
        assert request.receipt == sale(1)
        assert fake.metadata[0]["authorization"] == "Bearer k1"

    run(fake, tmp_path, play)


@pytest.mark.parametrize(
    "fault", ["lose", "drop", "slow", "nonsense", "silent", grpc.StatusCode.INTERNAL, grpc.StatusCode.CANCELLED]
)
def test_commit_after_one_silence_is_resent_with_the_same_bytes_and_applied_once(tmp_path: Path, fault: Any) -> None:
    fake = FakeServer(faults=deque([fault]))

    async def play(register: Register) -> None:
        answer = await register.commit(sale(1))
        assert answer.is_ok
        assert answer.attempts_count == 2
        assert len(fake.requests) == 2
        assert fake.requests[0] == fake.requests[1]
        assert len(fake.applied) == 1
        assert not fake.doubled

    run(fake, tmp_path, play)


def test_a_server_that_stays_silent_leaves_the_commit_queued_and_drain_sends_it(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["drop"] * 40))

    async def play(register: Register) -> None:
        answer = await register.commit(sale(1))
        assert (answer.status, answer.is_queued, answer.response) == ("QUEUED", True, None)
        assert [operation.op_id for operation in register.file.pending()] == [answer.op_id]
        fake.faults.clear()
        drained = await register.drain()
        assert [settled.op_id for settled in drained.answers] == [answer.op_id]
        assert (drained.left_count, drained.stopped_by) == (0, "")
        assert len({request for _, request in fake.requests}) == 1
        assert len(fake.applied) == 1

    run(fake, tmp_path, play)


def test_decline_and_conflict_are_answers_and_are_not_retried(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["decline"]))

    async def play(register: Register) -> None:
        answer = await register.reserve(sale(1))
        assert (answer.status, answer.is_ok, answer.is_queued) == ("DECLINED", False, False)
        assert len(fake.requests) == 1
        assert register.file.pending() == ()

    run(fake, tmp_path, play)


def test_no_server_at_all_means_queued_in_order_and_resume_sends_in_order(tmp_path: Path) -> None:
    async def whole() -> None:
        async with register_at(f"unix:{tmp_path}/pos.sock", tmp_path) as register:
            answers = [await register.commit(sale(number)) for number in (1, 2, 3)]
            assert {answer.status for answer in answers} == {"QUEUED"}
            saved = register.file.pending()
        fake = FakeServer()
        async with serving(fake, tmp_path), register_at(fake.target, tmp_path) as register:
            assert register.file.pending() == saved
            drained = await register.resume()
            assert [answer.op_id for answer in drained.answers] == [answer.op_id for answer in answers]
            told, *facts = fake.requests
            assert told[0] == "UploadReceipts"
            assert [request for _, request in facts] == [operation.request for operation in saved]
            assert fake.order() == [operation.op_id for operation in saved]

    asyncio.run(whole())


def test_a_stopped_drain_keeps_the_order_and_asks_only_for_the_first(tmp_path: Path) -> None:
    fake = FakeServer(has_uploads=False)

    async def play(register: Register) -> None:
        fake.faults.extend(["lose"] * 60)
        for number in (1, 2, 3):
            await register.commit(sale(number))
        first = register.file.pending()[0]
        fake.requests.clear()
        drained = await register.drain()
        assert drained.left_count == 3
        assert "UNAVAILABLE" in drained.stopped_by
        assert {request for call, request in fake.requests if call != "UploadReceipts"} == {first.request}

    run(fake, tmp_path, play)


def test_void_is_in_the_file_before_the_cashier_goes_on(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["slow"]))

    async def play(register: Register) -> None:
        reserving = asyncio.ensure_future(register.reserve(sale(1)))
        await until(lambda: fake.requests)
        void = await register.cancel(shift_number=7, receipt_number=1, at=NOON, wait=False)
        # The reserve has no answer, the void is already safe, and nothing about it has been sent.
        assert void.is_queued
        assert [operation.call for operation in register.file.pending()] == ["ReserveReceipt", "CancelReceipt"]
        with StoreForward(_copy(tmp_path / "saf")) as file:
            assert [operation.op_id for operation in file.pending()][-1] == void.op_id
        reserved = await reserving
        await until(lambda: not register.file.pending())
        assert fake.order() == [reserved.op_id, void.op_id]

    run(fake, tmp_path, play)


def _copy(path: Path) -> Path:
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    return copy


def test_a_void_waits_for_an_unanswered_commit_of_the_same_receipt_only(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        fake.faults.extend(["lose"] * 60)
        one = await register.commit(sale(1))
        two = await register.commit(sale(2))
        fake.faults.clear()
        void = await register.cancel(shift_number=7, receipt_number=2, at=NOON)
        assert void.is_ok
        assert fake.order() == [two.op_id, void.op_id]
        assert [operation.op_id for operation in register.file.pending()] == [one.op_id]

    run(fake, tmp_path, play)


def test_a_return_waits_for_the_unanswered_sale_it_returns(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        fake.faults.extend(["lose"] * 60)
        sold = await register.commit(sale(1))
        fake.faults.clear()
        goods = sale(9)
        goods.original.CopyFrom(
            receipt_pb2.OriginalReceipt(store_id="s1", register_id="r1", shift_number=7, receipt_number=1)
        )
        returned = await register.return_receipt(goods)
        assert returned.is_ok
        assert fake.order() == [sold.op_id, returned.op_id]

    run(fake, tmp_path, play)


def test_unreadable_bytes_are_set_apart_and_do_not_block_the_queue(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        fake.faults.extend(["lose"] * 60)
        bad = await register.commit(sale(1))
        good = await register.commit(sale(2))
        fake.faults.clear()
        # The upload that holds it, and then the call of its own.
        fake.faults.extend([grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INVALID_ARGUMENT])
        drained = await register.drain()
        assert [answer.op_id for answer in drained.answers] == [good.op_id]
        assert (drained.rejected_count, drained.left_count) == (1, 0)
        ((operation, why),) = register.file.refusals()
        assert operation.op_id == bad.op_id
        assert "receipt.lines[0].qty_milli" in why

    run(fake, tmp_path, play)


def test_an_operation_that_always_fails_alone_stays_queued_and_others_go_on(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        fake.faults.extend(["lose"] * 60)
        answers = [await register.commit(sale(number)) for number in (1, 2)]
        register._budget = RetryBudget(0)
        fake.faults.clear()
        # The upload that holds it, and then the call of its own.
        fake.faults.extend([grpc.StatusCode.INTERNAL, grpc.StatusCode.INTERNAL])
        drained = await register.drain()
        assert [answer.op_id for answer in drained.answers] == [answers[1].op_id]
        assert [operation.op_id for operation in register.file.pending()] == [answers[0].op_id]

    run(fake, tmp_path, play)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED])
def test_a_wrong_key_is_raised_and_the_fact_stays_queued(tmp_path: Path, code: grpc.StatusCode) -> None:
    fake = FakeServer(faults=deque([code, code]))

    async def play(register: Register) -> None:
        with pytest.raises(CallRejected) as caught:
            await register.commit(sale(1))
        assert caught.value.code == code
        assert len(fake.requests) == 1
        assert (await register.drain()).stopped_by
        assert len(register.file.pending()) == 1
        assert (await register.drain()).left_count == 0

    run(fake, tmp_path, play)


def test_calculate_is_never_stored_and_fails_within_its_time_out(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["slow", "slow", "slow", "none", "lose"]))

    async def play(register: Register) -> None:
        with pytest.raises(NoAnswer) as caught:
            await register.calculate(sale(1))
        assert caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED
        fake.faults.clear()
        assert (await register.calculate(sale(1))).status == 1
        assert (await register.authorize(card("1"), at=NOON)).status == 1
        assert register.file.register_seq == 0
        assert register.file.pending() == ()

    run(fake, tmp_path, play, time_outs={**QUICK, "CalculateReceipt": TimeOut(0.2, 0.2)})


def test_get_operation_and_reconcile_name_this_register(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        answer = await register.commit(sale(1))
        await register.get_operation(answer.op_id)
        await register.reconcile_shift(
            shift_number=7, receipts_count=1, returns_count=0, sales_sum_minor=1, returns_sum_minor=0
        )
        asked = pos_service_pb2.GetOperationRequest.FromString(fake.requests[1][1])
        assert (asked.op_id, asked.store_id, asked.register_id) == (answer.op_id, "s1", "r1")
        assert pos_service_pb2.ReconcileShiftRequest.FromString(fake.requests[2][1]).last_register_seq == 1

    run(fake, tmp_path, play)


def test_retries_of_a_long_outage_stay_within_a_tenth_of_the_calls(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["lose"] * 2000))

    async def play(register: Register) -> None:
        for _ in range(150):
            with pytest.raises(NoAnswer):
                await register.calculate(sale(1))
        assert len(fake.requests) <= 150 + BURST_RETRIES_MAX + 150 // 10
        assert len(fake.requests) > 150 + BURST_RETRIES_MAX

    run(fake, tmp_path, play)


def test_a_pushback_is_waited_for_and_a_negative_one_ends_the_call(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["lose"] * 5), pushback_ms=-1)

    async def play(register: Register) -> None:
        assert (await register.commit(sale(1))).is_queued
        assert len(fake.requests) == 1
        fake.pushback_ms = 100_000
        assert (await register.drain()).left_count == 1
        assert len(fake.requests) == 2
        fake.pushback_ms = 1
        assert (await register.drain()).left_count == 0

    run(fake, tmp_path, play)


def test_the_wish_to_wait_in_the_error_details_is_kept(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["busy"]))

    async def play(register: Register) -> None:
        assert (await register.commit(sale(1))).is_queued  # it asks for ten seconds
        assert len(fake.requests) == 1

    run(fake, tmp_path, play)


def test_a_call_the_server_does_not_have_yet_does_not_block_the_queue(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        fake.faults.extend(["lose"] * 60)
        returned = await register.return_receipt(sale(1))
        sold = await register.commit(sale(2))
        fake.faults.clear()
        fake.has_uploads = False
        fake.faults.append(grpc.StatusCode.UNIMPLEMENTED)
        drained = await register.drain()
        assert [answer.op_id for answer in drained.answers] == [sold.op_id]
        assert [operation.op_id for operation in register.file.pending()] == [returned.op_id]

    run(fake, tmp_path, play)


def test_an_answer_stands_when_the_disk_fails_behind_it_and_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        def fail(*_: object, **__: object) -> None:
            raise FileFailed("the disk is gone")

        with monkeypatch.context() as patch:
            patch.setattr(register.file, "answered", fail)
            answer = await register.commit(sale(1))
        assert answer.is_ok
        assert [operation.op_id for operation in register.file.pending()] == [answer.op_id]
        drained = await register.drain()
        assert [again.reply for again in drained.answers] == [answer.reply]
        assert len(fake.applied) == 1

    run(fake, tmp_path, play)


def test_repeat_gives_the_stored_reply_and_changes_nothing(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        answer = await register.commit(sale(1))
        assert await register.repeat(answer) == answer.reply
        assert fake.requests[0] == fake.requests[1]
        fake.faults.extend(["lose"] * 60)
        assert await register.repeat(answer) is None
        assert register.file.pending() == ()

    run(fake, tmp_path, play)


def test_a_cancelled_caller_does_not_stop_the_operation(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["slow"]), slow_s=0.1)

    async def play(register: Register) -> None:
        committing = asyncio.ensure_future(register.commit(sale(1)))
        await until(lambda: fake.requests)
        committing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await committing
        await until(lambda: not register.file.pending())
        assert len(fake.applied) == len(fake.requests) == 1

    run(fake, tmp_path, play)


def test_drain_joins_a_call_in_flight_instead_of_sending_beside_it(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["slow"]), slow_s=0.08)

    async def play(register: Register) -> None:
        committing = asyncio.ensure_future(register.commit(sale(1)))
        await until(lambda: fake.requests)
        drained = await register.drain()
        answer = await committing
        assert [settled.reply for settled in drained.answers] == [answer.reply]
        assert len(fake.requests) == 1

    run(fake, tmp_path, play)


def test_history_tells_every_attempt_with_hash_reply_or_unknown(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["drop"]))
    with JsonLines(tmp_path / "history.jsonl") as history:

        async def play(register: Register) -> None:
            answer = await register.commit(sale(1))
            await register.calculate(sale(2))
            history.close()
            lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
            assert [line["call"] for line in lines] == ["CommitReceipt", "CommitReceipt", "CalculateReceipt"]
            assert [line["reply"] for line in lines[:2]] == ["UNKNOWN", answer.reply.hex() if answer.reply else ""]
            assert [line["op_id"] for line in lines] == [answer.op_id.hex()] * 2 + [""]
            assert lines[0]["error"] == "UNAVAILABLE"
            for line, (_, request) in zip(lines, fake.requests, strict=True):
                assert line["request_sha256"] == hashlib.sha256(request).hexdigest()
            moments = [moment for line in lines for moment in (line["invoked_us"], line["replied_us"])]
            assert moments == sorted(moments)

        run(fake, tmp_path, play, history=history)


def test_keep_draining_empties_the_file_once_the_server_is_back(tmp_path: Path) -> None:
    fake = FakeServer(faults=deque(["lose"] * 30))

    async def play(register: Register) -> None:
        for number in (1, 2):
            assert (await register.commit(sale(number))).is_queued
        draining = asyncio.ensure_future(register.keep_draining(pause_s=0.005))
        fake.faults.clear()
        await until(lambda: not register.file.pending())
        draining.cancel()
        assert len(fake.applied) == 2

    run(fake, tmp_path, play)


def test_the_key_never_travels_in_clear_to_another_machine(tmp_path: Path) -> None:
    for target in ("pos.example.org:443", "10.0.0.7:50051", "dns:///pos.example.org:443", "127.0.0.1.evil.org:1"):
        with pytest.raises(PlaintextRefused):
            register_at(target, tmp_path / target.replace("/", "_"))


@pytest.mark.parametrize("key", ["", "ключ", "two\nlines"])
def test_a_key_that_cannot_be_a_header_is_refused_at_once(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        Register("unix:/nowhere", store_id="s", register_id="r", key=key, file=tmp_path / "saf")
    # Nothing was taken: the same file opens again.
    StoreForward(tmp_path / "saf").close()


FAULTS = st.sampled_from(["none", "none", "lose", "drop", "slow", "silent", "decline", grpc.StatusCode.INTERNAL])
STEPS = st.lists(st.sampled_from(["commit", "reserve", "void", "drain", "crash"]), min_size=1, max_size=9)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, faults=st.lists(FAULTS, max_size=25))
def test_any_faults_and_crashes_double_nothing_lose_nothing_and_keep_receipt_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], faults: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("reg")
    fake = FakeServer(faults=deque(faults), slow_s=0.06)
    outs = {call: TimeOut(0.03, 0.1) for call in TIME_OUTS}

    async def whole() -> None:
        async with serving(fake, folder):
            register = register_at(fake.target, folder, time_outs=outs)
            made: list[tuple[bytes, int]] = []
            number = 0
            for step in steps:
                if step == "crash":
                    await register.close()
                    register = register_at(fake.target, folder, time_outs=outs)
                elif step == "drain":
                    await register.drain()
                elif step == "void":
                    void = await register.cancel(shift_number=7, receipt_number=number, at=NOON, wait=False)
                    made.append((void.op_id, number))
                else:
                    number += 1
                    answer = await (register.commit if step == "commit" else register.reserve)(sale(number))
                    made.append((answer.op_id, number))
            fake.faults.clear()
            register._budget = RetryBudget()
            await register.close()
            register = register_at(fake.target, folder)
            assert (await register.resume()).left_count == 0
            await register.close()
            assert not fake.doubled
            assert set(fake.applied) == {op_id for op_id, _ in made}
            for receipt in range(number + 1):
                mine = [op_id for op_id, of in made if of == receipt]
                assert [op_id for op_id in fake.applied if op_id in mine] == mine
            seqs = {
                op_id: getattr(pos_service_pb2, call + "Request").FromString(request).register_seq
                for call, request in fake.requests
                if call != "UploadReceipts"
                for op_id in [getattr(pos_service_pb2, call + "Request").FromString(request).op_id]
            }
            assert sorted(seqs.values()) == list(range(1, len(made) + 1))

    asyncio.run(whole())


@settings(max_examples=60, deadline=None)
@given(plan=st.lists(st.booleans(), max_size=400), burst=st.integers(0, 5))
def test_the_budget_never_lets_retries_pass_a_tenth_and_the_burst(plan: list[bool], burst: int) -> None:
    budget = RetryBudget(burst)
    first = retries = 0
    for is_first in plan:
        if is_first:
            budget.first_attempt()
            first += 1
        elif budget.take_retry():
            retries += 1
        assert retries <= burst + first / 10


def test_backoff_is_full_jitter_under_a_doubling_bound() -> None:
    backoff = Backoff(0.05, 2.0, seed=3)
    for failures, bound in ((1, 0.05), (2, 0.1), (4, 0.4), (20, 2.0), (500, 2.0)):
        delays = [backoff.delay_s(failures) for _ in range(300)]
        assert max(delays) <= bound
        assert min(delays) < bound / 10
        assert max(delays) > bound * 9 / 10


def test_receipts_refuse_floats_and_unknown_flags_and_give_wall_clocks() -> None:
    with pytest.raises(TypeError, match="price_minor"):
        sale(1, price_minor=199.90)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no_bonus"):
        build_receipt(
            store_id="s", register_id="r", shift_number=1, receipt_number=1, currency="RUB", at=NOON,
            lines=[Line("x", 1, flags=frozenset({"no_bonus"}))],
        )  # fmt: skip
    assert (NOON.local_time_us, NOON.utc_offset_minutes) == (1_777_896_000_000_000, 180)
    assert LocalTime.of(datetime(2026, 5, 4, 9, 0, tzinfo=UTC)).local_time_us == 1_777_885_200_000_000
    with pytest.raises(ValueError, match="zone"):
        LocalTime.of(datetime(2026, 5, 4))
    built = sale(3)
    assert [(line.line_no, line.qty_milli, line.HasField("gross_minor")) for line in built.lines] == [
        (1, 1000, False),
        (2, 345, False),
    ]
