"""The one way into every area: guards, transaction, audit, answer.

A handler is marked with ``needs(scope)``; a route without the mark cannot be made. Keys and people pass one check:
the scope, and where it holds. Scopes ending in ``:read`` read in
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
from altyn.admin_api.edge.rights import ANYWHERE, Person, Place, PlaceForeign, Rights, network_rights, refuse_debtor
from altyn.admin_api.edge.scopes import SCOPES
from altyn.admin_api.people.sessions import person_of

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
    """What a call needs. ``writes``: it changes something; ``once``: it takes an Idempotency-Key; ``place``: how it is
    bound to a store. An empty ``scope``: it is open to all, and looks after itself.
    """

    scope: str
    writes: bool
    once: bool
    place: Place
    body_bytes_max: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a key, or a person who is signed in."""

    actor: str
    rights: Rights
    person: Person | None = None


def needs(
    scope: str,
    *,
    writes: bool | None = None,
    once: bool | None = None,
    place: Place = Place.NETWORK,
    body_bytes_max: int = BODY_BYTES_MAX,
    timeout_s: float = CALL_TIMEOUT_S,
) -> Callable[[Handler], Handler]:
    """Mark a handler. ``writes`` follows from the scope unless given, ``once`` from ``writes``."""
    assert scope in SCOPES, scope
    does_write = not scope.endswith(":read") if writes is None else writes
    return _marked(Needs(scope, does_write, does_write if once is None else once, place, body_bytes_max, timeout_s))


def open_to_all(*, body_bytes_max: int) -> Callable[[Handler], Handler]:
    """Mark a handler that anybody may call: it gets no ``Call``, and opens its own transactions."""
    return _marked(Needs("", True, False, Place.NETWORK, body_bytes_max, CALL_TIMEOUT_S))


def _marked(mark: Needs) -> Callable[[Handler], Handler]:
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
    if not mark.scope:
        return await handle(request)
    if not mark.once:
        await _wait_for_seq(request, office, mark)
    projected_seq = office.projector.seq  # read before the tables are, so that they hold it
    async with office.connected() as connection:
        call = await _admit(connection, office, request, mark)
        call.request_id, call.body = request_id, body
        if mark.once:
            call.idempotency_key = required_key(request)
        async with connection.transaction(readonly=not mark.writes):
            response = await perform(request, handle, mark, call)
    if not mark.once:
        response.headers["altyn-projected-seq"] = str(projected_seq)
    if call.feed.version:
        await office.wake(call.feed.version)
    return response


async def _admit(connection: asyncpg.Connection[Any], office: Office, request: Request, mark: Needs) -> Call:
    """Raises CredentialUnknown, and as ``admit``."""
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    found = await credential_of(connection, office, key) if kind.lower() == "bearer" else None
    if found is None:
        raise problems.CredentialUnknown(
            "send Authorization: Bearer and a key or a session's token; this one is missing, unknown, revoked or over"
        )
    return await admit(connection, office, found, mark, request)


async def credential_of(connection: asyncpg.Connection[Any], office: Office, key: str) -> Caller | None:
    """Whose live key or session this is. Not for an open transaction: a session is kept alive by it."""
    if not 0 < len(key) <= KEY_CHARS_MAX:
        return None
    person = await person_of(connection, office.tenant, key, office.clock())
    if person:
        return Caller(person.actor, person.rights, person)
    row = await connection.fetchrow(
        "SELECT key_id, scopes FROM api_keys WHERE tenant = $1 AND key_hash = $2 AND revoked_at IS NULL",
        office.tenant,
        hashlib.sha256(key.encode()).digest(),
    )
    return Caller(row["key_id"], network_rights(row["scopes"])) if row else None


async def admit(
    connection: asyncpg.Connection[Any], office: Office, caller: Caller, mark: Needs, request: Request
) -> Call:
    """The one check that keys and people pass: the call of somebody who may do this, here. Raises ScopeMissing,
    PlaceForeign, PasswordGiven, SecondFactorMissing.
    """
    if mark.scope not in caller.rights:
        raise problems.ScopeMissing(f"this call needs the scope {mark.scope}")
    if caller.person:
        refuse_debtor(caller.person, mark.scope)
    everywhere = frozenset(scope for scope, reach in caller.rights.items() if reach.is_network)
    call = Call(connection, office.tenant, caller.actor, everywhere, "", office.clock(), person=caller.person)
    call.reach = caller.rights[mark.scope]
    if call.reach.is_network or mark.scope in ANYWHERE or mark.place in (Place.OBJECT, Place.OWN):
        return call
    store_id = request.path_params.get("store_id") if mark.place is Place.PATH else None
    if mark.place is Place.QUERY:
        store_id = request.query_params.get("store_id")
    if not store_id:
        wanted = "name one of your stores in store_id" if mark.place is Place.QUERY else "it is for the whole network"
        raise PlaceForeign(f"your roles do not hold everywhere: {wanted}", path="store_id")
    await call.at_store(store_id)
    return call


async def _wait_for_seq(request: Request, office: Office, mark: Needs) -> None:
    """A reader may ask that the tables hold a write of its own; it waits without a connection. Raises SeqNotReached."""
    seq = wanted_seq(request)
    if seq <= office.projector.seq:
        return
    async with office.connected() as connection:
        await _admit(connection, office, request, mark)
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


async def perform(request: Request, handle: Handle, mark: Needs, call: Call) -> Response:
    """A handler inside its open transaction: once per Idempotency-Key, and told to the audit log."""
    if mark.once and (repeated := await first_answer(call, request)) is not None:
        return repeated
    request.state.call = call
    response = await handle(request)
    narrow = mark.place is Place.OBJECT and not call.reach.is_network
    assert call.is_placed or not narrow, "the handler did not ask which store this belongs to"
    if call.feed.version:
        assert call.deeds, "facts were changed without a word to the audit log"
        response.headers["altyn-feed-version"] = str(call.feed.version)
    if call.journal_seq:
        response.headers["altyn-journal-seq"] = str(call.journal_seq)
    await call.finish()
    if mark.once:
        await keep_answer(call, response)
    return response


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
