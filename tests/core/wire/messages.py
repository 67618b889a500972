"""Random messages of the contracts, and bytes around them, for comparing the wire codec with protobuf's own parser."""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import ModuleType

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from altyn.core.wire.generated import journal_v1, ops_v1, pos_v1
from altyn.journal.v1 import record_pb2
from altyn.ops.v1 import ops_service_pb2
from altyn.pos.v1 import outcome_pb2, pos_service_pb2, receipt_pb2

CONTRACTS = (receipt_pb2, outcome_pb2, pos_service_pb2, ops_service_pb2, record_pb2)
CODECS: dict[str, ModuleType] = {"altyn.pos.v1": pos_v1, "altyn.ops.v1": ops_v1, "altyn.journal.v1": journal_v1}

EDGES_64 = (0, 1, -1, 127, 128, 16383, 16384, 2**28 - 1, 2**28, 2**35, 2**49, 2**56 - 1, 2**56, 2**63 - 1, -(2**63))
EDGES_32 = (0, 1, -1, 127, 128, 16384, 2**21, 2**28, 2**31 - 1, -(2**31))
TEXTS = ("", "A", "7", "abc", "4607", "12345678", "привет", "молоко 3,2 %", "\U0001f95b", "x" * 130, "\x00", "ё" * 70)


def message_types() -> Iterator[type[Message]]:
    """Every message type of every package."""
    for contract in CONTRACTS:
        for descriptor in contract.DESCRIPTOR.message_types_by_name.values():
            yield GetMessageClass(descriptor)


def roundtrip(kind: type[Message], source: bytes) -> bytes:
    """Decode and encode by the wire codec. Raises MalformedMessage."""
    result: bytes = CODECS[kind.DESCRIPTOR.file.package].roundtrip(kind.DESCRIPTOR.name, source)
    return result


def by_protobuf(kind: type[Message], source: bytes) -> bytes:
    """The same by protobuf: known fields only. Raises DecodeError."""
    message = kind()
    message.ParseFromString(source)
    message.DiscardUnknownFields()
    return message.SerializeToString(deterministic=True)


def random_value(rng: random.Random, field: FieldDescriptor) -> object:
    """A value that a scalar field may hold, often one at which its encoding changes length."""
    if field.type in (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64):
        return rng.choice(EDGES_64) if rng.random() < 0.5 else rng.randint(-(10**12), 10**12)
    if field.type in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32):
        return rng.choice(EDGES_32) if rng.random() < 0.5 else rng.randint(0, 1000)
    if field.type == FieldDescriptor.TYPE_UINT32:
        return abs(rng.choice(EDGES_32)) % 2**32
    if field.type == FieldDescriptor.TYPE_UINT64:
        return rng.choice(EDGES_64) % 2**64
    if field.type == FieldDescriptor.TYPE_ENUM:
        return rng.choice([*field.enum_type.values_by_number, 77, -3])
    if field.type == FieldDescriptor.TYPE_BOOL:
        return rng.random() < 0.6
    if field.type == FieldDescriptor.TYPE_STRING:
        return rng.choice(TEXTS)
    assert field.type == FieldDescriptor.TYPE_BYTES
    return rng.randbytes(rng.choice((0, 1, 16, 32, 200)))


def fill(rng: random.Random, message: Message, density: float) -> None:
    """Set a random part of the fields, at every level."""
    for field in message.DESCRIPTOR.fields:
        if rng.random() > density:
            continue
        count = rng.choice((0, 1, 2, 5)) if field.is_repeated else 1
        for _ in range(count):
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                target = getattr(message, field.name)
                inner = target.add() if field.is_repeated else target
                inner.SetInParent()
                fill(rng, inner, density)
            elif field.is_repeated:
                getattr(message, field.name).append(random_value(rng, field))
            else:
                setattr(message, field.name, random_value(rng, field))


def random_message(rng: random.Random, kind: type[Message], density: float = 0.6) -> Message:
    """A message of this type with some of its fields set."""
    message = kind()
    fill(rng, message, density)
    return message


def varint(value: int, width: int = 0) -> bytes:
    """A varint, padded with empty groups to `width` bytes."""
    found = bytearray()
    while value >= 0x80 or len(found) < width - 1:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def field(number: int, wire_type: int, content: bytes = b"") -> bytes:
    """A tag and what follows it; a length is put before content of wire type 2."""
    return varint(number << 3 | wire_type) + (varint(len(content)) if wire_type == 2 else b"") + content


def mutated(rng: random.Random, source: bytes) -> bytes:
    """The same bytes damaged: cut, flipped, doubled, inserted or removed at random."""
    damaged = bytearray(source)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        place = rng.randrange(len(damaged) + 1)
        act = rng.randrange(5)
        if act == 0:
            del damaged[place:]
        elif act == 1 and place < len(damaged):
            damaged[place] ^= 1 << rng.randrange(8)
        elif act == 2 and place < len(damaged):
            damaged[place] = rng.choice((0, 1, 7, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif act == 3:
            damaged[place:place] = rng.randbytes(rng.choice((1, 2, 9)))
        else:
            del damaged[place : place + rng.choice((1, 2, 5))]
    return bytes(damaged)
