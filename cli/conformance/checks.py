"""The scenarios: what is done to a register, and what must come of it.

Each check starts with a register that is on and a proxy that passes everything; it returns its evidence, or raises
Broken. Expectations are those of the conversation's contract, never of one library: which time-outs, how many repeats
and which queue a register has is its own affair, within the bounds of ``bench``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import grpc

from altyn.cli.conformance.bench import ATTEMPTS_MAX, CASHIER_PATIENCE_S, Bench, expect, status_name
from altyn.cli.conformance.proxy import Fault, always, first
from altyn.cli.conformance.seen import Seen
from altyn.pos.v1 import receipt_pb2

Check = Callable[[Bench], Awaitable[str]]
CHECKS: dict[str, tuple[str, Check]] = {}
WAIT_S = 0.7
#: As an app shows it, and as nobody here made it: what is judged is what the register sends.
QR_SHOWN = "A10000000JCW02VHP020GC4GY5R98YE3NQ"
PHONE, CODE = "+79001234567", "123456"
WITH_RECEIPT = ("CalculateReceipt", "ReserveReceipt", "CommitReceipt")
#: What a timer may be early by.
EARLY_S = 0.05


def check(name: str, says: str) -> Callable[[Check], Check]:
    def add(scenario: Check) -> Check:
        CHECKS[name] = (says, scenario)
        return scenario

    return add


@check("sale", "a sale is calculated and committed")
async def sale(bench: Bench) -> str:
    status = await bench.sell(1)
    expect(status == "OK", f"the register reports {status}")
    expect(any(seen.call == "CalculateReceipt" for seen in bench.seen), "nothing was calculated", bench.seen)
    return await bench.expect_sold(1)


@check("lost-reply", "the commit's reply is lost twice: the same operation again, one effect")
async def lost_reply(bench: Bench) -> str:
    bench.during(first(2, "CommitReceipt", Fault("drop")))
    status = await bench.sell(1)
    expect(status in ("OK", "QUEUED"), f"the register reports {status}")
    expect(await bench.drain() == 0, "something is left to send")
    return await bench.expect_sold(1, attempts_min=2)


@check("lost-request", "the commit itself is lost twice")
async def lost_request(bench: Bench) -> str:
    bench.during(first(2, "CommitReceipt", Fault("lose")))
    status = await bench.sell(1)
    expect(status in ("OK", "QUEUED"), f"the register reports {status}")
    expect(await bench.drain() == 0, "something is left to send")
    return await bench.expect_sold(1, attempts_min=3)


@check("time-out", "no reply at all: the register gives up by itself and the fact stays")
async def time_out(bench: Bench) -> str:
    bench.during(always(Fault("hang"), "CommitReceipt"))
    status = await bench.sell(1)
    expect(status == "QUEUED", f"the register reports {status}; nobody has answered yet")
    expect(bench.slowest_s <= CASHIER_PATIENCE_S, f"the cashier waited {bench.slowest_s:.1f} s")
    bench.calm()
    expect(await bench.drain() == 0, "something is left to send")
    return f"{await bench.expect_sold(1, attempts_min=2)}; the cashier waited {bench.slowest_s:.1f} s"


@check("duplicate", "the network delivers the commit twice")
async def duplicate(bench: Bench) -> str:
    bench.during(always(Fault("twice"), "CommitReceipt"))
    status = await bench.sell(1)
    expect(status == "OK", f"the register reports {status}")
    return await bench.expect_sold(1)


@check("try-later", "the server asks to wait (RetryInfo): no attempt before that")
async def try_later(bench: Bench) -> str:
    bench.during(first(1, "CommitReceipt", Fault("retry", wait_s=WAIT_S)))
    status = await bench.sell(1)
    expect(status in ("OK", "QUEUED"), f"the register reports {status}")
    attempts = bench.attempts("CommitReceipt", 1)
    if len(attempts) > 1:
        pause_s = attempts[1].seen.arrived_s - attempts[0].seen.arrived_s
        expect(pause_s >= WAIT_S - EARLY_S, f"it waited {pause_s:.2f} s of {WAIT_S} s", attempts)
    expect(await bench.drain() == 0, "something is left to send")
    return await bench.expect_sold(1, attempts_min=2)


@check("outage", "the server is away: sales go on, attempts stay bounded, the queue is sent in order")
async def outage(bench: Bench) -> str:
    bench.during(always(Fault("lose")))
    for number in (1, 2, 3):
        status = await bench.sell(number)
        expect(status == "QUEUED", f"receipt {number}: the register reports {status}; nobody has answered yet")
    expect(bench.slowest_s <= CASHIER_PATIENCE_S, f"the cashier waited {bench.slowest_s:.1f} s")
    most = max(len(bench.attempts("CommitReceipt", number)) for number in (1, 2, 3))
    expect(most <= ATTEMPTS_MAX, f"one commit was tried {most} times in an outage: at most {ATTEMPTS_MAX}")
    bench.calm()
    before = len(bench.seen)
    expect(await bench.drain() == 0, "something is left to send")
    sent = [operation.receipt[1] for seen in bench.seen[before:] for operation in seen.operations]
    mine = list(dict.fromkeys(number for number in sent if number in (1, 2, 3)))
    expect(mine == sorted(mine), f"the queue was sent in the order {mine}", bench.seen[before:])
    for number in (1, 2, 3):
        await bench.expect_sold(number)
    return f"sent {mine} in order; at most {most} attempts each; the cashier waited {bench.slowest_s:.1f} s"


@check("power-cut-before", "power goes while the commit is on its way: it is sent after the start")
async def power_cut_before(bench: Bench) -> str:
    return await _power_cut(bench, "cut")


@check("power-cut-after", "power goes after the server took the commit: the same bytes after the start")
async def power_cut_after(bench: Bench) -> str:
    return await _power_cut(bench, "cut_after")


async def _power_cut(bench: Bench, kind: str) -> str:
    bench.during(first(1, "CommitReceipt", Fault(kind)))
    status = await bench.sell(1)
    expect(status == "CUT", f"the power was cut and the register reports {status}")
    bench.calm()
    await bench.power_on()
    expect(await bench.drain() == 0, "something is left to send")
    return await bench.expect_sold(1, attempts_min=2)


@check("power-cut-queue", "power goes with a queue: nothing is lost, numbers go on")
async def power_cut_queue(bench: Bench) -> str:
    bench.during(always(Fault("lose")))
    for number in (1, 2):
        await bench.sell(number)
    bench.driver.cut_power()
    bench.calm()
    await bench.power_on()
    status = await bench.sell(3)
    expect(status in ("OK", "QUEUED"), f"the register reports {status}")
    expect(await bench.drain() == 0, "something is left to send")
    evidence = [await bench.expect_sold(number) for number in (1, 2, 3)]
    return evidence[0] + ", and two more"


@check("doubt", "every reply is lost: the doubt is resolved under the same op_id")
async def doubt(bench: Bench) -> str:
    bench.during(always(Fault("drop"), "CommitReceipt"))
    status = await bench.sell(1)
    expect(status == "QUEUED", f"the register reports {status}; nobody has answered yet")
    bench.calm()
    before = len(bench.seen)
    told = str((await bench.do("settle", shift_number=bench.shift_number, receipt_number=1)).get("status", ""))
    [sold, *_] = bench.attempts("CommitReceipt", 1)
    after = bench.seen[before:]
    asked = [seen for seen in after if seen.call == "GetOperation" and seen.message.op_id == sold.op_id]
    again = [operation for seen in after for operation in seen.operations if operation.op_id == sold.op_id]
    expect(bool(asked or again), "neither GetOperation nor the same commit came", after)
    expect(told == "OK", f"the server has stored it and the register reports {told}", after)
    evidence = await bench.expect_sold(1)
    return f"{evidence}; settled by {'GetOperation' if asked else 'the same bytes'}"


@check("abandoned-reserve", "a reservation nobody answered is cancelled, and never committed")
async def abandoned_reserve(bench: Bench) -> str:
    bench.during(always(Fault("drop"), "ReserveReceipt"))
    await bench.begin(1)
    await bench.do("calculate")
    status = await bench.effect("reserve", 1)
    expect(status in ("QUEUED", "NO_ANSWER"), f"the register reports {status}; nobody has answered")
    bench.calm()
    return await _cancelled(bench)


@check("late-request", "a reservation arrives after its cancel: the cancel stands")
async def late_request(bench: Bench) -> str:
    bench.during(always(Fault("hold"), "ReserveReceipt"))
    await bench.begin(1)
    await bench.do("calculate")
    await bench.effect("reserve", 1)
    bench.calm()
    evidence = await _cancelled(bench)
    reserves = bench.attempts("ReserveReceipt", 1)
    expect(bool(reserves), "no ReserveReceipt came")
    return evidence


async def _cancelled(bench: Bench) -> str:
    await bench.effect("cancel", 1)
    expect(await bench.drain() == 0, "something is left to send")
    cancels = bench.attempts("CancelReceipt", 1)
    expect(bool(cancels), "no CancelReceipt came: the hold stays till its time is over", bench.seen)
    expect(not bench.attempts("CommitReceipt", 1), "an abandoned receipt was committed", bench.seen)
    reserves = bench.attempts("ReserveReceipt", 1)
    expect(cancels[0].op_id not in {each.op_id for each in reserves}, "the cancel has the reserve's op_id", cancels)
    await bench.stored(cancels[0])
    response = cancels[-1].seen.response
    return f"CancelReceipt answered {status_name(response.status) if response else 'by the server later'}"


@check("declined", "DECLINED is an answer: the operation is not sent again")
async def declined(bench: Bench) -> str:
    bench.during(always(Fault("decline"), "ReserveReceipt"))
    await bench.begin(1)
    await bench.do("calculate")
    status = await bench.effect("reserve", 1)
    expect(status == "DECLINED", f"the register reports {status}")
    await bench.effect("cancel", 1)
    expect(await bench.drain() == 0, "something is left to send")
    attempts = bench.attempts("ReserveReceipt", 1)
    expect(len(attempts) == 1, f"a declined operation was sent {len(attempts)} times", attempts)
    return "one attempt"


@check("unreadable", "INVALID_ARGUMENT: set apart, reported, and the next sale goes through")
async def unreadable(bench: Bench) -> str:
    def plan(seen: object) -> Fault:
        mine = {operation.receipt for operation in seen.operations}  # type: ignore[attr-defined]
        refused = (bench.shift_number, 1) in mine
        return Fault("refuse", code=grpc.StatusCode.INVALID_ARGUMENT) if refused else Fault("pass")

    bench.during(plan)
    status = await bench.sell(1)
    expect(status == "REFUSED", f"the register reports {status}; a person has to be told")
    next_status = await bench.sell(2)
    expect(next_status in ("OK", "QUEUED"), f"the next sale: the register reports {next_status}")
    await bench.drain()
    attempts = bench.attempts("CommitReceipt", 1)
    expect(len(attempts) <= 2, f"bytes that can never be read were sent {len(attempts)} times", attempts)
    return f"{len(attempts)} attempt; then {await bench.expect_sold(2)}"


@check("wrong-key", "UNAUTHENTICATED: the fact stays queued until the key is right")
async def wrong_key(bench: Bench) -> str:
    bench.during(always(Fault("refuse", code=grpc.StatusCode.UNAUTHENTICATED), "CommitReceipt", "UploadReceipts"))
    status = await bench.sell(1)
    expect(status in ("QUEUED", "REFUSED"), f"the register reports {status}")
    attempts = len(bench.attempts("CommitReceipt", 1))
    expect(attempts <= ATTEMPTS_MAX, f"it was tried {attempts} times")
    bench.calm()
    expect(await bench.drain() == 0, "something is left to send")
    return await bench.expect_sold(1, attempts_min=2)


@check("later-contract", "unknown fields and codes in a reply are passed over")
async def later_contract(bench: Bench) -> str:
    bench.during(always(Fault("strange"), "CalculateReceipt", "CommitReceipt"))
    status = await bench.sell(1)
    expect(status == "OK", f"the register reports {status}")
    attempts = bench.attempts("CommitReceipt", 1)
    expect(len(attempts) == 1, f"an answered commit was sent {len(attempts)} times", attempts)
    return await bench.expect_sold(1)


@check("no-forecast", "CalculateReceipt is silent: the sale goes on offline and is committed")
async def no_forecast(bench: Bench) -> str:
    bench.during(always(Fault("lose"), "CalculateReceipt"))
    await bench.begin(1)
    forecast = str((await bench.do("calculate")).get("status", ""))
    expect(forecast == "NO_ANSWER", f"the register reports {forecast} for a forecast nobody gave")
    status = await bench.effect("commit", 1)
    expect(status == "OK", f"the register reports {status}")
    [sold, *_] = bench.attempts("CommitReceipt", 1)
    mode = receipt_pb2.Mode.Name(sold.message.receipt.mode)
    expect(mode == "MODE_OFFLINE", f"a receipt sold without a forecast says {mode}", [sold])
    return await bench.expect_sold(1)


@check("return", "a return names its sale and the lines; its reply is lost: the same operation again")
async def returned(bench: Bench) -> str:
    status = await bench.sell(1)
    expect(status == "OK", f"the sale: the register reports {status}")
    bench.during(first(1, "ReturnReceipt", Fault("drop")))
    lines = [{"line_no": 1, "of_line_no": 1, "sku": "loaf", "price_minor": 5000, "qty_milli": 1000}]
    original = {"shift_number": bench.shift_number, "receipt_number": 1}
    status = await bench.effect(
        "return", 2, shift_number=bench.shift_number, receipt_number=2, original=original, lines=lines
    )
    expect(status not in ("", "CUT"), f"the register reports {status!r}")
    await bench.drain()
    attempts = bench.attempts("ReturnReceipt", 2)
    expect(len(attempts) >= 2, f"{len(attempts)} attempts of ReturnReceipt", attempts)
    expect(len({each.request for each in attempts}) == 1, "the bytes of the return changed", attempts)
    receipt = attempts[0].message.receipt
    named = (receipt.original.shift_number, receipt.original.receipt_number)
    expect(named == (bench.shift_number, 1), f"the return names the sale {named}", attempts)
    of = [(line.refund_of.line_no, line.refund_of.qty_milli) for line in receipt.lines]
    expect(of == [(1, 1000)], f"the return's lines are of {of}", attempts)
    return f"{len(attempts)} attempts{'; answered by a stub' if attempts[-1].seen.is_stubbed else ''}"


@check("qr-code", "a code from an app goes as it was read, with the token of the newest calculation that knew it")
async def qr_code(bench: Bench) -> str:
    await bench.begin(1, qr=QR_SHOWN)
    await bench.do("calculate")
    await bench.do("calculate")
    await bench.effect("reserve", 1)
    status = await bench.effect("commit", 1)
    expect(status in ("OK", "QUEUED"), f"the register reports {status}")
    expect(await bench.drain() == 0, "something is left to send")
    forecasts = [seen for seen in bench.seen if seen.call == "CalculateReceipt"]
    expect(len(forecasts) >= 2, f"{len(forecasts)} CalculateReceipt came of two", bench.seen)
    for before, after in pairwise(forecasts):
        kept = before.response is not None and after.message.calc_token == before.response.calc_token != b""
        expect(kept, "a CalculateReceipt without the calc_token of the one before loses its customer", [before, after])
    newest = forecasts[-1].response.calc_token if forecasts[-1].response is not None else b""
    reserves = bench.attempts("ReserveReceipt", 1)
    expect(bool(reserves), "no ReserveReceipt came", bench.seen)
    expect(reserves[0].message.calc_token == newest != b"", "the reserve is without the newest calc_token", reserves)
    _expect_identity(bench.seen, "TOKEN_KIND_QR", QR_SHOWN, "INPUT_METHOD_QR", "")
    return await bench.expect_sold(1)


@check("one-time-code", "a phone's code is sent for without one, and goes with the phone from then on")
async def one_time_code(bench: Bench) -> str:
    await bench.begin(1, phone=PHONE)
    await bench.do("calculate")
    told = str((await bench.do("send_code", phone=PHONE)).get("status", ""))
    expect(told == "OK", f"the register reports {told} for the code")
    asked = [seen for seen in bench.seen if seen.call == "SendOneTimeCode"]
    expect(bool(asked), "no SendOneTimeCode came", bench.seen)
    for seen in asked:
        of = (seen.message.store_id, seen.message.register_id, seen.message.identity.value, seen.message.identity.code)
        wanted = (bench.place.store_id, bench.place.register_id, PHONE, "")
        expect(of == wanted, f"SendOneTimeCode says {of}", [seen])
    before = len(bench.seen)
    await bench.begin(1, phone=PHONE, code=CODE)
    await bench.do("calculate")
    await bench.effect("reserve", 1)
    status = await bench.effect("commit", 1)
    expect(status in ("OK", "QUEUED"), f"the register reports {status}")
    expect(await bench.drain() == 0, "something is left to send")
    _expect_identity(bench.seen[:before], "TOKEN_KIND_PHONE", PHONE, "INPUT_METHOD_PHONE", "")
    _expect_identity(bench.seen[before:], "TOKEN_KIND_PHONE", PHONE, "INPUT_METHOD_PHONE_CODE", CODE)
    return await bench.expect_sold(1)


def _expect_identity(seen: list[Seen], *wanted: str) -> None:
    """Every receipt says so who the customer is: kind, value, how it came, code."""
    for one in seen:
        if one.call in WITH_RECEIPT:
            identity = one.message.receipt.identity
            kind = receipt_pb2.TokenKind.Name(identity.kind)
            method = receipt_pb2.InputMethod.Name(identity.input_method)
            sent = (kind, identity.value, method, identity.code)
            expect(sent == wanted, f"the customer is sent as {sent}, and not as {wanted}", [one])


@check("next-day", "after all that a sale still goes through, and nothing is owed")
async def next_day(bench: Bench) -> str:
    await bench.driver.power_off()
    await bench.power_on()
    status = await bench.sell(1)
    expect(status == "OK", f"the register reports {status}")
    await asyncio.sleep(0)
    expect(await bench.drain() == 0, "something is left to send")
    return await bench.expect_sold(1)
