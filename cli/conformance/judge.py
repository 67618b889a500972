"""Rules that hold over everything a register ever sends, whatever happened to it on the way.

Each rule looks at all requests of a run and names the first that breaks it. Nothing here knows which faults were made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from altyn.cli.conformance.seen import Operation, Receipt, Seen

OP_ID_BYTES = 16


class Broken(Exception):
    """A rule does not hold; the text is the evidence."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What came, and what the register had been told to do, in order: (call, receipt)."""

    seen: Sequence[Seen]
    place: tuple[str, str]
    key: str
    made: Sequence[tuple[str, Receipt]] = ()

    @property
    def operations(self) -> list[Operation]:
        """Every attempt of every effect, in order of arrival."""
        return [operation for seen in self.seen for operation in seen.operations]

    @property
    def firsts(self) -> list[Operation]:
        """The first attempt of each operation."""
        found: dict[bytes, Operation] = {}
        for operation in self.operations:
            found.setdefault(operation.op_id, operation)
        return list(found.values())


Rule = Callable[[Traffic], str]
RULES: dict[str, tuple[str, Rule]] = {}


def rule(name: str, says: str) -> Callable[[Rule], Rule]:
    """Add a rule; it returns what it looked at and raises Broken."""

    def add(judged: Rule) -> Rule:
        RULES[name] = (says, judged)
        return judged

    return add


@rule("op-id-form", "op_id is 16 bytes, and no two operations have the same")
def op_id_form(traffic: Traffic) -> str:
    calls: dict[bytes, Operation] = {}
    for operation in traffic.operations:
        if len(operation.op_id) != OP_ID_BYTES:
            raise Broken(f"{operation.seen}: op_id has {len(operation.op_id)} bytes")
        other = calls.setdefault(operation.op_id, operation)
        if (other.call, other.receipt) != (operation.call, operation.receipt):
            raise Broken(f"{operation.seen} has the op_id of {other.seen}")
    return f"{len(calls)} operations"


@rule("same-bytes", "every repeat of an operation sends the same bytes")
def same_bytes(traffic: Traffic) -> str:
    sent: dict[bytes, Operation] = {}
    for operation in traffic.operations:
        before = sent.setdefault(operation.op_id, operation)
        if before.request != operation.request:
            raise Broken(f"{operation.seen} differs from {before.seen}: {_difference(before, operation)}")
    return f"{len(traffic.operations)} attempts of {len(sent)} operations"


@rule("one-operation", "a receipt has one operation of a kind; one more only under a new op_no")
def one_operation(traffic: Traffic) -> str:
    made: dict[tuple[str, Receipt, int], Operation] = {}
    for operation in traffic.operations:
        name = (operation.call, operation.receipt, operation.message.op_no)
        before = made.setdefault(name, operation)
        if before.op_id != operation.op_id:
            raise Broken(f"{operation.seen} is a second operation; the first was {before.seen}")
    return f"{len(made)} operations"


@rule("register-seq", "register_seq grows by operation, in the order they were made, also over power cuts")
def register_seq(traffic: Traffic) -> str:
    firsts = traffic.firsts
    used: dict[int, Operation] = {}
    for operation in firsts:
        if operation.register_seq <= 0:
            raise Broken(f"{operation.seen}: register_seq is not above 0")
        other = used.setdefault(operation.register_seq, operation)
        if other is not operation:
            raise Broken(f"{operation.seen} has the register_seq of {other.seen}")
    by_name: dict[tuple[str, Receipt], Operation] = {}
    for operation in firsts:
        by_name.setdefault((operation.call, operation.receipt), operation)
    order = [by_name[name] for name in traffic.made if name in by_name]
    for before, after in pairwise(order):
        if after.register_seq < before.register_seq:
            raise Broken(f"{after.seen} was made after {before.seen}")
    return f"{len(firsts)} operations, up to {max(used, default=0)}"


@rule("receipt-order", "operations on one receipt first arrive in the order they were made")
def receipt_order(traffic: Traffic) -> str:
    newest: dict[Receipt, Operation] = {}
    for operation in traffic.firsts:
        before = newest.setdefault(operation.receipt, operation)
        if before.register_seq > operation.register_seq:
            raise Broken(f"{operation.seen} came after {before.seen}")
        newest[operation.receipt] = operation
    return f"{len(newest)} receipts"


@rule("own-identity", "store_id, register_id and the key are this register's own")
def own_identity(traffic: Traffic) -> str:
    for seen in traffic.seen:
        if seen.message is None:
            raise Broken(f"#{seen.number} {seen.call}: the request cannot be read")
        if seen.authorization != f"Bearer {traffic.key}":
            raise Broken(f"{seen}: the header authorization is not 'Bearer KEY'")
    for operation in traffic.operations:
        if operation.place != traffic.place:
            raise Broken(f"{operation.seen}: made for {'/'.join(operation.place)}")
    return f"{len(traffic.seen)} requests"


@rule("whole-numbers", "each effect names a shift and a receipt; lines are numbered and have a quantity")
def whole_numbers(traffic: Traffic) -> str:
    for operation in traffic.firsts:
        if min(operation.receipt) <= 0:
            raise Broken(f"{operation.seen}: shift_number and receipt_number are above 0")
        lines = [] if operation.call == "CancelReceipt" else list(operation.message.receipt.lines)
        numbers = {line.line_no for line in lines}
        if len(numbers) != len(lines) or any(line.qty_milli <= 0 or line.line_no <= 0 for line in lines):
            raise Broken(f"{operation.seen}: lines need distinct numbers and a quantity above 0")
    return f"{len(traffic.firsts)} operations"


def judge(traffic: Traffic) -> dict[str, tuple[bool, str]]:
    """Every rule by name: does it hold, and the evidence."""
    found = {}
    for name, (_, judged) in RULES.items():
        try:
            found[name] = (True, judged(traffic))
        except Broken as broken:
            found[name] = (False, str(broken))
    return found


def _difference(before: Operation, after: Operation) -> str:
    fields = [
        field.name
        for field in before.message.DESCRIPTOR.fields
        if getattr(before.message, field.name) != getattr(after.message, field.name)
    ]
    return f"fields {', '.join(fields)}" if fields else "the same fields, written otherwise"
