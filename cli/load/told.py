"""After a load test: what users were told, against the journal.

Every acknowledged operation must be in the journal exactly once, with the very reply that was given (compared as
SHA-256). An operation acknowledged with the stored reply of the same receipt's first op_id is a repeat and no row of
its own. What nobody was answered may be there or not, once at most. Amounts are summed on both sides for people.
Reads only; memory grows with the ledgers, not with the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from altyn.cli.chaos.acked_once import REPEATED
from altyn.cli.verify.as_told import stored_hash, told_hash
from altyn.cli.verify.checker import close
from altyn.cli.verify.histories import BODIES, chunks, read_history
from altyn.cli.verify.pages import COMMIT, Entry, open_source, read_pages
from altyn.infra.database import connect
from altyn.pos.v1 import outcome_pb2, pos_service_pb2

EXAMPLES_MAX = 5


@dataclass(slots=True)
class Told:
    """One operation as the users know it. ``answers``: hash of a final reply → the seq it names."""

    answers: dict[bytes, int] = field(default_factory=dict)
    rows_count: int = 0


@dataclass(slots=True)
class Compared:
    """Counts of operations; ``violations`` name the first ones."""

    acked: int = 0
    unanswered: int = 0
    unanswered_stored: int = 0
    repeats: int = 0
    lost: int = 0
    doubled: int = 0
    differing: int = 0
    receipts_acked: int = 0
    to_pay_told_minor: int = 0
    to_pay_journal_minor: int = 0
    violations: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.differing) and self.to_pay_told_minor == self.to_pay_journal_minor

    def violate(self, kind: str, what: str) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.violations) < EXAMPLES_MAX:
            self.violations.append(f"{kind}: {what}")

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"clean": self.is_clean}


async def compare(dsn: str, ledgers: Sequence[Path], shard: int = 0, pepper: bytes | None = None) -> Compared:
    """Look once, inside one read-only snapshot. Without `pepper`, the identity key, answers that told codes are not
    compared with what is stored. Raises Trouble (a ledger cannot be read), OSError, PostgresError."""
    compared = Compared()
    told = _read(ledgers, compared)
    connection = await connect(dsn, name="altyn load", command_timeout_s=None, idle_in_transaction_ms=0)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            async for page in read_pages(await open_source(connection, shard)):
                for entry in page:
                    operation = told.get(entry.op_id)
                    if operation is not None:
                        _look(entry, operation, compared, pepper)
            await _settle(connection, shard, told, compared, pepper)
    finally:
        await close(connection)
    return compared


def _read(ledgers: Sequence[Path], compared: Compared) -> dict[bytes, Told]:
    told: dict[bytes, Told] = {}
    for path in ledgers:
        for op_id, reply, seq in read_history(path):
            operation = told.setdefault(op_id, Told())
            if reply is not None:
                operation.answers[sha256(reply).digest()] = seq
    compared.acked = sum(bool(operation.answers) for operation in told.values())
    compared.unanswered = len(told) - compared.acked
    # Each receipt once, however often and under however many op_ids its reply came.
    receipts: dict[bytes, int] = {}
    for path in ledgers:
        for reply in _commit_replies(path):
            response = pos_service_pb2.CommitReceiptResponse.FromString(reply)
            if response.status == outcome_pb2.STATUS_OK:
                receipts[sha256(reply).digest()] = response.outcome.totals.to_pay_minor
    compared.receipts_acked = len(receipts)
    compared.to_pay_told_minor = sum(receipts.values())
    return told


def _commit_replies(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        lines = map(orjson.loads, file)
        return [
            bytes.fromhex(line["reply"])
            for line in lines
            if line["call"] == "CommitReceipt" and line["reply"] != "UNKNOWN"
        ]


def _look(entry: Entry, operation: Told, compared: Compared, pepper: bytes | None) -> None:
    operation.rows_count += 1
    if operation.rows_count > 1:
        compared.violate("doubled", f"op_id {entry.op_id.hex()} again at seq {entry.seq}")
    elif not operation.answers:
        compared.unanswered_stored += 1
    elif entry.record is None or _differs(operation.answers, told_hash(entry.record, pepper)):
        compared.violate(
            "differing", f"op_id {entry.op_id.hex()}: an answer is not the reply stored at seq {entry.seq}"
        )
    elif entry.kind == COMMIT and entry.reply.status == outcome_pb2.STATUS_OK:
        compared.to_pay_journal_minor += entry.reply.outcome.totals.to_pay_minor


def _differs(answers: dict[bytes, int], stored: bytes | None) -> bool:
    return len(answers) != 1 if stored is None else set(answers) != {stored}


async def _settle(
    connection: asyncpg.Connection[Any], shard: int, told: dict[bytes, Told], compared: Compared, pepper: bytes | None
) -> None:
    """Acknowledged operations that are no rows: a first op_id's reply, or lost. And rows that must not be two."""
    strangers: dict[int, list[tuple[bytes, bytes]]] = {}
    for op_id, operation in told.items():
        if not operation.rows_count:
            for answer, seq in operation.answers.items():
                strangers.setdefault(seq, []).append((op_id, answer))
    for seqs in chunks(sorted(strangers)):
        stored = {row["seq"]: stored_hash(row["body"], pepper) for row in await connection.fetch(BODIES, shard, seqs)}
        for seq in seqs:
            for op_id, answer in strangers[seq]:
                if seq in stored and stored[seq] in (answer, None):
                    compared.repeats += 1
                else:
                    compared.violate("lost", f"op_id {op_id.hex()} was answered, naming seq {seq}")
    doubled = await connection.fetchval(REPEATED)
    if doubled:
        compared.violate("doubled", f"{doubled} rows of the journal share an op_id or a receipt's number")
