"""Every "no" of the back office as data: an HTTP status, a stable reason, a text, a path, and the single problems.

Areas define their refusals as subclasses where they raise them; no two may share a reason (checked by a test).
Answers are ``application/problem+json``. It must never show what a caller did not send: no SQL, no stack, no foreign
value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

PROBLEMS_SHOWN_MAX = 1_000
MEDIA_TYPE = "application/problem+json"


class Problem(TypedDict):
    """One thing that is wrong: where, a stable code, and a text."""

    path: str
    code: str
    message: str


class Refusal(Exception):
    """A call that is answered by "no". Subclasses set ``status_code`` and ``reason``."""

    status_code = 400
    reason = "BAD_REQUEST"

    def __init__(
        self, message: str, *, path: str = "", problems: Sequence[Problem] = (), retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.problems = tuple(problems)
        self.retry_after_s = retry_after_s


class CredentialUnknown(Refusal):
    """No key, or one that nobody issued, or a revoked one: all the same from outside."""

    status_code = 401
    reason = "CREDENTIAL_UNKNOWN"


class ScopeMissing(Refusal):
    """The key may not do this."""

    status_code = 403
    reason = "SCOPE_MISSING"


class Invalid(Refusal):
    """Fields that are missing, unknown, of the wrong form or out of range; each is named."""

    status_code = 422
    reason = "INVALID"


class TooLarge(Refusal):
    """More bytes than the call takes."""

    status_code = 413
    reason = "TOO_LARGE"


class IdempotencyKeyMissing(Refusal):
    status_code = 400
    reason = "IDEMPOTENCY_KEY_MISSING"


class IdempotencyKeyReused(Refusal):
    """The same Idempotency-Key came with another request."""

    status_code = 409
    reason = "IDEMPOTENCY_KEY_REUSED"


class AnswerShownOnce(Refusal):
    """The first call with this Idempotency-Key was answered with a key that is shown once."""

    status_code = 409
    reason = "ANSWER_SHOWN_ONCE"


class RevisionMissing(Refusal):
    status_code = 428
    reason = "IF_MATCH_MISSING"


class RevisionDiffers(Refusal):
    """Somebody else has changed the object since it was read."""

    status_code = 412
    reason = "REVISION_DIFFERS"


class Busy(Refusal):
    """Another writer did not finish in time, or PostgreSQL is away. Nothing was done: send the same again."""

    status_code = 503
    reason = "BUSY"


class SeqNotReached(Refusal):
    """The tables for people do not hold the journal seq the reader waits for yet. Read again, or without waiting."""

    status_code = 504
    reason = "SEQ_NOT_REACHED"


class NotFound(Refusal):
    """There is no such address here."""

    status_code = 404
    reason = "NOT_FOUND"


class Internal(Refusal):
    """A fault of ours; the log has it under the request's id."""

    status_code = 500
    reason = "INTERNAL"


def problem(path: str, code: str, message: str) -> Problem:
    return Problem(path=path, code=code, message=message)


def invalid_from(error: RequestValidationError) -> Invalid:
    """Pydantic's complaints as problems: ``body.lines[2].sku`` is told as ``lines[2].sku``."""
    found = [
        problem(_path_of(one["loc"]), _code_of(one["type"]), str(one["msg"]).removeprefix("Value error, "))
        for one in error.errors()[:PROBLEMS_SHOWN_MAX]
    ]
    return Invalid(
        "the request has fields that cannot be taken", path=found[0]["path"] if found else "", problems=found
    )


def answer_problem(refusal: Refusal, request_id: str) -> Response:
    """The problem document of a refusal."""
    body: dict[str, Any] = {
        "type": f"urn:altyn:problem:{refusal.reason}",
        "title": refusal.reason.replace("_", " ").capitalize(),
        "status": refusal.status_code,
        "reason": refusal.reason,
        "detail": refusal.message,
        "request_id": request_id,
    }
    if refusal.path:
        body["path"] = refusal.path
    if refusal.problems:
        body["problems"] = list(refusal.problems[:PROBLEMS_SHOWN_MAX])
    headers = {} if refusal.retry_after_s is None else {"retry-after": str(refusal.retry_after_s)}
    if refusal.status_code == CredentialUnknown.status_code:
        headers["www-authenticate"] = "Bearer"
    return Response(orjson.dumps(body), refusal.status_code, headers, MEDIA_TYPE)


def _path_of(location: Sequence[int | str]) -> str:
    parts = location[1:] if len(location) > 1 and location[0] == "body" else location
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _code_of(kind: str) -> str:
    if kind == "missing":
        return "REQUIRED"
    if kind == "extra_forbidden":
        return "UNKNOWN_KEY"
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return "OUT_OF_RANGE"
    return "TOO_LARGE" if kind.startswith(("too_long", "string_too_long")) else "BAD_FORMAT"
