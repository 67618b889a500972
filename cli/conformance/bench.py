"""What a check works with: the register, the proxy, the server's own word, and a way to say what was expected.

One shift number per check keeps the receipts of checks apart on any server, also on one that is used again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from altyn.cli.conformance.driver import Driver, Stopped
from altyn.cli.conformance.judge import Broken
from altyn.cli.conformance.proxy import PASS, Plan, Proxy, always
from altyn.cli.conformance.seen import Operation, Receipt, Seen
from altyn.pos.v1 import outcome_pb2, pos_service_pb2

#: The longest a cashier is left waiting by one command.
CASHIER_PATIENCE_S = 30.0
#: How often one operation may be tried while the server says nothing.
ATTEMPTS_MAX = 12
EFFECT_OF = {
    "reserve": "ReserveReceipt",
    "commit": "CommitReceipt",
    "cancel": "CancelReceipt",
    "return": "ReturnReceipt",
}
GOODS = (
    {"sku": "loaf", "price_minor": 5000, "qty_milli": 1000},
    {"sku": "milk", "price_minor": 10000, "qty_milli": 1000},
)


@dataclass(frozen=True, slots=True)
class Place:
    """Who the register under test is, and where it keeps what it must not forget."""

    store_id: str
    register_id: str
    key: str
    state_dir: Path
    card: str = ""
    currency: str = "RUB"


@dataclass
class Bench:
    """Handed to one check."""

    driver: Driver
    proxy: Proxy
    place: Place
    shift_number: int
    made: list[tuple[str, Receipt]] = field(default_factory=list)
    start_number: int = 0
    slowest_s: float = 0.0

    # THE REGISTER

    async def power_on(self) -> None:
        """Start it, with the state it has."""
        self.proxy.cut_power = self.driver.cut_power
        await self.driver.power_on(
            target=self.proxy.target,
            store_id=self.place.store_id,
            register_id=self.place.register_id,
            key=self.place.key,
            state_dir=str(self.place.state_dir),
        )

    async def do(self, command: str, **words: Any) -> dict[str, Any]:
        """A command; how long the cashier waited is kept."""
        started_s = asyncio.get_running_loop().time()
        try:
            return await self.driver.do(command, **words)
        finally:
            self.slowest_s = max(self.slowest_s, asyncio.get_running_loop().time() - started_s)

    async def begin(self, number: int, **shown: str) -> None:
        """A receipt with two lines. ``shown``: what the customer shows, in place of the card."""
        words = shown or ({"card": self.place.card} if self.place.card else {})
        await self.do(
            "start",
            shift_number=self.shift_number,
            receipt_number=number,
            currency=self.place.currency,
            exponent=2,
            **words,
        )
        for line in GOODS:
            await self.do("add", unit="PIECE", **line)

    async def effect(self, command: str, number: int, **words: Any) -> str:
        """``reserve``, ``commit`` or ``cancel`` of the receipt in hand, or ``return``; the status it reports, or CUT
        when the power went.
        """
        self.made.append((EFFECT_OF[command], (self.shift_number, number)))
        try:
            return str((await self.do(command, **words)).get("status", ""))
        except Stopped:
            return "CUT"

    async def sell(self, number: int) -> str:
        """A whole sale with a forecast; the status of its commit."""
        await self.begin(number)
        await self.do("calculate")
        return await self.effect("commit", number)

    async def drain(self) -> int:
        """Let it send what it owes, a few times: a register may wait between attempts."""
        left = -1
        for _ in range(3):
            left = int((await self.do("drain")).get("left", -1))
            if left == 0:
                break
        return left

    def during(self, plan: Plan) -> None:
        """From now on the proxy does this."""
        self.proxy.plan = plan

    def calm(self) -> None:
        """From now on everything passes."""
        self.proxy.plan = always(PASS)

    # WHAT CAME

    @property
    def seen(self) -> list[Seen]:
        """Requests since the check began."""
        return self.proxy.since(self.start_number)

    def attempts(self, call: str, number: int) -> list[Operation]:
        """Attempts of this call on this receipt, in order."""
        return [
            operation
            for seen in self.seen
            for operation in seen.operations
            if operation.call == call and operation.receipt == (self.shift_number, number)
        ]

    def firsts(self, call: str) -> list[int]:
        """Receipt numbers of this check in the order in which the call first came for them."""
        found: dict[int, None] = {}
        for seen in self.seen:
            for operation in seen.operations:
                if operation.call == call and operation.receipt[0] == self.shift_number:
                    found.setdefault(operation.receipt[1])
        return list(found)

    async def stored(self, operation: Operation) -> pos_service_pb2.GetOperationResponse:
        """What the server has of an operation. Broken when it has nothing."""
        asked = pos_service_pb2.GetOperationRequest(
            op_id=operation.op_id, store_id=self.place.store_id, register_id=self.place.register_id
        )
        found: pos_service_pb2.GetOperationResponse = await self.proxy.ask(
            "GetOperation", asked, f"Bearer {self.place.key}"
        )
        if not found.seq and not any(seen.is_stubbed for seen in self.seen):
            raise Broken(f"the server never got {operation}")
        return found

    async def expect_sold(self, number: int, *, attempts_min: int = 1) -> str:
        """The receipt's commit came, as one operation, and is stored."""
        attempts = self.attempts("CommitReceipt", number)
        expect(bool(attempts), f"no CommitReceipt for receipt {number}: the sale is lost", attempts)
        expect(len(attempts) >= attempts_min, f"only {len(attempts)} attempts of receipt {number}", attempts)
        ids = {operation.op_id for operation in attempts}
        expect(len(ids) == 1, f"receipt {number} was committed under {len(ids)} op_ids", attempts)
        expect(len({each.request for each in attempts}) == 1, f"the bytes of receipt {number} changed", attempts)
        await self.stored(attempts[0])
        return f"receipt {number}: {len(attempts)} attempts of one operation, stored"


def expect(holds: bool, otherwise: str, evidence: list[Operation] | list[Seen] | None = None) -> None:
    """Broken with the text and up to four requests when it does not hold."""
    if not holds:
        shown = [str(each.seen if isinstance(each, Operation) else each) for each in (evidence or [])[:4]]
        raise Broken("; ".join([otherwise, *shown]))


def status_name(number: int) -> str:
    """OK, DECLINED, …"""
    return outcome_pb2.Status.Name(number).removeprefix("STATUS_")


Check = Callable[[Bench], Any]
