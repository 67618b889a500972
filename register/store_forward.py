"""The store-and-forward file: what this register still owes the server, safe against a crash at any byte.

Decides whether an operation exists. An operation exists from the moment ``save`` returns: it was written and fsynced
before anything was sent, under an ``op_id`` and a ``register_seq`` that no other operation has, and it is sent with
the same bytes until it is answered. An append that did not return never existed: it is cut when the file is opened.

Invariants
* one process owns the file (an exclusive lock beside it);
* ``register_seq`` only grows, over crashes, compaction and damage;
* the order of ``pending`` is the order of ``save``;
* the file is bounded in bytes and in operations: ``save`` refuses before it writes what would not fit;
* after a failed fsync nothing more is appended until the file is opened again: what the disk holds is then unknown.

ANSWERED is written without fsync: losing it only means that the same bytes are sent once more, and the server replays
its stored answer.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from altyn.register.records import (
    QUEUED_BYTES_MIN,
    Answered,
    Base,
    Damage,
    Queued,
    Record,
    Refused,
    encode,
    scan,
)

BYTES_MAX = 64 << 20
OPERATIONS_MAX = 20_000
#: Answered operations are swept out once they take this many bytes and more than half of the file.
GARBAGE_BYTES_MAX = 1 << 20
SET_ASIDE_BYTES_MAX = 4 << 20


class FileTaken(Exception):
    """Another process owns the store-and-forward file: two registers must not share one identity."""


class FileFull(Exception):
    """The file has reached its bound; nothing was written. The backlog must be sent before more can be saved."""


class FileFailed(Exception):
    """The disk refused a write. Nothing more is saved until the file is opened again."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What was found when the file was opened, in bytes.

    ``torn_bytes`` were an append that never finished: nothing is lost. ``damaged_bytes`` were records once (a bad
    disk): they lie beside the file, in ``<name>.damaged``, and a shift reconciliation shows what is missing.
    """

    torn_bytes: int = 0
    damaged_bytes: int = 0


def new_op_id(now_us: int) -> bytes:
    """A UUID version 7: 48 bits of time in milliseconds, for the server's index, and 74 random bits."""
    tail = int.from_bytes(os.urandom(10))
    random_a, random_b = tail >> 68, tail & ((1 << 62) - 1)
    moment = (now_us // 1000) & ((1 << 48) - 1)
    return (moment << 80 | 7 << 76 | random_a << 64 | 2 << 62 | random_b).to_bytes(16)


class StoreForward:
    """The open file. Calls block on the disk and may come from any thread."""

    def __init__(
        self, path: str | os.PathLike[str], *, bytes_max: int = BYTES_MAX, operations_max: int = OPERATIONS_MAX
    ) -> None:
        """Take the lock, read the file, cut what a crash left unfinished.

        Raises FileTaken, UnknownRecord, OSError.
        """
        self.path = Path(path)
        self._bytes_max = bytes_max
        self._operations_max = operations_max
        self._mutex = threading.Lock()
        self._pending: dict[bytes, Queued] = {}
        self._refused: dict[bytes, tuple[Queued, str]] = {}
        self._register_seq = 0
        self._garbage_bytes = 0
        self._broken = ""
        self._file = -1
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self._take_lock()
        try:
            self.opening = self._open()
        except BaseException:
            self.close()
            raise

    # QUERIES

    @property
    def register_seq(self) -> int:
        """The highest sequence number given out."""
        return self._register_seq

    def pending(self) -> tuple[Queued, ...]:
        """Operations without an answer, oldest first. Never waits for the disk."""
        return tuple(self._pending.copy().values())

    def is_pending(self, op_id: bytes) -> bool:
        """True from ``save`` until ``answered`` or ``refused``."""
        return op_id in self._pending

    def refusals(self) -> tuple[tuple[Queued, str], ...]:
        """Operations the server cannot read, with its words, oldest first; they stay until ``dismiss``."""
        return tuple(self._refused.copy().values())

    # COMMANDS

    def save(self, call: str, subjects: tuple[str, ...], build: Callable[[bytes, int], bytes]) -> Queued:
        """Make an operation real: fsynced before this returns.

        ``build(op_id, register_seq)`` gives the request's bytes. Raises FileFull, FileFailed, ValueError (too large);
        after FileFull and ValueError nothing was written and no number was used.
        """
        with self._mutex:
            self._require_sound()
            if len(self._pending) + len(self._refused) >= self._operations_max:
                raise FileFull(f"{self.path}: {self._operations_max} operations wait to be sent")
            now_us = time.time_ns() // 1000
            op_id, register_seq = new_op_id(now_us), self._register_seq + 1
            operation = Queued(op_id, register_seq, now_us, call, subjects, build(op_id, register_seq))
            stored = encode(operation)
            if self._size + len(stored) > self._bytes_max:
                self._compact()
                if self._size + len(stored) > self._bytes_max:
                    raise FileFull(f"{self.path}: {self._bytes_max} bytes are used")
            self._append(stored, durable=True)
            self._register_seq = register_seq
            self._pending[op_id] = operation
            return operation

    def answered(self, op_id: bytes) -> None:
        """The answer is known: the operation will not be sent again. Saying it twice is harmless."""
        with self._mutex:
            operation = self._pending.get(op_id)
            if operation is not None:
                self._require_sound()
                self._append(encode(Answered(op_id)), durable=False)
                del self._pending[op_id]
                self._sweep(operation)

    def all_answered(self, op_ids: Iterable[bytes]) -> None:
        """``answered``, of each."""
        for op_id in op_ids:
            self.answered(op_id)

    def refused(self, op_id: bytes, why: str) -> None:
        """The server will never take these bytes; they are kept for a person."""
        with self._mutex:
            operation = self._pending.get(op_id)
            if operation is not None:
                self._require_sound()
                self._append(encode(Refused(op_id, why)), durable=True)
                self._refused[op_id] = (self._pending.pop(op_id), why)

    def dismiss(self, op_id: bytes) -> None:
        """A person has dealt with a refused operation."""
        with self._mutex:
            entry = self._refused.get(op_id)
            if entry is not None:
                self._require_sound()
                self._append(encode(Answered(op_id)), durable=True)
                del self._refused[op_id]
                self._sweep(entry[0])

    def compact(self) -> None:
        """Rewrite the file without answered operations."""
        with self._mutex:
            self._require_sound()
            self._compact()

    def close(self) -> None:
        """Give the file and the lock back."""
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1
        self._broken = self._broken or "closed"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # THE FILE

    def _take_lock(self) -> int:
        # A file of its own: the data file is replaced by compaction, and a lock lives on what is replaced.
        lock = os.open(self._beside(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise FileTaken(f"{self.path} is in use by another process") from error
        return lock

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _open(self) -> Opening:
        self._beside(".new").unlink(missing_ok=True)
        if not self.path.exists():
            self._write_anew()
            return Opening()
        stored = self.path.read_bytes()
        damages = []
        for found in scan(stored):
            if isinstance(found, Damage):
                damages.append(found)
            else:
                self._replay(found)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._size = len(stored)
        if not damages:
            return Opening()
        lost = sum(damage.end - damage.start for damage in damages)
        # The lost bytes may have carried sequence numbers that the server has seen; none may be used again.
        self._register_seq += lost // QUEUED_BYTES_MIN + 1
        self._set_aside([stored[damage.start : damage.end] for damage in damages if not damage.torn])
        self._compact()
        torn = sum(damage.end - damage.start for damage in damages if damage.torn)
        return Opening(torn_bytes=torn, damaged_bytes=lost - torn)

    def _replay(self, record: Record) -> None:
        match record:
            case Base(register_seq):
                self._register_seq = max(self._register_seq, register_seq)
            case Queued(op_id=op_id, register_seq=register_seq):
                self._register_seq = max(self._register_seq, register_seq)
                self._pending[op_id] = record
            case Refused(op_id, why):
                if op_id in self._pending:
                    self._refused[op_id] = (self._pending.pop(op_id), why)
            case Answered(op_id):
                operation = self._pending.pop(op_id, None)
                if op_id in self._refused:
                    operation = self._refused.pop(op_id)[0]
                if operation is not None:
                    self._garbage_bytes += len(encode(operation))

    def _require_sound(self) -> None:
        if self._broken:
            raise FileFailed(f"{self.path}: {self._broken}")

    def _append(self, stored: bytes, *, durable: bool) -> None:
        written = False
        try:
            count = os.write(self._file, stored)
            if count != len(stored):
                raise OSError(f"wrote {count} of {len(stored)} bytes")
            written = True
            if durable:
                os.fsync(self._file)
        except OSError as error:
            self._cut_back(error, sound=not written)
            raise FileFailed(f"{self.path}: {error}") from error
        self._size += len(stored)

    def _cut_back(self, error: OSError, *, sound: bool) -> None:
        """Leave no half-made operation to be sent after the next start.

        A refused write (a full disk) is undone and the file stays in use. After a failed fsync the kernel may have
        forgotten dirty pages, so nothing written before can be trusted to this descriptor either.
        """
        try:
            os.ftruncate(self._file, self._size)
            os.fsync(self._file)
        except OSError as second:
            self._broken = f"{error}; could not be cut back: {second}"
        else:
            self._broken = "" if sound else str(error)

    def _sweep(self, settled: Queued) -> None:
        self._garbage_bytes += len(encode(settled))
        if self._garbage_bytes > GARBAGE_BYTES_MAX and self._garbage_bytes * 2 > self._size:
            try:
                self._compact()
            except FileFailed:
                # Sweeping can wait while the old file stands; a file in doubt cannot.
                if self._broken:
                    raise

    def _compact(self) -> None:
        try:
            self._write_anew()
        except OSError as error:
            raise FileFailed(f"{self.path} could not be rewritten: {error}") from error

    def _write_anew(self) -> None:
        """Replace the file in one step by one that holds only what is still needed."""
        base = encode(Base(self._register_seq))
        parts = [base, base]
        for operation, why in self._refused.values():
            parts += [encode(operation), encode(Refused(operation.op_id, why))]
        parts += [encode(operation) for operation in self._pending.values()]
        stored = b"".join(parts)
        fresh = self._beside(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(stored)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
            fresh.replace(self.path)
        except BaseException:
            os.close(descriptor)
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size, self._garbage_bytes = descriptor, len(stored), 0
        try:
            self._sync_folder()
        except OSError as error:
            self._broken = f"the folder could not be synced: {error}"
            raise

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _set_aside(self, pieces: list[bytes]) -> None:
        """Keep damaged bytes for a person, up to a bound."""
        if not pieces:
            return
        aside = self._beside(".damaged")
        with aside.open("ab") as kept:
            kept.writelines(piece[: max(0, SET_ASIDE_BYTES_MAX - kept.tell())] for piece in pieces)
            kept.flush()
            os.fsync(kept.fileno())
