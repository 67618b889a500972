"""One call over HTTP: a body in JSON becomes the request's bytes, and the reply's bytes become JSON.

The call table is the one of the other doors, and so are credentials, meters and reasons. A refusal is
`application/problem+json` with the status of HTTP that stands for gRPC's code. Invariants: nothing of a body is read
before the caller is known, and then up to a bound of bytes and of time; a reply is waited for up to a bound, and the
operation goes on. Never here: sockets, what a call means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from altyn.core.engine import CallRefused, Scope
from altyn.server.calls import Call
from altyn.server.meters import CallMeter
from altyn.server.refusals import RefusalLog
from altyn.server.transport.door import REQUEST_BYTES_MAX, Authenticate
from altyn.server.transport.json.forms import Form
from altyn.server.transport.status import RETRY_DELAYS_MS

BODY_BYTES_MAX = 4 << 20  # names and digits take their room
BODY_S = 30.0
ANSWER_S = 30.0
CERTIFICATE = "altyn.certificate"  # in the scope of a request: the peer's, or None
METADATA = ("authorization", "traceparent")  # what of a request's fields tells whose call it is, and of which trace
JSON = "application/json"
PROBLEM = "application/problem+json"
HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}

Endpoint = Callable[[Request], Awaitable[Response]]


def endpoint(
    call: Call, taken: Form, given: Form, authenticate: Authenticate, meter: CallMeter, refusals: RefusalLog
) -> Endpoint:
    """`POST` of one call. `taken`, `given`: forms of its request and its reply."""

    async def answer(request: Request) -> Response:
        begun_ns = meter.begin()
        message, scope = b"", None
        try:
            scope = _who(request, authenticate)
            message = taken.to_bytes(await read_request(request))
            if len(message) > REQUEST_BYTES_MAX:
                said = f"the request is longer than {REQUEST_BYTES_MAX} bytes"
                raise CallRefused("INVALID_ARGUMENT", "TOO_LARGE", "", said)
            reply = call(message, scope)
            if not isinstance(reply, bytes):
                async with asyncio.timeout(ANSWER_S):
                    reply = await reply
            shown = given.to_json(reply)
        except CallRefused as refused:
            meter.refused(begun_ns, refused.code, refused.reason)
            refusals.refused(meter.method, refused, message, scope)
            return problem(refused.code, refused.reason, refused.field, refused.message)
        except NotTaken as not_taken:
            meter.refused(begun_ns, "INVALID_ARGUMENT", "NOT_A_CALL")
            return problem("INVALID_ARGUMENT", "MALFORMED", "", str(not_taken), not_taken.status)
        except TimeoutError:
            meter.refused(begun_ns, "DEADLINE_EXCEEDED", "DEADLINE_PASSED")
            return problem("DEADLINE_EXCEEDED", "RETRY", "", "no answer in time; send the same op_id again")
        except (asyncio.CancelledError, ClientDisconnect):
            meter.refused(begun_ns, "CANCELLED", "CALLER_LEFT")
            raise
        except Exception as error:
            meter.refused(begun_ns, "INTERNAL", "FAULT")
            refusals.failed(meter.method, error, message, scope)
            return problem("INTERNAL", "FAULT", "", "a fault of the server")
        meter.answered(begun_ns, reply)
        return Response(shown, media_type=JSON)

    return answer


def problem(code: str, reason: str, field: str, message: str, status: int = 0) -> Response:
    """A refusal as a document. `status`: of HTTP; 0: the one that stands for the code."""
    status = status or HTTP_STATUS.get(code, 500)
    body: dict[str, str | int] = {
        "type": f"urn:altyn:problem:{reason}",
        "title": reason.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "reason": reason,
        "detail": message,
    }
    if field:
        body["field"] = field
    headers = {}
    if code in RETRY_DELAYS_MS:
        headers["retry-after"] = str(-(-RETRY_DELAYS_MS[code] // 1_000))
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status == 408:
        headers["connection"] = "close"
    return Response(orjson.dumps(body), status, headers, PROBLEM)


class NotTaken(Exception):
    """The body is not one that is read at all."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read_request(request: Request, *, may_be_empty: bool = False) -> bytes:
    """The body, whole and within its bounds. NotTaken: it is not one that is read."""
    if (
        may_be_empty
        and request.headers.get("content-length", "0") == "0"
        and not request.headers.get("transfer-encoding")
    ):
        return b""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise NotTaken(415, f"the body is to be {JSON}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise NotTaken(415, "the body is taken uncompressed")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
        raise NotTaken(413, f"the body is longer than {BODY_BYTES_MAX} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise NotTaken(413, f"the body is longer than {BODY_BYTES_MAX} bytes")
    except TimeoutError:
        raise NotTaken(408, "the body took too long to come") from None
    return bytes(body)


def _who(request: Request, authenticate: Authenticate) -> Scope:
    sent = [(name, request.headers[name]) for name in METADATA if name in request.headers]
    return authenticate(sent, request.scope.get(CERTIFICATE))
