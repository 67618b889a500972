"""What registers saw, against the journal.

I1, acked once: every answered operation is one row of the journal, and the index of operations is the journal's.
I2, unanswered whole: an operation nobody heard of is one row or none, and a row's entries are all there.
I3, stable answers: all answers to one operation are the stored reply, byte for byte.

Answers are kept as hashes. A repeat of a receipt under another op_id is answered with the first one's stored reply and
is no row of its own: that is told as a remark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import orjson
from google.protobuf.message import DecodeError

from altyn.cli.verify.as_told import stored_hash, told_hash
from altyn.cli.verify.pages import COMMIT, Page, Source
from altyn.cli.verify.report import Tally
from altyn.infra.errors import Trouble
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import outcome_pb2
from altyn.pos.v1 import pos_service_pb2 as pos

T = TypeVar("T")

CHUNK = 500
UPLOADED = b""  # stands for the hash of a reply that nobody was given whole
EFFECTS: dict[str, Any] = {
    "ReserveReceipt": pos.ReserveReceiptResponse,
    "CommitReceipt": pos.CommitReceiptResponse,
    "CancelReceipt": pos.CancelReceiptResponse,
    "ReturnReceipt": pos.ReturnReceiptResponse,
}
FINAL = (
    outcome_pb2.STATUS_OK,
    outcome_pb2.STATUS_DECLINED,
    outcome_pb2.STATUS_QUARANTINED,
    outcome_pb2.STATUS_PARKED,
)

INDEXED = """
SELECT coalesce(j.seq, o.seq) AS seq, j.seq AS journalled, o.seq AS indexed
  FROM (SELECT op_id, seq FROM journal WHERE shard = $1) j
  FULL JOIN (SELECT op_id, seq FROM operations WHERE shard = $1 AND seq > $2) o ON o.op_id = j.op_id
 WHERE j.seq IS DISTINCT FROM o.seq ORDER BY 1
"""
ARCHIVED = "SELECT count(*) FROM operations WHERE shard = $1 AND seq <= $2"
BODIES = "SELECT seq, body FROM journal WHERE shard = $1 AND seq = ANY($2::bigint[])"
ENTRIES = "SELECT seq, count(*) AS count FROM ledger_entries WHERE seq = ANY($1::bigint[]) GROUP BY seq"
RECEIPTS = "SELECT seq FROM receipts WHERE seq = ANY($1::bigint[])"


@dataclass(slots=True)
class Operation:
    """One op_id. `answers`: hash of a final reply → the seq it names; `uploaded`: seqs named by results of uploads,
    which are not the reply itself. Both are empty while nobody has heard.
    """

    answers: dict[bytes, int] = field(default_factory=dict)
    uploaded: set[int] = field(default_factory=set)
    found_count: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """What a row of an unanswered operation must have led to."""

    seq: int
    postings_count: int
    is_receipt: bool


class Histories:
    def __init__(self, paths: Sequence[Path], pepper: bytes | None = None) -> None:
        """`pepper` makes the codes again that answers told; without it those answers are only counted."""
        self._pepper = pepper
        self._codes_untold_count = 0
        self.acked = Tally()
        self.whole = Tally()
        self.stable = Tally()
        self.remarks: list[str] = []
        self._operations: dict[bytes, Operation] = {}
        self._rows: list[Row] = []
        self._rows_count = 0
        for path in paths:
            for op_id, reply, seq in read_history(path):
                operation = self._operations.setdefault(op_id, Operation())
                if reply:
                    operation.answers[sha256(reply).digest()] = seq
                elif seq:
                    operation.uploaded.add(seq)

    async def take(self, page: Page, source: Source) -> None:
        self._rows_count += len(page)
        if not self._operations:
            return
        for entry in page:
            operation = self._operations.get(entry.op_id)
            if operation is None or entry.record is None:
                continue
            operation.found_count += 1
            self.stable.checks += len(operation.uploaded)
            for seq in operation.uploaded - {entry.seq}:
                self.stable.violate(f"op_id {entry.op_id.hex()}: an upload named seq {seq}, it is at seq {entry.seq}")
            if operation.answers:
                stored = told_hash(entry.record, self._pepper)
                if stored is None:
                    self._codes_untold_count += len(operation.answers)
                    continue
                self.stable.checks += len(operation.answers)
                for answer in operation.answers:
                    if answer != stored:
                        self.stable.violate(
                            f"op_id {entry.op_id.hex()}: an answer is not the reply stored at seq {entry.seq}"
                        )
            elif not operation.uploaded and entry.seq <= source.projected_seq:
                postings = sum(len(booked.postings) for booked in entry.record.effects.entries)
                self._rows.append(Row(entry.seq, postings, entry.kind == COMMIT))

    async def end(self, source: Source) -> None:
        await self._compare_index(source)
        strangers: dict[int, list[tuple[bytes, bytes]]] = {}
        for op_id, operation in self._operations.items():
            tally = self.acked if operation.answers or operation.uploaded else self.whole
            tally.checks += 1
            if operation.found_count > 1:
                tally.violate(f"op_id {op_id.hex()} is {operation.found_count} rows of the journal")
            elif operation.answers and operation.found_count == 0:
                answer, seq = next(iter(operation.answers.items()))
                strangers.setdefault(seq, []).append((op_id, answer))
            elif operation.uploaded and operation.found_count == 0:
                strangers.setdefault(min(operation.uploaded), []).append((op_id, UPLOADED))
        await self._look_for_first_ones(source, strangers)
        for rows in chunks(self._rows):
            await self._compare_projection(source, rows)

    async def _compare_index(self, source: Source) -> None:
        self.acked.checks += self._rows_count
        async for row in source.connection.cursor(INDEXED, source.shard, source.archived_seq):
            self.acked.violate(
                f"an operation is at seq {row['journalled']} of the journal, at {row['indexed']} of its index"
            )

        indexed = await source.connection.fetchval(ARCHIVED, source.shard, source.archived_seq)
        self.acked.require(
            indexed == source.archived_seq,
            f"{source.archived_seq} records are archived, the index of operations has {indexed} of them",
        )

    async def _look_for_first_ones(self, source: Source, strangers: dict[int, list[tuple[bytes, bytes]]]) -> None:
        """Answered operations that are no rows: another's stored reply, or lost."""
        repeats_count = 0
        for seqs in chunks(sorted(strangers)):
            stored = {
                row["seq"]: stored_hash(row["body"], self._pepper)
                for row in await source.connection.fetch(BODIES, source.shard, seqs)
            }
            for seq in seqs:
                if seq <= source.archived_seq and source.archive and (row := source.archive.find(source.shard, seq)):
                    stored[seq] = stored_hash(row.body, self._pepper)
                for op_id, answer in strangers[seq]:
                    if seq in stored and stored[seq] is None and answer != UPLOADED:
                        self._codes_untold_count += 1
                    elif seq in stored and answer in (UPLOADED, stored[seq]):
                        repeats_count += 1
                    else:
                        self.acked.violate(
                            f"op_id {op_id.hex()} was answered, naming seq {seq}, but is not in the journal"
                        )
        if self._codes_untold_count:
            self.remarks.append(
                f"{self._codes_untold_count} answers that told codes were not compared: the identity key is not here"
            )
        if repeats_count:
            self.remarks.append(
                f"{repeats_count} operations were answered with the stored reply of the same receipt's first op_id"
            )

    async def _compare_projection(self, source: Source, rows: list[Row]) -> None:
        seqs = [row.seq for row in rows]
        entries = {row["seq"]: row["count"] for row in await source.connection.fetch(ENTRIES, seqs)}
        receipts = {row["seq"] for row in await source.connection.fetch(RECEIPTS, seqs)}
        for row in rows:
            found = entries.get(row.seq, 0)
            self.whole.require(
                found == row.postings_count and (row.seq in receipts) == row.is_receipt,
                f"seq {row.seq}: {found} of {row.postings_count} postings are projected, receipt {row.seq in receipts}",
            )


def read_history(path: Path) -> Iterator[tuple[bytes, bytes | None, int]]:
    """(op_id, final reply or None, the seq it names) of every attempt at an effect; a seq without a reply is what an
    upload said. Trouble: the file is no history."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                attempt = orjson.loads(line)
                op_id = bytes.fromhex(attempt["op_id"])
                reply = None if attempt["reply"] == "UNKNOWN" else bytes.fromhex(attempt["reply"])
                if op_id:
                    yield from final_answers(op_id, attempt["call"], reply)
            except (ValueError, KeyError, TypeError, DecodeError) as error:
                raise Trouble(f"{path}:{number}: not a line of a register's history: {error!r}") from error


def final_answers(op_id: bytes, call: str, reply: bytes | None) -> Iterator[tuple[bytes, bytes | None, int]]:
    """What an attempt tells of its operation: nothing when it was a CONFLICT, or asked about an unknown operation."""
    if call in EFFECTS or call in ("AdjustPoints", "UploadReceipts"):
        if reply is None:
            yield op_id, None, 0
        elif call == "UploadReceipts":
            # Its one fact's result: DECLINED there says that it cannot be a fact.
            result = pos.UploadResult.FromString(reply)
            yield op_id, None, result.seq if result.status in FINAL else 0
        elif call == "AdjustPoints":
            yield op_id, reply, ops.AdjustPointsResponse.FromString(reply).seq
        else:
            said = EFFECTS[call].FromString(reply)
            if said.status in FINAL:
                yield op_id, reply, said.seq
    elif call == "GetOperation" and reply is not None:
        kept = pos.GetOperationResponse.FromString(reply)
        if kept.kind:
            yield op_id, kept.reply, kept.seq


def chunks(items: Sequence[T]) -> Iterator[list[T]]:
    for start in range(0, len(items), CHUNK):
        yield list(items[start : start + CHUNK])
