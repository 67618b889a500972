"""Idempotency-Key: the same write sent again gets the first answer, and changes nothing.

The key is entered at the start of the transaction, so of two at once the second waits and then finds the first one's
answer; a refused call leaves nothing behind and may be sent again. Same key with another request: 409. Answers that
show a key once are not kept.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import AnswerShownOnce, IdempotencyKeyMissing, IdempotencyKeyReused, Invalid

KEY_BYTES_MAX = 200
KEPT = timedelta(days=7)
FORGOTTEN_AT_ONCE_MAX = 100
KEPT_HEADERS = ("content-type", "etag", "location", "altyn-feed-version", "altyn-journal-seq")


def required_key(request: Request) -> str:
    """The header's value. Writes must have one."""
    key = request.headers.get("idempotency-key", "")
    if not key:
        raise IdempotencyKeyMissing(
            "writes need the header Idempotency-Key: any text of your own, new for every new write"
        )
    if len(key) > KEY_BYTES_MAX or not key.isascii() or not key.isprintable():
        raise Invalid(f"at most {KEY_BYTES_MAX} printable ASCII characters", path="Idempotency-Key")
    return key


async def first_answer(call: Call, request: Request) -> Response | None:
    """The answer this key had, or None when the key is new and now belongs to this call."""
    content = f"{request.method} {request.url.path}?{request.url.query}\n{request.headers.get('if-match', '')}\n"
    digest = hashlib.sha256(content.encode() + call.body).digest()
    entered = await call.connection.execute(
        "INSERT INTO admin_answers (tenant, key_id, idempotency_key, request_sha256, answered_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        call.tenant,
        call.actor,
        call.idempotency_key,
        digest,
        call.now,
    )
    if entered == "INSERT 0 1":
        return None
    row = await call.connection.fetchrow(
        "SELECT request_sha256, status_code, headers, body FROM admin_answers"
        " WHERE tenant = $1 AND key_id = $2 AND idempotency_key = $3",
        call.tenant,
        call.actor,
        call.idempotency_key,
    )
    assert row is not None
    if row["request_sha256"] != digest:
        raise IdempotencyKeyReused("this Idempotency-Key was used for another request", path="Idempotency-Key")
    if row["body"] is None:
        raise AnswerShownOnce("the first call made the key and showed it; revoke it and issue another if it was lost")
    return Response(row["body"], row["status_code"], {**row["headers"], "idempotency-replayed": "true"})


async def keep_answer(call: Call, response: Response) -> None:
    """Store the answer under the call's key, and forget a few that are old."""
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    await call.connection.execute(
        "UPDATE admin_answers SET status_code = $4, headers = $5, body = $6"
        " WHERE tenant = $1 AND key_id = $2 AND idempotency_key = $3",
        call.tenant,
        call.actor,
        call.idempotency_key,
        response.status_code,
        headers,
        None if call.answer_is_secret else bytes(response.body),
    )
    await call.connection.execute(
        "DELETE FROM admin_answers WHERE ctid IN (SELECT ctid FROM admin_answers WHERE answered_at < $1"
        " LIMIT $2 FOR UPDATE SKIP LOCKED)",
        call.now - KEPT,
        FORGOTTEN_AT_ONCE_MAX,
    )
