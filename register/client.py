"""The till's side of the conversation: asks, tells facts, and never lets a fact get lost or count twice.

A call with an effect (reserve, commit, return, cancel) is first saved in the store-and-forward file and only then
sent; every repeat sends the same bytes. What the server said (OK, DECLINED, CONFLICT, QUARANTINED) is data. Silence
(UNAVAILABLE, DEADLINE_EXCEEDED, a broken stream) is retried with back-off inside the call's time-out and the retry
budget; after that the operation stays queued, the till goes on, and ``drain`` sends it later.

Invariants
* nothing with an effect is sent before it is in the file, and nothing leaves the file before its reply was read;
* operations on one receipt reach the server in the order they were made; ``drain`` keeps that order for all of them;
* one attempt per operation is in flight at a time; a cancelled caller does not stop the operation;
* calls without effects are never stored and may simply fail: the till then sells at the shelf price.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any, Self

import grpc
from google.protobuf.message import DecodeError

from altyn.pos.v1 import outcome_pb2, pos_service_pb2, receipt_pb2
from altyn.register.allowance import Allowance
from altyn.register.answers import OF_ONE_OPERATION, SILENT, UNREADABLE, Answer, CallRejected, Drained, NoAnswer
from altyn.register.backoff import Backoff, RetryBudget
from altyn.register.history import History
from altyn.register.receipts import LocalTime
from altyn.register.records import Queued
from altyn.register.store_forward import FileFailed, StoreForward
from altyn.register.uploads import Fact, encode_upload, together
from altyn.register.wire import Failure, Wire

_METHODS = pos_service_pb2.DESCRIPTOR.services_by_name["PosService"].methods
_REQUESTS: dict[str, Any] = {method.name: getattr(pos_service_pb2, method.input_type.name) for method in _METHODS}
_RESPONSES = {method.name: getattr(pos_service_pb2, method.output_type.name) for method in _METHODS}
#: Facts about a receipt that may be saved without being sent.
KEPT = frozenset({"CommitReceipt", "ReturnReceipt"})
#: The longest a drain waits before its next upload, whatever the server asks for.
PUSH_BACK_MAX_S = 30.0


@dataclass(frozen=True, slots=True)
class TimeOut:
    """Seconds for one attempt, and for the call with its retries."""

    attempt_s: float
    call_s: float


#: The cashier waits for the first three; a fact may take its time, since the file already has it.
TIME_OUTS: Mapping[str, TimeOut] = MappingProxyType(
    {
        "AuthorizeCustomer": TimeOut(0.8, 1.5),
        "CalculateReceipt": TimeOut(0.4, 0.4),
        "ReserveReceipt": TimeOut(1.0, 2.5),
        "CommitReceipt": TimeOut(1.5, 4.0),
        "CancelReceipt": TimeOut(1.5, 4.0),
        "ReturnReceipt": TimeOut(2.0, 5.0),
        "GetOperation": TimeOut(1.0, 3.0),
        "UploadReceipts": TimeOut(10.0, 30.0),
        "ReconcileShift": TimeOut(5.0, 15.0),
        "SendOneTimeCode": TimeOut(1.5, 3.0),
    }
)


@dataclass(slots=True)
class _Run:
    """What a drain has learned so far: receipts that cannot go on; operations that were told, those to be told alone,
    and those the server declined in an upload.
    """

    stuck: set[str] = field(default_factory=set)
    told: set[bytes] = field(default_factory=set)
    alone: set[bytes] = field(default_factory=set)
    declined: set[bytes] = field(default_factory=set)


class Register:
    """One register: one identity, one file, one connection. Use it as an async context manager."""

    def __init__(
        self,
        target: str,
        *,
        store_id: str,
        register_id: str,
        key: str,
        file: StoreForward | str | os.PathLike[str],
        tls: grpc.ChannelCredentials | None = None,
        time_outs: Mapping[str, TimeOut] = TIME_OUTS,
        history: History | None = None,
        budget: RetryBudget | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """Open the file and the channel; nothing is sent yet.

        ``key`` is this register's credential. Without ``tls`` the target must be on this machine. Raises FileTaken,
        PlaintextRefused, ValueError (a key that is no printable ASCII).
        """
        self.store_id = store_id
        self.register_id = register_id
        # A refused key or target must not leave the file locked, so the file comes second.
        self._wire = Wire(target, key, tls, history)
        self.file = file if isinstance(file, StoreForward) else StoreForward(file)
        #: What customers may spend while the server does not answer; every ``authorize`` brings it anew.
        self.allowance = Allowance(self.file.path.with_name(self.file.path.name + ".allowance"))
        self._time_outs = time_outs
        self._budget = budget or RetryBudget()
        self._backoff = backoff or Backoff()
        self._in_flight: dict[bytes, asyncio.Task[Answer]] = {}
        self._draining = asyncio.Lock()
        self._may_upload = True
        self._behind: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop sending and give the file back. What is unanswered stays in it."""
        for task in (*self._behind, *self._in_flight.values()):
            task.cancel()
        await asyncio.gather(*self._behind, *self._in_flight.values(), return_exceptions=True)
        await self._wire.close()
        self.file.close()

    # CALLS WITHOUT EFFECTS

    async def authorize(
        self, identity: receipt_pb2.Identity, *, at: LocalTime, cashier_id: str = "", sales_channel: str = ""
    ) -> pos_service_pb2.AuthorizeCustomerResponse:
        """Who is this? Raises NoAnswer, CallRejected."""
        request = pos_service_pb2.AuthorizeCustomerRequest(
            store_id=self.store_id,
            register_id=self.register_id,
            cashier_id=cashier_id,
            identity=identity,
            local_time_us=at.local_time_us,
            utc_offset_minutes=at.utc_offset_minutes,
            sales_channel=sales_channel,
        )
        response: pos_service_pb2.AuthorizeCustomerResponse = await self._ask(
            "AuthorizeCustomer", request.SerializeToString()
        )
        await asyncio.to_thread(self.allowance.take, response.offline_allowance, response.server_time_us)
        return response

    async def send_code(self, phone: str) -> pos_service_pb2.SendOneTimeCodeResponse:
        """Have a one-time code sent to whoever owns this phone. Raises NoAnswer, CallRejected."""
        request = pos_service_pb2.SendOneTimeCodeRequest(
            store_id=self.store_id,
            register_id=self.register_id,
            identity=receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_PHONE, value=phone),
        )
        response: pos_service_pb2.SendOneTimeCodeResponse = await self._ask(
            "SendOneTimeCode", request.SerializeToString()
        )
        return response

    async def calculate(
        self, receipt: receipt_pb2.Receipt, *, calc_token: bytes = b"", want: receipt_pb2.Want | None = None
    ) -> pos_service_pb2.CalculateReceiptResponse:
        """What does this receipt cost now? Changes nothing. Raises NoAnswer, CallRejected."""
        request = pos_service_pb2.CalculateReceiptRequest(calc_token=calc_token, receipt=receipt, want=want)
        response: pos_service_pb2.CalculateReceiptResponse = await self._ask(
            "CalculateReceipt", request.SerializeToString()
        )
        return response

    async def get_operation(self, op_id: bytes) -> pos_service_pb2.GetOperationResponse:
        """What did the server do with this operation? Raises NoAnswer, CallRejected."""
        request = pos_service_pb2.GetOperationRequest(op_id=op_id, store_id=self.store_id, register_id=self.register_id)
        reply = await self._ask("GetOperation", request.SerializeToString(), op_id)
        response: pos_service_pb2.GetOperationResponse = reply
        return response

    async def reconcile_shift(
        self,
        *,
        shift_number: int,
        receipts_count: int,
        returns_count: int,
        sales_sum_minor: int,
        returns_sum_minor: int,
        open_receipt_numbers: tuple[int, ...] = (),
        op_ids: Iterable[bytes] = (),
    ) -> pos_service_pb2.ReconcileShiftResponse:
        """Compare the shift's totals, and its operations when named, with the server's. Drain first.

        Raises NoAnswer, CallRejected.
        """
        request = pos_service_pb2.ReconcileShiftRequest(
            store_id=self.store_id,
            register_id=self.register_id,
            shift_number=shift_number,
            receipts_count=receipts_count,
            returns_count=returns_count,
            sales_sum_minor=sales_sum_minor,
            returns_sum_minor=returns_sum_minor,
            last_register_seq=self.file.register_seq,
            open_receipt_numbers=open_receipt_numbers,
            op_ids=op_ids,
        )
        response: pos_service_pb2.ReconcileShiftResponse = await self._ask(
            "ReconcileShift", request.SerializeToString()
        )
        return response

    # CALLS WITH EFFECTS: saved, then sent

    async def reserve(
        self,
        receipt: receipt_pb2.Receipt,
        *,
        calc_token: bytes = b"",
        op_no: int = 0,
        want: receipt_pb2.Want | None = None,
    ) -> Answer:
        """Hold what the receipt uses while the customer pays. Give a new ``op_no`` to reserve anew on purpose.

        This and the other effect calls raise FileFull or FileFailed when the operation could not be saved (nothing
        was sent), and CallRejected when the server may or can not take it.
        """
        return await self._tell_receipt("ReserveReceipt", receipt, calc_token, op_no, want)

    async def commit(
        self,
        receipt: receipt_pb2.Receipt,
        *,
        calc_token: bytes = b"",
        op_no: int = 0,
        want: receipt_pb2.Want | None = None,
    ) -> Answer:
        """The receipt is sold. A queued answer is as good as sent: the file has it."""
        return await self._tell_receipt("CommitReceipt", receipt, calc_token, op_no, want)

    async def return_receipt(
        self,
        receipt: receipt_pb2.Receipt,
        *,
        calc_token: bytes = b"",
        op_no: int = 0,
        want: receipt_pb2.Want | None = None,
    ) -> Answer:
        """Goods came back; ``receipt.original`` names the sale."""
        return await self._tell_receipt("ReturnReceipt", receipt, calc_token, op_no, want)

    async def cancel(
        self,
        *,
        shift_number: int,
        receipt_number: int,
        at: LocalTime,
        cashier_id: str = "",
        op_no: int = 0,
        wait: bool = True,
    ) -> Answer:
        """Void a receipt, whether it was reserved, committed, or nobody knows.

        With ``wait=False`` this returns as soon as the void is in the file, and it is sent behind the cashier's back:
        the next customer can be served at once, and no late reply to the voided receipt matters any more.
        """

        def build(op_id: bytes, register_seq: int) -> bytes:
            return pos_service_pb2.CancelReceiptRequest(
                op_id=op_id,
                register_seq=register_seq,
                store_id=self.store_id,
                register_id=self.register_id,
                shift_number=shift_number,
                receipt_number=receipt_number,
                cashier_id=cashier_id,
                local_time_us=at.local_time_us,
                utc_offset_minutes=at.utc_offset_minutes,
                op_no=op_no,
            ).SerializeToString()

        subject = _subject(self.store_id, self.register_id, shift_number, receipt_number)
        operation = await self._save("CancelReceipt", (subject,), build)
        if wait:
            return await self._send(operation)
        task = asyncio.ensure_future(self._send_quietly(operation))
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)
        return Answer(operation.op_id, operation.call, operation.request)

    # OFFLINE: saved, and sent together later

    async def keep(self, call: str, receipt: receipt_pb2.Receipt, *, op_no: int = 0) -> Answer:
        """Save a CommitReceipt or ReturnReceipt without sending it; ``upload`` or ``drain`` does that later."""
        if call not in KEPT:
            raise ValueError(f"call: {call} is no fact about a receipt")
        operation = await self._save(call, _subjects(receipt), _builder(call, receipt, b"", op_no, None))
        return Answer(operation.op_id, operation.call, operation.request)

    async def upload(self, kept: Sequence[Answer]) -> list[pos_service_pb2.UploadResult]:
        """Tell kept operations in one call, in the order given; one may stand there twice. ``drain`` does it by itself.

        What was stored leaves the file; a DECLINED one stays queued, and ``drain`` finds out why. Fewer results than
        operations: the server took so many for now. The whole replies: ``get_operation``. Raises NoAnswer,
        CallRejected.
        """
        return list((await self._upload(kept)).results)

    async def repeat(self, answer: Answer) -> bytes | None:
        """Send an operation's bytes once more, as a till does that lost the reply; None when nobody answered.

        The reply must be the one that came before, byte for byte. Raises CallRejected.
        """
        try:
            call_s = self._time_outs[answer.call].call_s
            reply, _ = await self._attempts(answer.call, answer.request, call_s, answer.op_id)
        except NoAnswer:
            return None
        return reply

    async def drain(self) -> Drained:
        """Send what is queued, oldest first; stop when the server does not answer.

        Facts that stand together are told in uploads, each with its own answer; a lone one, and a reservation, by its
        own call. An operation the server cannot read is set apart (``file.refusals()``) and the rest goes on. An
        operation that fails alone stays queued, and so do later ones on the same receipt.
        """
        drained = Drained()
        run = _Run()
        async with self._draining:
            queue = list(self.file.pending())
            while queue and not drained.stopped_by:
                facts = together(queue, lambda one: self._goes_along(one, run)) if self._may_upload else []
                if facts:
                    await self._drain_together(facts, drained, run)
                    queue[: len(facts)] = [fact for fact in facts if fact.op_id not in run.told]
                else:
                    await self._drain_one(queue.pop(0), drained, run)
        drained.left_count = len(self.file.pending())
        return drained

    async def resume(self) -> Drained:
        """After a start: send again whatever had no answer when this register stopped, in order, byte for byte."""
        return await self.drain()

    async def keep_draining(self, *, pause_s: float = 2.0) -> None:
        """Run beside the cashier's work until cancelled: drain, wait, longer each time the server stays silent."""
        failures_count = 0
        while True:
            drained = await self.drain() if self.file.pending() else Drained()
            failures_count = failures_count + 1 if drained.left_count else 0
            await asyncio.sleep(pause_s + (self._backoff.delay_s(failures_count) if failures_count else 0.0))

    # INSIDE

    def _goes_along(self, operation: Queued, run: _Run) -> bool:
        return (
            operation.op_id not in run.alone
            and operation.op_id not in self._in_flight
            and self.file.is_pending(operation.op_id)
            and run.stuck.isdisjoint(operation.subjects)
        )

    async def _drain_one(self, operation: Queued, drained: Drained, run: _Run) -> None:
        if not run.stuck.isdisjoint(operation.subjects) or not self.file.is_pending(operation.op_id):
            return
        try:
            answer = await self._deliver(operation, self._time_outs[operation.call].call_s)
        except CallRejected as rejected:
            drained.rejected_count += 1
            if operation.op_id in run.declined:
                # The upload was taken, so it is not the key: nobody will ever take these bytes.
                await asyncio.to_thread(self.file.refused, operation.op_id, str(rejected))
            elif rejected.code not in OF_ONE_OPERATION:
                drained.stopped_by = str(rejected)
            run.stuck.update(operation.subjects if self.file.is_pending(operation.op_id) else ())
        except NoAnswer as silence:
            if silence.code not in OF_ONE_OPERATION:
                drained.stopped_by = str(silence)
            run.stuck.update(operation.subjects)
        else:
            drained.answers.append(answer)

    async def _drain_together(self, facts: Sequence[Queued], drained: Drained, run: _Run) -> None:
        """One upload. What it did not settle is pending still: to be told again, or alone when it is in ``run``."""
        try:
            reply = await self._upload_once(facts)
        except CallRejected as rejected:
            if rejected.code == grpc.StatusCode.UNIMPLEMENTED:
                self._may_upload = False
            elif rejected.code in UNREADABLE:
                run.alone.update(fact.op_id for fact in facts)
            else:
                drained.rejected_count += 1
                drained.stopped_by = str(rejected)
            return
        except NoAnswer as silence:
            if silence.code in OF_ONE_OPERATION:
                run.alone.update(fact.op_id for fact in facts)
            else:
                drained.stopped_by = str(silence)
            return
        for fact, result in zip(facts, reply.results, strict=False):
            if result.status == outcome_pb2.STATUS_DECLINED:
                run.alone.add(fact.op_id)
                run.declined.add(fact.op_id)
            else:
                run.told.add(fact.op_id)
                drained.answers.append(Answer(fact.op_id, fact.call, fact.request, result))
        if not reply.results:
            drained.stopped_by = "UploadReceipts: nothing was taken"
        elif len(reply.results) < len(facts):
            await asyncio.sleep(min(reply.push_back_us / 1e6, PUSH_BACK_MAX_S) + self._backoff.delay_s(1))

    async def _upload_once(self, facts: Sequence[Queued]) -> pos_service_pb2.UploadReceiptsResponse:
        """Upload, so that whoever wants one of these operations meanwhile waits for it here."""
        whole = asyncio.ensure_future(self._upload(facts))
        self._behind.add(whole)
        whole.add_done_callback(self._behind.discard)
        parts = [self._fly(fact.op_id, self._part_of(whole, fact)) for fact in facts]
        # When this ends none of them is in flight any more, whatever became of the upload.
        await asyncio.shield(asyncio.gather(*parts, return_exceptions=True))
        return whole.result()

    async def _part_of(self, whole: asyncio.Future[pos_service_pb2.UploadReceiptsResponse], fact: Queued) -> Answer:
        for result in (await asyncio.shield(whole)).results:
            if result.op_id == fact.op_id and result.status != outcome_pb2.STATUS_DECLINED:
                return Answer(fact.op_id, fact.call, fact.request, result)
        raise NoAnswer(fact.call, Failure(grpc.StatusCode.UNAVAILABLE, "the upload did not settle it"))

    async def _upload(self, facts: Sequence[Fact]) -> pos_service_pb2.UploadReceiptsResponse:
        request = encode_upload(self.store_id, self.register_id, facts)
        call = "UploadReceipts"
        reply, _ = await self._attempts(call, request, self._time_outs[call].call_s, b"", facts)
        told = pos_service_pb2.UploadReceiptsResponse.FromString(reply)
        stored = [result.op_id for result in told.results if result.status != outcome_pb2.STATUS_DECLINED]
        # As with any answer: should the disk fail now, the same bytes go once more.
        with contextlib.suppress(FileFailed):
            await asyncio.to_thread(self.file.all_answered, stored)
        return told

    async def _tell_receipt(
        self,
        call: str,
        receipt: receipt_pb2.Receipt,
        calc_token: bytes,
        op_no: int,
        want: receipt_pb2.Want | None,
    ) -> Answer:
        build = _builder(call, receipt, calc_token, op_no, want)
        return await self._send(await self._save(call, _subjects(receipt), build))

    async def _save(self, call: str, subjects: tuple[str, ...], build: Callable[[bytes, int], bytes]) -> Queued:
        # The disk's flush must not stop other registers of this process, nor the cashier's screen.
        return await asyncio.to_thread(self.file.save, call, subjects, build)

    async def _ask(self, call: str, request: bytes, op_id: bytes = b"") -> Any:
        reply, _ = await self._attempts(call, request, self._time_outs[call].call_s, op_id)
        return _RESPONSES[call].FromString(reply)

    async def _send(self, operation: Queued) -> Answer:
        """Send a new operation after older ones on the same receipt, all within its time-out."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._time_outs[operation.call].call_s
        subjects = set(operation.subjects)
        try:
            for earlier in self.file.pending():
                if earlier.op_id == operation.op_id:
                    break
                if not subjects.isdisjoint(earlier.subjects):
                    await self._deliver(earlier, give_up_at - loop.time())
            return await self._deliver(operation, give_up_at - loop.time())
        except NoAnswer:
            return Answer(operation.op_id, operation.call, operation.request)

    async def _send_quietly(self, operation: Queued) -> None:
        try:
            await self._send(operation)
        except CallRejected:
            # It stays in the file, as queued or as a refusal, where drain and refusals() show it.
            return

    async def _deliver(self, operation: Queued, call_s: float) -> Answer:
        """Deliver once, however many callers want it. Raises NoAnswer, CallRejected."""
        task = self._in_flight.get(operation.op_id)
        if task is None:
            task = self._fly(operation.op_id, self._deliver_alone(operation, call_s))
        return await asyncio.shield(task)

    def _fly(self, op_id: bytes, sending: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        task = asyncio.ensure_future(sending)
        self._in_flight[op_id] = task
        task.add_done_callback(lambda done: self._landed(op_id, done))
        return task

    def _landed(self, op_id: bytes, task: asyncio.Task[Answer]) -> None:
        del self._in_flight[op_id]
        if not task.cancelled():
            task.exception()

    async def _deliver_alone(self, operation: Queued, call_s: float) -> Answer:
        try:
            reply, attempts_count = await self._attempts(operation.call, operation.request, call_s, operation.op_id)
        except CallRejected as rejected:
            if rejected.code in UNREADABLE:
                await asyncio.to_thread(self.file.refused, operation.op_id, str(rejected))
            raise
        response = _RESPONSES[operation.call].FromString(reply)
        # Should the disk fail now, the answer stands: the file still owes the operation, the same bytes go once more,
        # and the next save says loudly what is wrong.
        with contextlib.suppress(FileFailed):
            await asyncio.to_thread(self.file.answered, operation.op_id)
        return Answer(operation.op_id, operation.call, operation.request, response, reply, attempts_count)

    async def _attempts(
        self, call: str, request: bytes, call_s: float, op_id: bytes, facts: Sequence[Fact] = ()
    ) -> tuple[bytes, int]:
        """The same bytes, again and again, until an answer, the time-out, or an empty budget."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + call_s
        attempt_s = self._time_outs[call].attempt_s
        self._budget.first_attempt()
        attempts_count = 0
        while True:
            attempts_count += 1
            timeout_s = max(0.001, min(attempt_s, give_up_at - loop.time()))
            outcome = await self._wire.attempt(call, request, timeout_s, op_id, facts)
            failure = outcome if isinstance(outcome, Failure) else _without_status(call, outcome, facts)
            if failure is None:
                assert isinstance(outcome, bytes)
                return outcome, attempts_count
            if failure.code not in SILENT:
                raise CallRejected(call, failure)
            pause_s = self._backoff.delay_s(attempts_count)
            if failure.pushback_s is not None:
                # On top of the jitter: every register was told the same number.
                pause_s += failure.pushback_s
            never = failure.pushback_s is not None and failure.pushback_s < 0
            if never or loop.time() + pause_s >= give_up_at or not self._budget.take_retry():
                raise NoAnswer(call, failure)
            await asyncio.sleep(pause_s)


def _builder(
    call: str, receipt: receipt_pb2.Receipt, calc_token: bytes, op_no: int, want: receipt_pb2.Want | None
) -> Callable[[bytes, int], bytes]:
    """What makes an operation's bytes, once its id and number are known."""

    def build(op_id: bytes, register_seq: int) -> bytes:
        request: bytes = _REQUESTS[call](
            op_id=op_id, register_seq=register_seq, calc_token=calc_token, receipt=receipt, op_no=op_no, want=want
        ).SerializeToString()
        return request

    return build


def _without_status(call: str, reply: bytes, facts: Sequence[Fact]) -> Failure | None:
    """A reply that cannot be read, or says nothing, is silence: the operation must stay in the file."""
    try:
        response = _RESPONSES[call].FromString(reply)
    except DecodeError:
        return Failure(grpc.StatusCode.INTERNAL, "an unreadable reply")
    if call == "UploadReceipts":
        # Each fact has a status of its own, in the order asked.
        for fact, result in zip(facts, response.results, strict=False):
            if result.op_id != fact.op_id or result.status == outcome_pb2.STATUS_UNSPECIFIED:
                return Failure(grpc.StatusCode.INTERNAL, "a result of another operation, or without a status")
    elif response.status == outcome_pb2.STATUS_UNSPECIFIED:
        return Failure(grpc.StatusCode.INTERNAL, "a reply without a status")
    return None


def _subject(store_id: str, register_id: str, shift_number: int, receipt_number: int) -> str:
    return f"{store_id}/{register_id}/{shift_number}/{receipt_number}"


def _subjects(receipt: receipt_pb2.Receipt) -> tuple[str, ...]:
    """The receipts an operation touches: itself, and the sale it returns."""
    own = _subject(receipt.store_id, receipt.register_id, receipt.shift_number, receipt.receipt_number)
    if not receipt.HasField("original"):
        return (own,)
    sale = receipt.original
    return own, _subject(sale.store_id, sale.register_id, sale.shift_number, sale.receipt_number)
