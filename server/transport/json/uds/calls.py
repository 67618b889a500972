"""Calls of the UDS partner protocol (version 2) as calls of our table: a pattern for adapters of other protocols.

An operation's id and its op_id are made of its nonce alone, so a repeat finds what was stored, and a refund needs
nothing but the id. A sale is calculated first: what the till was paid must be what is to be paid, else nothing happens.
Invariants: a nonce takes effect once; what is stored is answered again, never decided again. Never here: amounts,
sockets, a memory of its own.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from altyn.core.engine import CallRefused, Scope
from altyn.pos.v1 import outcome_pb2, pos_service_pb2, reasons_pb2, receipt_pb2
from altyn.server.transport.door import Service
from altyn.server.transport.json.calls import ANSWER_S, CERTIFICATE, HTTP_STATUS, NotTaken, read_request
from altyn.server.transport.json.uds.forms import (
    DIGITS,
    Refused,
    Sums,
    amount,
    child,
    decimal,
    identity,
    purchase,
    read_body,
    read_sums,
    receipt_line,
    receipt_lines,
    text,
)

PREFIX = "/partner/v2"
REQUEST_ID = "x-origin-request-id"
SHIFT = 1  # the protocol has none
ID_BITS = 52  # whole in the numbers of every peer
Reply = TypeVar("Reply", bound=Message)
# What our reasons are called there.
ERROR_CODES = {
    "CUSTOMER_UNKNOWN": "notFound",
    "PHONE_NOT_UNIQUE": "notFound",
    "CARD_BLOCKED": "participantIsBlocked",
    "CARD_NOT_ACTIVE": "participantIsBlocked",
    "POINTS_SHORT": "insufficientFunds",
    "REDEMPTION_NOT_ALLOWED": "purchaseByPhoneDisabled",
    "LIMITED_BY_SHARE": "discountLimitExceed",
    "LIMITED_BY_MAXIMUM": "discountLimitExceed",
    "LIMITED_BY_STEP": "discountLimitExceed",
    "REDEMPTION_SUSPECTED": "discountLimitExceed",
    "PRICE_CHANGED": "invalidChecksum",
}
NOBODY = (reasons_pb2.REASON_CUSTOMER_UNKNOWN, reasons_pb2.REASON_PHONE_NOT_UNIQUE)


@dataclass(frozen=True, slots=True)
class Till:
    """Who calls, and how to call on."""

    service: Service
    scope: Scope
    asset: str
    currency: str

    async def call(self, name: str, request: Message, reply: type[Reply]) -> Reply:
        answer = self.service.table[name](request.SerializeToString(), self.scope)
        if not isinstance(answer, bytes):
            async with asyncio.timeout(ANSWER_S):
                answer = await answer
        return reply.FromString(answer)

    def receipt(self, who: receipt_pb2.Identity | None, number: int, cashier: str = "") -> receipt_pb2.Receipt:
        return receipt_pb2.Receipt(
            store_id=self.scope.store_id,
            register_id=self.scope.register_id,
            shift_number=SHIFT,
            receipt_number=number,
            cashier_id=cashier,
            currency=self.currency,
            exponent=DIGITS,
            identity=who,
            mode=receipt_pb2.MODE_ONLINE,
        )

    def sale(self, who: receipt_pb2.Identity, number: int, sums: Sums, cashier: str = "") -> receipt_pb2.Receipt:
        receipt = self.receipt(who, number, cashier)
        receipt.lines.extend(receipt_lines(sums))
        if sums.points:
            receipt.points.add(asset=self.asset, requested_points=sums.points)
        return receipt


def routes(service: Service, asset: str, currency: str) -> list[Route]:
    """`asset`: the points of this protocol; `currency`: its money."""

    def route(path: str, method: str, act: Callable[[Till, Request], Awaitable[object]]) -> Route:
        async def answer(request: Request) -> Response:
            try:
                scope = _who(request, service)
                return _said(200, await act(Till(service, scope, asset, currency), request))
            except Refused as refused:
                return _said(refused.status, {"errorCode": refused.error_code, "message": str(refused)})
            except CallRefused as refused:
                status = HTTP_STATUS.get(refused.code, 500)
                return _said(
                    status, {"errorCode": _code_of(status), "message": f"{refused.field} {refused.message}".strip()}
                )
            except NotTaken as not_taken:
                return _said(not_taken.status, {"errorCode": "badRequest", "message": str(not_taken)})
            except TimeoutError:
                return _said(504, {"errorCode": "internalServerError", "message": "no answer in time: send it again"})

        return Route(PREFIX + path, answer, methods=[method])

    return [
        route("/settings", "GET", settings),
        route("/customers/find", "GET", find),
        route("/operations/calc", "POST", calc),
        route("/operations", "POST", operate),
        route("/operations/{id:int}", "GET", operation),
        route("/operations/{id:int}/refund", "POST", refund),
    ]


async def settings(till: Till, request: Request) -> object:
    """What a module reads to see that it is connected."""
    return {
        "id": 1,
        "name": till.scope.store_id,
        "currency": till.currency,
        "baseDiscountPolicy": "CHARGE_SCORES",
        "purchaseByPhone": True,
        "writeInvoice": False,
    }


async def find(till: Till, request: Request) -> object:
    """Who a code or a phone is, and, with a total, what a receipt would come to."""
    asked = dict(request.query_params)
    who = identity(text(asked, "code"), text(asked, "phone"))
    customer, scale = await _customer(till, who)
    told: dict[str, Any] = {"user": customer, "code": None, "type": "PURCHASE"}
    if "total" in asked:
        sums = read_sums(asked, scale, is_final=False)
        told["purchase"] = purchase((await _calculate(till, till.sale(who, 1, sums))).outcome, sums, till.asset, scale)
    return told


async def calc(till: Till, request: Request) -> object:
    """What a receipt would come to; more points than may be paid with are lowered."""
    body = read_body(await read_request(request))
    who = identity(text(body, "code"), text(child(body, "participant"), "phone"))
    customer, scale = await _customer(till, who)
    sums = read_sums(child(body, "receipt"), scale, is_final=False)
    outcome = (await _calculate(till, till.sale(who, 1, sums))).outcome
    return {"user": customer, "purchase": purchase(outcome, sums, till.asset, scale)}


async def operate(till: Till, request: Request) -> object:
    """A sale, once for its nonce."""
    body = read_body(await read_request(request))
    who = identity(text(body, "code"), text(child(body, "participant"), "phone"))
    nonce = text(body, "nonce") or str(uuid.uuid4())
    number = _number_of(nonce)
    stored = await _stored(till, number)
    if stored is not None:
        sums = read_sums(child(body, "receipt"), DIGITS, is_final=True)
        if stored.outcome.totals.gross_minor != sums.total or stored.outcome.totals.to_pay_minor != sums.cash:
            raise Refused(409, "badRequest", "this nonce was used with another receipt")
        return _operation(till, number, stored)
    _, scale = await _customer(till, who, may_be_new=True)
    sums = read_sums(child(body, "receipt"), scale, is_final=True)
    receipt = till.sale(who, number, sums, text(child(body, "cashier"), "externalId"))
    calculated = await _calculate(till, receipt)
    _check(calculated.outcome, sums, till.asset, scale)
    token = calculated.calc_token
    if calculated.outcome.reserve_required:
        reserve = pos_service_pb2.ReserveReceiptRequest(
            op_id=_op_id("reserve", number), calc_token=token, receipt=receipt
        )
        held = await till.call("ReserveReceipt", reserve, pos_service_pb2.ReserveReceiptResponse)
        if held.status != outcome_pb2.STATUS_OK:
            raise _declined(held.reason)
    commit = pos_service_pb2.CommitReceiptRequest(op_id=_op_id("sale", number), calc_token=token, receipt=receipt)
    done = await till.call("CommitReceipt", commit, pos_service_pb2.CommitReceiptResponse)
    if done.status != outcome_pb2.STATUS_OK:
        raise _declined(done.reason)
    return _operation(till, number, done)


async def operation(till: Till, request: Request) -> object:
    """A sale by its id."""
    number = request.path_params["id"]
    return _operation(till, number, await _sale(till, number))


async def refund(till: Till, request: Request) -> object:
    """A sale taken back, whole or a part of its sum, once for the request's id. A part is named by what it is of the
    total before discounts.
    """
    number = request.path_params["id"]
    sale = await _sale(till, number)
    sent = await read_request(request, may_be_empty=True)
    part = amount(read_body(sent), "partialAmount") if sent else 0
    total = sale.outcome.totals.gross_minor
    asked_as = request.headers.get(REQUEST_ID, "")
    if part > total:
        raise Refused(400, "badRequest", "partialAmount is more than was sold")
    back = till.receipt(None, _number_of(f"{number} {part or total} {asked_as}"))
    back.original.store_id, back.original.register_id = till.scope.store_id, till.scope.register_id
    back.original.shift_number, back.original.receipt_number = SHIFT, number
    left = part or total
    for line in sale.outcome.lines:
        taken = min(left, line.gross_minor)
        if taken:
            returned = back.lines.add()
            returned.CopyFrom(receipt_line(line.line_no, taken))
            returned.refund_of.line_no, returned.refund_of.qty_milli = line.line_no, taken
        left -= taken
    asked = pos_service_pb2.ReturnReceiptRequest(op_id=_op_id("refund", back.receipt_number), receipt=back)
    if await _reply_to(till, asked.op_id) is None:
        await _calculate(till, back)  # what is too much is refused here: a return itself is a fact
    done = await till.call("ReturnReceipt", asked, pos_service_pb2.ReturnReceiptResponse)
    if done.status != outcome_pb2.STATUS_OK:
        raise _declined(done.reason)
    totals = done.outcome.totals
    told = {"id": back.receipt_number, "action": "PURCHASE", "state": "REVERSAL", "origin": {"id": number}}
    return told | {"total": decimal(left or part or total), "cash": decimal(totals.to_pay_minor)}


async def _customer(till: Till, who: receipt_pb2.Identity, *, may_be_new: bool = False) -> tuple[dict[str, Any], int]:
    """The customer as this protocol shows one, without a name, and the digits of a point. `may_be_new`: a phone that
    nobody has may buy.
    """
    asked = pos_service_pb2.AuthorizeCustomerRequest(
        store_id=till.scope.store_id, register_id=till.scope.register_id, identity=who
    )
    found = await till.call("AuthorizeCustomer", asked, pos_service_pb2.AuthorizeCustomerResponse)
    if found.status != outcome_pb2.STATUS_OK and not (may_be_new and found.reason in NOBODY):
        raise _declined(found.reason)
    balance = next((one for one in found.balances if one.asset == till.asset), None)
    scale = balance.scale if balance is not None else DIGITS
    points = decimal(balance.active_points if balance is not None else 0, scale)
    participant = {"id": found.customer_id, "points": points, "membershipTier": None}
    return {"uid": None, "displayName": None, "participant": participant, "tags": []}, scale


async def _calculate(till: Till, receipt: receipt_pb2.Receipt) -> pos_service_pb2.CalculateReceiptResponse:
    asked = pos_service_pb2.CalculateReceiptRequest(receipt=receipt)
    found = await till.call("CalculateReceipt", asked, pos_service_pb2.CalculateReceiptResponse)
    if found.status != outcome_pb2.STATUS_OK:
        raise _declined(found.reason)
    return found


def _check(outcome: outcome_pb2.Outcome, sums: Sums, asset: str, scale: int) -> None:
    """What the till took is what is to be paid. Refused: it is not; points first, because they are the usual cause."""
    wanted = sums.points * 10**DIGITS // 10**scale
    if outcome.totals.points_paid_minor != wanted:
        limited = next((one.limited_by for one in outcome.max_redeem if one.asset == asset), 0)
        raise _declined(limited or reasons_pb2.REASON_POINTS_SHORT)
    if outcome.totals.to_pay_minor != sums.cash:
        raise Refused(400, "invalidChecksum", "cash is not what is to be paid: ask /operations/calc again")


async def _sale(till: Till, number: int) -> pos_service_pb2.CommitReceiptResponse:
    stored = await _stored(till, number)
    if stored is None:
        raise Refused(404, "notFound", "no operation has this id")
    return stored


async def _stored(till: Till, number: int) -> pos_service_pb2.CommitReceiptResponse | None:
    reply = await _reply_to(till, _op_id("sale", number))
    return pos_service_pb2.CommitReceiptResponse.FromString(reply) if reply is not None else None


async def _reply_to(till: Till, op_id: bytes) -> bytes | None:
    asked = pos_service_pb2.GetOperationRequest(
        op_id=op_id, store_id=till.scope.store_id, register_id=till.scope.register_id
    )
    found = await till.call("GetOperation", asked, pos_service_pb2.GetOperationResponse)
    return found.reply if found.reason != reasons_pb2.REASON_OPERATION_UNKNOWN else None


def _operation(till: Till, number: int, done: pos_service_pb2.CommitReceiptResponse) -> dict[str, Any]:
    totals = done.outcome.totals
    return {
        "id": number,
        "action": "PURCHASE",
        "state": "NORMAL",
        "points": decimal(-totals.points_paid_minor),
        "certificatePoints": decimal(0),
        "total": decimal(totals.gross_minor),
        "cash": decimal(totals.to_pay_minor),
    }


def _number_of(nonce: str) -> int:
    """An operation's id, and its receipt's number: above 0."""
    return int.from_bytes(hashlib.sha256(f"uds number {nonce}".encode()).digest()[:8]) >> (64 - ID_BITS) or 1


def _op_id(act: str, number: int) -> bytes:
    return hashlib.sha256(f"uds {act} {number}".encode()).digest()[:16]


def _declined(reason: int) -> Refused:
    name = reasons_pb2.Reason.Name(reasons_pb2.Reason.ValueType(reason)).removeprefix("REASON_")
    code = ERROR_CODES.get(name, "badRequest")
    return Refused(404 if code == "notFound" else 400, code, name)


def _code_of(status: int) -> str:
    return {401: "unauthorized", 403: "forbidden", 404: "notFound", 429: "tooManyRequests"}.get(
        status, "badRequest" if status < 500 else "internalServerError"
    )


def _who(request: Request, service: Service) -> Scope:
    """Basic authorization: the company is the store's id, the password the register's key. CallRefused: neither."""
    kind, _, sent = request.headers.get("authorization", "").partition(" ")
    company, key = "", ""
    if kind.lower() == "basic":
        try:
            company, _, key = base64.b64decode(sent, validate=True).decode().partition(":")
        except ValueError:
            key = ""
    bearer = (("authorization", f"Bearer {key}"),) if key else ()
    scope = service.authenticate(bearer, request.scope.get(CERTIFICATE))
    if company != scope.store_id:
        raise CallRefused("UNAUTHENTICATED", "CREDENTIAL_UNKNOWN", "", "the company is the store's id")
    return scope


def _said(status: int, body: Mapping[str, object] | object) -> Response:
    headers = {"www-authenticate": "Basic"} if status == 401 else {}
    return Response(orjson.dumps(body), status, headers, "application/json")
