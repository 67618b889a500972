"""Messages of the contract as proto3 JSON, by their descriptors.

Taken in are both names of a field, whole numbers as numbers or decimal text, enums by name or number, bytes in either
alphabet of base64. Given out are camelCase names, 64-bit numbers as text, and every field, also those that are empty.
Invariants: what is taken in is refused by the path of its field, never guessed; a number is never rounded; depth is
that of the contract. Never here: HTTP, what a field means.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from altyn.core.engine import CallRefused

EXACT_FLOAT_MAX = 1 << 53
DIGITS_MAX = 20
_WORD = {FieldDescriptor.CPPTYPE_INT32: (-(1 << 31), (1 << 31) - 1), FieldDescriptor.CPPTYPE_UINT32: (0, (1 << 32) - 1)}
_LONG = {FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1), FieldDescriptor.CPPTYPE_UINT64: (0, (1 << 64) - 1)}
RANGES = _WORD | _LONG

Read = Callable[[Any, str], Any]
Write = Callable[[Any], Any]


class Field:
    """One field: how its value is read and written. Lists are handled by the form."""

    def __init__(self, descriptor: FieldDescriptor, forms: Forms) -> None:
        self.name: str = descriptor.name
        self.json_name: str = descriptor.json_name
        self.is_list: bool = descriptor.is_repeated
        self.has_presence: bool = descriptor.has_presence
        self.oneof = descriptor.containing_oneof.name if descriptor.containing_oneof is not None else ""
        self.read: Read
        self.write: Write = _as_it_is
        kind = descriptor.cpp_type
        if kind in RANGES:
            self.read = _number_reader(*RANGES[kind])
            self.write = str if kind in _LONG else _as_it_is
        elif kind == FieldDescriptor.CPPTYPE_BOOL:
            self.read = _read_bool
        elif descriptor.enum_type is not None:
            self.read, self.write = _enum_reader(descriptor.enum_type), _enum_writer(descriptor.enum_type)
        elif descriptor.message_type is not None:
            form = forms.of(descriptor.message_type)
            self.read, self.write = form.read, form.write
        elif descriptor.type == FieldDescriptor.TYPE_BYTES:
            self.read, self.write = _read_bytes, _write_bytes
        elif descriptor.type == FieldDescriptor.TYPE_STRING:
            self.read = _read_text
        else:
            raise TypeError(f"{descriptor.full_name}: the contract has no such kind of field")


class Form:
    """One kind of message."""

    def __init__(self, descriptor: Descriptor, forms: Forms) -> None:
        self.message_class: type[Message] = GetMessageClass(descriptor)
        self.fields = [Field(field, forms) for field in descriptor.fields]
        self._by_name = {name: field for field in self.fields for name in (field.name, field.json_name)}

    def to_bytes(self, body: bytes) -> bytes:
        """The message that JSON text stands for. Raises CallRefused."""
        try:
            given = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise _refused("MALFORMED", "", f"the body is not JSON: {error}") from None
        return self.message_class(**self.read(given, "")).SerializeToString()

    def to_json(self, message: bytes) -> bytes:
        """The JSON text of a message of ours."""
        return orjson.dumps(self.write(self.message_class.FromString(message)))

    def read(self, given: Any, path: str) -> dict[str, Any]:
        """What the message's class is made of. Raises CallRefused."""
        if not isinstance(given, dict):
            raise _refused("BAD_FORMAT", path, "expected an object")
        made: dict[str, Any] = {}
        chosen: dict[str, str] = {}
        for name, value in given.items():
            field = self._by_name.get(name)
            place = f"{path}.{field.name if field else name}" if path else (field.name if field else name)
            if field is None:
                raise _refused("BAD_FORMAT", place, "the contract has no such field")
            if value is None:
                continue
            if field.name in made:
                raise _refused("BAD_FORMAT", place, "given twice, under both of its names")
            if field.oneof and chosen.setdefault(field.oneof, field.name) != field.name:
                raise _refused("BAD_FORMAT", place, f"given beside {chosen[field.oneof]}: there is one of them")
            made[field.name] = _read_list(field, value, place) if field.is_list else field.read(value, place)
        return made

    def write(self, message: Message) -> dict[str, Any]:
        """The same for people: a field with presence that is absent is left out."""
        made: dict[str, Any] = {}
        for field in self.fields:
            if field.is_list:
                made[field.json_name] = [field.write(one) for one in getattr(message, field.name)]
            elif not field.has_presence or message.HasField(field.name):
                made[field.json_name] = field.write(getattr(message, field.name))
        return made


class Forms:
    """Those of a contract, each made once."""

    def __init__(self) -> None:
        self.known: dict[str, Form] = {}

    def of(self, descriptor: Descriptor) -> Form:
        """Messages do not contain themselves: a cycle would have no end here, nor a bound of depth there."""
        form = self.known.get(descriptor.full_name)
        if form is None:
            form = self.known[descriptor.full_name] = Form(descriptor, self)
        return form


def _read_list(field: Field, value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _refused("BAD_FORMAT", path, "expected a list")
    return [field.read(one, f"{path}[{place}]") for place, one in enumerate(value)]


def _number_reader(least: int, most: int) -> Read:
    def read(value: Any, path: str) -> int:
        number = _whole(value)
        if number is None:
            raise _refused("BAD_FORMAT", path, "expected a whole number, or one as decimal text")
        if not least <= number <= most:
            raise _refused("OUT_OF_RANGE", path, f"expected {least} to {most}")
        return number

    return read


def _whole(value: Any) -> int | None:
    """The number that stands there, if it is whole and nothing of it was lost on the way."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= EXACT_FLOAT_MAX else None
    if isinstance(value, str) and len(value) <= DIGITS_MAX:
        digits = value.removeprefix("-")
        return int(value) if digits.isascii() and digits.isdecimal() else None
    return None


def _read_bool(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _refused("BAD_FORMAT", path, "expected true or false")
    return value


def _read_text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _refused("BAD_FORMAT", path, "expected a text")
    return value


def _read_bytes(value: Any, path: str) -> bytes:
    if isinstance(value, str):
        text = value.replace("-", "+").replace("_", "/").rstrip("=")
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            pass
    raise _refused("BAD_FORMAT", path, "expected bytes in base64")


def _enum_reader(enum: EnumDescriptor) -> Read:
    numbers = {value.name: value.number for value in enum.values}
    read_number = _number_reader(*RANGES[FieldDescriptor.CPPTYPE_INT32])

    def read(value: Any, path: str) -> int:
        if isinstance(value, str):
            number = numbers.get(value)
            if number is None:
                raise _refused("BAD_FORMAT", path, f"no value of {enum.name} has this name")
            return number
        number = read_number(value, path)
        assert isinstance(number, int)
        return number

    return read


def _enum_writer(enum: EnumDescriptor) -> Write:
    names = {value.number: value.name for value in enum.values}
    return lambda number: names.get(number, number)


def _write_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _as_it_is(value: Any) -> Any:
    return value


def _refused(reason: str, field: str, message: str) -> CallRefused:
    return CallRefused("INVALID_ARGUMENT", reason, field, message)
