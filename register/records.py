"""The bytes of the store-and-forward file: one record per event, each checked on its own.

Record = head (magic, payload length, CRC-32 of length and payload) + payload. The payload begins with its kind:

* BASE: the highest ``register_seq`` ever given out, written twice at the start of a file;
* QUEUED: an operation, with the request exactly as it will be sent, every time;
* ANSWERED: the server has answered it;
* REFUSED: the server will never take these bytes (INVALID_ARGUMENT); a person decides.

Invariant: ``scan`` yields every whole record of the file in order, and every byte that is not part of one as damage.
It never guesses: a record whose check fails is damage, a record of an unknown kind is an error, not damage, since
cutting it would lose an operation that a newer version wrote.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"\xa1SF\x01"
HEAD = struct.Struct("<4sII")
LENGTH = struct.Struct("<I")
REQUEST_BYTES_MAX = 1 << 20
PAYLOAD_BYTES_MAX = REQUEST_BYTES_MAX + 4096

_BASE, _QUEUED, _ANSWERED, _REFUSED = 1, 2, 3, 4
_BASE_FIELDS = struct.Struct("<BQ")
_QUEUED_FIELDS = struct.Struct("<B16sQQBH")
_ID_FIELDS = struct.Struct("<B16s")

#: No operation takes fewer bytes: so many lost bytes can hide at most this many used sequence numbers.
QUEUED_BYTES_MIN = HEAD.size + _QUEUED_FIELDS.size


class UnknownRecord(Exception):
    """The file holds a record of a kind this version does not know. Use the version that wrote it."""


@dataclass(frozen=True, slots=True)
class Base:
    """The highest ``register_seq`` given out before this file was written."""

    register_seq: int


@dataclass(frozen=True, slots=True)
class Queued:
    """An operation as saved.

    ``subjects`` name the receipts it touches: operations that share one are sent in the order they were saved.
    ``request`` is what goes over the wire, byte for byte, however often it is sent.
    """

    op_id: bytes
    register_seq: int
    saved_us: int
    call: str
    subjects: tuple[str, ...]
    request: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """The operation has its answer and needs no more sending."""

    op_id: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The server cannot read the operation; sending it again changes nothing."""

    op_id: bytes
    why: str


Record = Base | Queued | Answered | Refused


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes ``start:end`` of the file are no record. ``torn`` when they look like an append that did not finish."""

    start: int
    end: int
    torn: bool


def encode(record: Record) -> bytes:
    """One record as it lies in the file."""
    match record:
        case Base(register_seq):
            payload = _BASE_FIELDS.pack(_BASE, register_seq)
        case Queued(op_id, register_seq, saved_us, call, subjects, request):
            if len(request) > REQUEST_BYTES_MAX:
                raise ValueError(f"request: {len(request)} bytes, at most {REQUEST_BYTES_MAX}")
            name, subject = call.encode(), "\n".join(subjects).encode()
            head = _QUEUED_FIELDS.pack(_QUEUED, op_id, register_seq, saved_us, len(name), len(subject))
            payload = head + name + subject + request
        case Answered(op_id):
            payload = _ID_FIELDS.pack(_ANSWERED, op_id)
        case Refused(op_id, why):
            payload = _ID_FIELDS.pack(_REFUSED, op_id) + why.encode()[:2048]
    return HEAD.pack(MAGIC, len(payload), _check(payload)) + payload


def scan(stored: bytes) -> Iterator[Record | Damage]:
    """Every record and every damaged region of a file, in order of place."""
    at = 0
    while at < len(stored):
        end = _whole(stored, at)
        if end:
            yield _decode(stored[at + HEAD.size : end])
            at = end
            continue
        start = at
        at = stored.find(MAGIC, start + 1)
        while at >= 0 and not _whole(stored, at):
            at = stored.find(MAGIC, at + 1)
        if at < 0:
            at = len(stored)
        yield Damage(start, at, torn=at == len(stored) and _unfinished(stored, start))


def _check(payload: bytes) -> int:
    # The length is under the check too: a run of zeros would otherwise be a valid empty record.
    return zlib.crc32(payload, zlib.crc32(LENGTH.pack(len(payload))))


def _whole(stored: bytes, at: int) -> int:
    """The end of a record that begins at ``at`` and passes its check, else 0."""
    if at + HEAD.size > len(stored):
        return 0
    magic, length, check = HEAD.unpack_from(stored, at)
    end = at + HEAD.size + length
    if magic != MAGIC or not 0 < length <= PAYLOAD_BYTES_MAX or end > len(stored):
        return 0
    return end if _check(stored[at + HEAD.size : end]) == check else 0


def _unfinished(stored: bytes, start: int) -> bool:
    """A tail that a power cut leaves: a record shorter than its head says, part of a head, or zeros."""
    tail = stored[start:]
    if len(tail) < HEAD.size:
        return MAGIC.startswith(tail[:4]) or tail.startswith(MAGIC) or not any(tail)
    magic, length, _ = HEAD.unpack_from(tail)
    return not any(tail) or (magic == MAGIC and HEAD.size + length > len(tail))


def _decode(payload: bytes) -> Record:
    match payload[0]:
        case 1:
            return Base(_BASE_FIELDS.unpack(payload)[1])
        case 2:
            _, op_id, register_seq, saved_us, name_size, subject_size = _QUEUED_FIELDS.unpack_from(payload)
            subject_at = _QUEUED_FIELDS.size + name_size
            request_at = subject_at + subject_size
            subject = payload[subject_at:request_at].decode()
            return Queued(
                op_id=op_id,
                register_seq=register_seq,
                saved_us=saved_us,
                call=payload[_QUEUED_FIELDS.size : subject_at].decode(),
                subjects=tuple(subject.split("\n")) if subject else (),
                request=payload[request_at:],
            )
        case 3:
            return Answered(_ID_FIELDS.unpack(payload)[1])
        case 4:
            return Refused(payload[1:17], payload[17:].decode(errors="replace"))
        case kind:
            raise UnknownRecord(f"record kind {kind}")
