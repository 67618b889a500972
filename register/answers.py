"""What became of a call: an answer, silence, or a rejection; and of a whole queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import grpc

from altyn.pos.v1 import outcome_pb2
from altyn.register.wire import Failure

#: Nobody can say what became of the attempt: the same bytes go again.
SILENT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
#: The bytes themselves are wrong and always will be.
UNREADABLE = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE})
#: Says something about one operation, nothing about the server: drain goes on with other receipts.
OF_ONE_OPERATION = UNREADABLE | {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.UNIMPLEMENTED,
}


class NoAnswer(Exception):
    """A call without effects got no answer in time. Nothing happened; sell at the shelf price or work offline."""

    def __init__(self, call: str, failure: Failure) -> None:
        super().__init__(f"{call}: {failure.code.name}: {failure.details}")
        self.call = call
        self.code = failure.code


class CallRejected(Exception):
    """The server cannot or may not take this call: ``code`` says why, ``details`` names the field."""

    def __init__(self, call: str, failure: Failure) -> None:
        super().__init__(f"{call}: {failure.code.name}: {failure.details}")
        self.call = call
        self.code = failure.code
        self.details = failure.details


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call with an effect.

    ``response`` is the reply, or None while the operation waits in the file: show "accepted, to be confirmed". Of an
    operation told in an upload it is the UploadResult; the whole reply is asked for with ``get_operation``.
    ``reply`` is its bytes as they came, ``request`` the bytes that are sent every time.
    """

    op_id: bytes
    call: str
    request: bytes
    response: Any = None
    reply: bytes | None = None
    attempts_count: int = 0

    @property
    def is_queued(self) -> bool:
        """True when nobody has answered yet."""
        return self.response is None

    @property
    def is_ok(self) -> bool:
        """True when the server answered OK."""
        return self.response is not None and self.response.status == outcome_pb2.STATUS_OK

    @property
    def status(self) -> str:
        """OK, DECLINED, CONFLICT, QUARANTINED, or QUEUED."""
        if self.response is None:
            return "QUEUED"
        try:
            return outcome_pb2.Status.Name(self.response.status).removeprefix("STATUS_")
        except ValueError:
            return str(self.response.status)


@dataclass(slots=True)
class Drained:
    """What a drain did. ``stopped_by`` is empty when everything that could be sent was sent."""

    answers: list[Answer] = field(default_factory=list)
    rejected_count: int = 0
    left_count: int = 0
    stopped_by: str = ""
