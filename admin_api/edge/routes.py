"""The one way into every area: guards, transaction, audit, answer.

A handler is marked with ``needs(scope)``; a route without the mark cannot be made. Scopes ending in ``:read`` read in
a read-only transaction; all others write: they need an Idempotency-Key, and what they changed must be in the audit
log. What takes no Idempotency-Key reads, and may wait for a journal seq first. It must never let a failure out as
anything but a problem document.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import uuid4

import asyncpg
import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import Response

from altyn.admin_api.edge import problems
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.idempotency import first_answer, keep_answer, required_key
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.scopes import SCOPES

BODY_BYTES_MAX = 1 << 20
CALL_TIMEOUT_S = 60.0
KEY_CHARS_MAX = 200
WAIT_SEQ_S = 2.0
SEQ_LIMIT = 1 << 63
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

Handler = TypeVar("Handler", bound=Callable[..., Any])
Handle = Callable[[Request], Coroutine[Any, Any, Response]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a call needs. ``writes``: it changes something; ``once``: it takes an Idempotency-Key."""

    scope: str
    writes: bool
    once: bool
    body_bytes_max: int
    timeout_s: float


def needs(
    scope: str,
    *,
    writes: bool | None = None,
    once: bool | None = None,
    body_bytes_max: int = BODY_BYTES_MAX,
    timeout_s: float = CALL_TIMEOUT_S,
) -> Callable[[Handler], Handler]:
    """Mark a handler. ``writes`` follows from the scope unless given, ``once`` from ``writes``."""
    assert scope in SCOPES, scope
    does_write = not scope.endswith(":read") if writes is None else writes
    mark = Needs(scope, does_write, does_write if once is None else once, body_bytes_max, timeout_s)

    def marked(handler: Handler) -> Handler:
        handler.needs = mark  # type: ignore[attr-defined]
        return handler

    return marked


class EdgeRoute(APIRoute):
    """A route that answers through ``answer_call``."""

    @property
    def needs(self) -> Needs:
        mark: Needs = self.endpoint.needs  # type: ignore[attr-defined]
        return mark

    def get_route_handler(self) -> Handle:
        handle, mark = super().get_route_handler(), self.needs

        async def guarded(request: Request) -> Response:
            return await answer_call(request, handle, mark)

        return guarded


def area_router(tag: str) -> APIRouter:
    """A router for one business area, under /v1."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=EdgeRoute)


def current_call(request: Request) -> Call:
    call: Call = request.state.call
    return call


def office_of(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


CurrentCall = Annotated[Call, Depends(current_call)]
CurrentOffice = Annotated[Office, Depends(office_of)]


async def answer_call(request: Request, handle: Handle, mark: Needs) -> Response:
    """Everything around a handler."""
    request_id = request_id_of(request)
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            async with asyncio.timeout(mark.timeout_s):
                response = await _in_transaction(request, handle, mark, request_id)
        except Exception as error:
            response = problems.answer_problem(refusal_of(error), request_id)
    response.headers["x-request-id"] = request_id
    response.headers["cache-control"] = "no-store"
    return response


async def _in_transaction(request: Request, handle: Handle, mark: Needs, request_id: str) -> Response:
    office = office_of(request)
    body = await read_body(request, mark.body_bytes_max)
    if not mark.once:
        await _wait_for_seq(request, office, mark)
    projected_seq = office.projector.seq  # read before the tables are, so that they hold it
    async with office.connected() as connection:
        actor, scopes = await _admit(connection, office.tenant, request, mark)
        call = Call(connection, office.tenant, actor, scopes, request_id, office.clock(), body)
        if mark.once:
            call.idempotency_key = required_key(request)
        async with connection.transaction(readonly=not mark.writes):
            response = await _handle(request, handle, mark, call)
    if not mark.once:
        response.headers["altyn-projected-seq"] = str(projected_seq)
    if call.feed.version:
        await office.wake(call.feed.version)
    return response


async def _admit(
    connection: asyncpg.Connection[Any], tenant: str, request: Request, mark: Needs
) -> tuple[str, frozenset[str]]:
    """The key's id and scopes, when it may do this."""
    actor, scopes = await authenticate(connection, tenant, request)
    if mark.scope not in scopes:
        raise problems.ScopeMissing(f"this call needs the scope {mark.scope}")
    return actor, scopes


async def _wait_for_seq(request: Request, office: Office, mark: Needs) -> None:
    """A reader may ask that the tables hold a write of its own; it waits without a connection. Raises SeqNotReached."""
    seq = wanted_seq(request)
    if seq <= office.projector.seq:
        return
    async with office.connected() as connection:
        await _admit(connection, office.tenant, request, mark)
    if not await office.projector.reached(seq, WAIT_SEQ_S):
        raise problems.SeqNotReached(
            f"the tables hold seq {office.projector.seq}; {seq} did not come within {WAIT_SEQ_S:g} s",
            path="wait_seq",
            retry_after_s=1,
        )


def wanted_seq(request: Request) -> int:
    """``?wait_seq=`` or the header Altyn-Wait-Seq; 0 without either."""
    given = request.query_params.get("wait_seq", request.headers.get("altyn-wait-seq", "0"))
    if not (given.isascii() and given.isdecimal() and len(given) < 20 and int(given) < SEQ_LIMIT):
        raise problems.Invalid("a journal seq is a whole number, 0 or above", path="wait_seq")
    return int(given)


async def _handle(request: Request, handle: Handle, mark: Needs, call: Call) -> Response:
    """The handler inside its transaction: once per Idempotency-Key, and told to the audit log."""
    if mark.once and (repeated := await first_answer(call, request)) is not None:
        return repeated
    request.state.call = call
    response = await handle(request)
    if call.feed.version:
        assert call.deeds, "facts were changed without a word to the audit log"
        response.headers["altyn-feed-version"] = str(call.feed.version)
    if call.journal_seq:
        response.headers["altyn-journal-seq"] = str(call.journal_seq)
    await call.finish()
    if mark.once:
        await keep_answer(call, response)
    return response


async def authenticate(
    connection: asyncpg.Connection[Any], tenant: str, request: Request
) -> tuple[str, frozenset[str]]:
    """The key's id and scopes, from ``Authorization: Bearer …``."""
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    row = None
    if kind.lower() == "bearer" and 0 < len(key) <= KEY_CHARS_MAX:
        row = await connection.fetchrow(
            "SELECT key_id, scopes FROM api_keys WHERE tenant = $1 AND key_hash = $2 AND revoked_at IS NULL",
            tenant,
            hashlib.sha256(key.encode()).digest(),
        )
    if row is None:
        raise problems.CredentialUnknown("send Authorization: Bearer <key>; this key is missing, unknown or revoked")
    return row["key_id"], frozenset(row["scopes"])


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The body, counted while it arrives."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > bytes_max:
        raise problems.TooLarge(f"{declared} bytes; at most {bytes_max}")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            raise problems.TooLarge(f"more than {bytes_max} bytes")
        parts.append(part)
    request._body = b"".join(parts)  # where Starlette keeps a body that was read
    return request._body


def request_id_of(request: Request) -> str:
    """The caller's X-Request-Id when it is presentable, else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def refusal_of(error: Exception) -> problems.Refusal:
    """What a failure is told as; surprises are logged with their trace and told as INTERNAL."""
    if isinstance(error, problems.Refusal):
        return error
    if isinstance(error, RequestValidationError):
        return problems.invalid_from(error)
    if isinstance(error, asyncpg.LockNotAvailableError | asyncpg.SerializationError | asyncpg.DeadlockDetectedError):
        return problems.Busy("another write is not finished yet", retry_after_s=1)
    if isinstance(error, asyncpg.CharacterNotInRepertoireError | asyncpg.UntranslatableCharacterError):
        return problems.Invalid("a text holds a character that cannot be stored (NUL)")
    if isinstance(
        error, OSError | asyncpg.PostgresConnectionError | asyncpg.InterfaceError | asyncpg.OperatorInterventionError
    ):
        log.warning("store_away", error=f"{type(error).__name__}: {error}")
        return problems.Busy("PostgreSQL does not answer", retry_after_s=1)
    log.error("call_failed", exc_info=error)
    return problems.Internal("a fault of ours; the log has it under this request_id")
