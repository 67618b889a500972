"""The adapter of ``altyn.register``: the conformance kit's commands on stdin, answers on stdout.

    altyn conformance --register "python -m altyn.cli.conformance.reference"

It is also the example of an adapter: some eighty lines between the kit and a till's own code. Fiscal marks are made up.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from altyn.pos.v1 import pos_service_pb2, receipt_pb2
from altyn.pos.v1.outcome_pb2 import Status
from altyn.register import (
    Answer,
    CallRejected,
    Line,
    LocalTime,
    NoAnswer,
    Register,
    TimeOut,
    build_receipt,
    card,
    phone,
    qr,
)
from altyn.register.client import TIME_OUTS

#: Half the usual patience: for tests of the kit itself.
HURRIED = {name: TimeOut(usual.attempt_s / 2, usual.call_s / 2) for name, usual in TIME_OUTS.items()}


class Till:
    """One register, and the receipt in its hand."""

    def __init__(self, hurried: bool) -> None:
        self._hurried = hurried
        self._register: Register | None = None
        self._lines: list[Line] = []
        self._head: dict[str, Any] = {}
        self._token = b""
        self._is_offline = False
        self._answers: dict[tuple[int, int], Answer] = {}

    @property
    def register(self) -> Register:
        assert self._register is not None, "power_on comes first"
        return self._register

    async def power_on(self, *, target: str, store_id: str, register_id: str, key: str, state_dir: str) -> Any:
        self._register = Register(
            target,
            store_id=store_id,
            register_id=register_id,
            key=key,
            file=Path(state_dir) / "register.saf",
            time_outs=HURRIED if self._hurried else TIME_OUTS,
        )
        return {"owed": len(self._register.file.pending())}

    async def power_off(self) -> Any:
        await self.register.close()
        return {}

    async def start(self, **head: Any) -> Any:
        self._head, self._lines, self._token, self._is_offline = head, [], b"", False
        return {}

    async def add(self, *, sku: str, price_minor: int, qty_milli: int, unit: str) -> Any:
        self._lines.append(Line(sku, price_minor, qty_milli, receipt_pb2.Unit.Value(f"UNIT_{unit}")))
        return {}

    async def authorize(self) -> Any:
        try:
            known = await self.register.authorize(self._identity() or card(""), at=LocalTime.now())
        except NoAnswer:
            return {"status": "NO_ANSWER"}
        return {"status": Status.Name(known.status).removeprefix("STATUS_")}

    async def send_code(self, *, phone: str) -> Any:
        try:
            sent = await self.register.send_code(phone)
        except NoAnswer:
            return {"status": "NO_ANSWER"}
        return {"status": Status.Name(sent.status).removeprefix("STATUS_")}

    async def calculate(self) -> Any:
        try:
            shown = await self.register.calculate(self._receipt(), calc_token=self._token)
        except NoAnswer:
            self._is_offline = True  # sold at shelf prices
            return {"status": "NO_ANSWER"}
        self._token = shown.calc_token
        return {
            "status": Status.Name(shown.status).removeprefix("STATUS_"),
            "to_pay_minor": shown.outcome.totals.to_pay_minor,
        }

    async def reserve(self) -> Any:
        return await self._told(self.register.reserve(self._receipt(), calc_token=self._token))

    async def commit(self) -> Any:
        receipt = self._receipt()
        receipt.fiscal.CopyFrom(receipt_pb2.FiscalMark(drive="9999", document=str(receipt.receipt_number), sign="1"))
        return await self._told(self.register.commit(receipt, calc_token=self._token))

    async def cancel(self) -> Any:
        return await self._told(
            self.register.cancel(
                shift_number=self._head["shift_number"],
                receipt_number=self._head["receipt_number"],
                at=LocalTime.now(),
            )
        )

    async def return_(
        self, *, shift_number: int, receipt_number: int, original: dict[str, int], lines: list[dict[str, Any]]
    ) -> Any:
        await self.start(shift_number=shift_number, receipt_number=receipt_number)
        for line in lines:
            await self.add(sku=line["sku"], price_minor=line["price_minor"], qty_milli=line["qty_milli"], unit="PIECE")
        receipt = self._receipt()
        receipt.original.CopyFrom(
            receipt_pb2.OriginalReceipt(
                store_id=receipt.store_id,
                register_id=receipt.register_id,
                shift_number=original["shift_number"],
                receipt_number=original["receipt_number"],
            )
        )
        for sold, given in zip(receipt.lines, lines, strict=True):
            sold.refund_of.CopyFrom(receipt_pb2.RefundOf(line_no=given["of_line_no"], qty_milli=given["qty_milli"]))
        return await self._told(self.register.return_receipt(receipt))

    async def settle(self, *, shift_number: int, receipt_number: int) -> Any:
        """What became of it: ask, and send again what never arrived."""
        answer = self._answers[shift_number, receipt_number]
        try:
            found = await self.register.get_operation(answer.op_id)
        except NoAnswer:
            return {"status": "QUEUED"}
        if not found.reply:
            await self.register.drain()
            return {"status": "QUEUED"}
        stored = getattr(pos_service_pb2, f"{answer.call}Response").FromString(found.reply)
        self.register.file.answered(answer.op_id)
        return {"status": Status.Name(stored.status).removeprefix("STATUS_")}

    async def drain(self) -> Any:
        drained = await self.register.drain()
        return {"left": drained.left_count}

    def _receipt(self) -> receipt_pb2.Receipt:
        receipt = build_receipt(
            store_id=self.register.store_id,
            register_id=self.register.register_id,
            shift_number=self._head["shift_number"],
            receipt_number=self._head["receipt_number"],
            lines=self._lines,
            currency=self._head.get("currency", "RUB"),
            exponent=self._head.get("exponent", 2),
            at=LocalTime.now(),
            identity=self._identity(),
            mode=receipt_pb2.MODE_OFFLINE if self._is_offline else receipt_pb2.MODE_ONLINE,
        )
        if self._is_offline:
            receipt.computed_by = receipt_pb2.COMPUTED_BY_NONE
        return receipt

    def _identity(self) -> receipt_pb2.Identity | None:
        """What the customer shows."""
        if shown := self._head.get("qr"):
            return qr(shown)
        if number := self._head.get("phone"):
            return phone(number, self._head.get("code", ""))
        return card(self._head["card"]) if self._head.get("card") else None

    async def _told(self, asked: Any) -> dict[str, Any]:
        try:
            answer: Answer = await asked
        except CallRejected as rejected:
            # A wrong key leaves it queued; unreadable bytes are set apart for a person.
            return {"status": "REFUSED", "details": str(rejected)}
        self._answers[self._head["shift_number"], self._head["receipt_number"]] = answer
        return {"status": answer.status, "op_id": answer.op_id.hex()}


async def serve(till: Any, lines: Iterable[str]) -> None:
    """One answer per line, until power_off or the end of input."""
    loop = asyncio.get_running_loop()
    source = iter(lines)
    while line := await loop.run_in_executor(None, next, source, ""):
        words = json.loads(line)
        name = words.pop("do")
        command = None if name.startswith("_") else getattr(till, "return_" if name == "return" else name, None)
        answer: dict[str, Any]
        if command is None:
            answer = {"error": "unknown command"}
        else:
            try:
                answer = await command(**words)
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
        if name == "power_off":
            return


if __name__ == "__main__":
    asyncio.run(serve(Till("--hurry" in sys.argv), sys.stdin))
