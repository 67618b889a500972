"""Writes the Cython wire codec of every proto package: a build-time tool, run by setup.py.

Each message becomes a C struct, a reader (`merge_`, `decode_`) and a writer (`write_`, `encode_`). Scalars are held
by value, strings and bytes as spans of the decoder's copy, messages by pointer (NULL when absent), repeated fields as
an array, all in the request's arena. Known bytes are read as protobuf reads them, unknown fields are dropped, and
written bytes equal protobuf's deterministic ones. It must never guess: a construct the contracts do not use (maps,
floats, fixed widths, nested types, recursion) stops the build.
"""

from __future__ import annotations

import keyword
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

DEPTH_MAX = 16
"""Messages inside messages; `core/limits.pxd` has the same number, for groups in unknown fields."""

NUMBER_MAX = 2_047
"""Tags of two bytes; a third would cost every message something, and no contract has so many fields."""

C_TYPES = {
    "int64": "int64_t",
    "uint64": "uint64_t",
    "sint64": "int64_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "sint32": "int32_t",
    "enum": "int32_t",
    "bool": "uint8_t",
    "string": "Text",
    "bytes": "Text",
}
# Words of Python and C that no struct member may have as its name.
RESERVED = frozenset(keyword.kwlist) | {
    *("auto", "case", "char", "const", "default", "do", "double", "enum", "extern", "float", "goto", "inline", "int"),
    *("long", "register", "restrict", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union"),
    *("unsigned", "void", "volatile"),
}
HEADER = '"""{package}: written by core/wire/generate.py from the contracts; change those instead."""\n'


@dataclass
class Field:
    """One field of a message, as the templates need it."""

    name: str
    member: str
    number: int
    kind: str
    repeated: bool
    has_presence: bool
    oneof: str
    message: str = ""
    module: str = ""

    @property
    def wire_type(self) -> int:
        return 2 if self.kind in ("string", "bytes", "message") else 0

    @property
    def tag(self) -> int:
        return self.number << 3 | self.wire_type

    @property
    def packed_tag(self) -> int:
        return self.number << 3 | 2

    @property
    def size_name(self) -> str:
        """What its reader and writer of numbers are called by: 32 bits mostly take one byte."""
        return "varint" if C_TYPES[self.kind].endswith("int64_t") else "small"

    @property
    def c_type(self) -> str:
        return qualified(self, "") if self.kind == "message" else C_TYPES[self.kind]


@dataclass
class Message:
    """One message: its fields in number order and the names of its oneofs."""

    name: str
    fields: list[Field]
    oneofs: list[str]
    imports: set[str] = field(default_factory=set)

    @property
    def room(self) -> int:
        """Bytes that all tags, scalars and lengths of one message need at most."""
        return sum(len(tag_bytes(item.tag)) + 10 for item in self.fields) + 10


@dataclass
class Package:
    """All messages and enums of one proto package, dependencies first."""

    name: str
    module: str
    messages: list[Message]
    enums: list[tuple[str, list[tuple[str, int]]]]


def tag_bytes(tag: int) -> list[int]:
    """A tag as it is spelled; `read_field` has seen to it that two bytes are enough."""
    return [tag] if tag < 0x80 else [tag & 0x7F | 0x80, tag >> 7]


def qualified(item: Field, prefix: str) -> str:
    """The C name of a message type or of one of its functions, as its own module or another sees it."""
    return f"{item.module}.{prefix}{item.message}" if item.module else f"{prefix}{item.message}"


def read_contracts(proto_root: Path) -> list[FileDescriptorProto]:
    """Descriptors of every ``.proto`` below the root, dependencies first."""
    from grpc_tools import protoc

    protos = sorted(str(path) for path in proto_root.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "contracts.bin"
        if protoc.main(["protoc", f"-I{proto_root}", f"--descriptor_set_out={target}", *protos]):
            raise SystemExit("protoc refused the contracts")
        return list(FileDescriptorSet.FromString(target.read_bytes()).file)


def module_of(package: str) -> str:
    """``altyn.pos.v1`` is generated as ``pos_v1``."""
    return "_".join(package.split(".")[1:])


def read_field(owner: str, package: str, proto: FieldDescriptorProto, oneofs: list[str]) -> Field:
    """A field of the contracts; stops at what the codec does not know."""
    kind = FieldDescriptorProto.Type.Name(proto.type).removeprefix("TYPE_").lower()
    if kind not in C_TYPES and kind != "message":
        raise SystemExit(f"{package}.{owner}.{proto.name}: {kind} is not supported by the wire codec")
    if proto.number > NUMBER_MAX:
        raise SystemExit(f"{package}.{owner}.{proto.name}: field numbers end at {NUMBER_MAX}")
    one_of = oneofs[proto.oneof_index] if proto.HasField("oneof_index") and not proto.proto3_optional else ""
    found = Field(
        name=proto.name,
        member=proto.name + "_" if proto.name in RESERVED else proto.name,
        number=proto.number,
        kind=kind,
        repeated=proto.label == FieldDescriptorProto.LABEL_REPEATED,
        has_presence=proto.proto3_optional,
        oneof=one_of,
    )
    if kind == "message":
        home, _, found.message = proto.type_name.removeprefix(".").rpartition(".")
        found.module = "" if home == package else module_of(home)
    return found


def read_message(package: str, proto: DescriptorProto) -> Message:
    """A message of the contracts."""
    if proto.nested_type or proto.enum_type:
        raise SystemExit(f"{package}.{proto.name}: nested types are not supported by the wire codec")
    names = [one_of.name for one_of in proto.oneof_decl]
    fields = sorted((read_field(proto.name, package, item, names) for item in proto.field), key=lambda f: f.number)
    oneofs = [name for name in names if any(item.oneof == name for item in fields)]
    return Message(proto.name, fields, oneofs, {item.module for item in fields if item.module})


def read_packages(proto_root: Path) -> list[Package]:
    """Every package with its messages, those a message holds before it."""
    packages: dict[str, Package] = {}
    for file in read_contracts(proto_root):
        package = packages.setdefault(file.package, Package(file.package, module_of(file.package), [], []))
        package.messages += [read_message(file.package, item) for item in file.message_type]
        package.enums += [(item.name, [(value.name, value.number) for value in item.value]) for item in file.enum_type]
    for package in packages.values():
        package.messages = ordered(package.messages)
    return list(packages.values())


def ordered(messages: list[Message]) -> list[Message]:
    """Messages so that each comes after those it holds; stops at recursion and at too deep nesting."""
    by_name = {message.name: message for message in messages}
    done: dict[str, Message] = {}

    def visit(message: Message, depth: int) -> None:
        if depth > DEPTH_MAX:
            raise SystemExit(f"{message.name}: nested deeper than {DEPTH_MAX} or within itself")
        for item in message.fields:
            if item.kind == "message" and not item.module:
                visit(by_name[item.message], depth + 1)
        done.setdefault(message.name, message)

    for message in messages:
        visit(message, 1)
    return list(done.values())


# --- header ---------------------------------------------------------------------------------------------------------


def struct_lines(message: Message) -> list[str]:
    """The C struct: wide members first, so that none is padded."""
    wide: list[str] = []
    middle: list[str] = []
    narrow: list[str] = []
    for item in message.fields:
        if item.repeated:
            wide.append(f"{item.c_type}* {item.member}")
            middle += [f"int32_t {item.name}_count", f"int32_t {item.name}_room"]
        elif item.kind == "message":
            wide.append(f"{item.c_type}* {item.member}")
        elif item.c_type in ("Text", "int64_t", "uint64_t"):
            wide.append(f"{item.c_type} {item.member}")
        else:
            (narrow if item.kind == "bool" else middle).append(f"{item.c_type} {item.member}")
        if item.has_presence:
            narrow.append(f"uint8_t has_{item.name}")
    middle += [f"int32_t {name}_case" for name in message.oneofs]
    members = wide + middle + narrow or ["uint8_t empty"]
    return [f"cdef struct {message.name}:", *(f"    {member}" for member in members), ""]


SIGNATURES = {
    "merge": "cdef int merge_{name}({name}* out, const uint8_t* p, const uint8_t* end, Arena* arena, "
    "WireError* error) noexcept nogil",
    "decode": "cdef int decode_{name}({name}* out, const uint8_t* p, const uint8_t* end, Arena* arena, "
    "WireError* error) noexcept nogil",
    "write": "cdef uint8_t* write_{name}(const {name}* m, uint8_t* p, uint8_t* floor) noexcept nogil",
    "encode": "cdef int64_t encode_{name}(const {name}* m, uint8_t* buffer, int64_t size) noexcept nogil",
}


def header(package: Package) -> str:
    """The ``.pxd``: structs, enums and functions for other compiled modules."""
    imports = sorted(set().union(*(message.imports for message in package.messages)))
    lines = [HEADER.format(package=package.name)]
    lines += [
        "# decode_X: out is cleared and filled; 0, or a WireCode with the field's path in error.",
        "# Texts point into a copy of the message in the arena.",
        "# encode_X: the bytes are the last n of buffer; n, or -1 when a larger buffer is needed.",
        "# x_case: which of a oneof is there, 0 for none: X_field of the enum X_oneof_case.",
        "# merge_X, write_X: the same without clearing and without a buffer of their own, for messages inside others.",
        "from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t",
        "from altyn.core.text cimport Text",
        "from altyn.core.wire.arena cimport Arena",
        "from altyn.core.wire.format cimport WireError",
        *(f"cimport altyn.core.wire.generated.{name} as {name}" for name in imports),
        "",
    ]
    for name, values in package.enums:
        lines += [f"cdef enum {name}:", *(f"    {value} = {number}" for value, number in values), ""]
    for message in package.messages:
        lines += struct_lines(message)
        for name in message.oneofs:
            cases = [f"    {message.name}_{item.name} = {item.number}" for item in message.fields if item.oneof == name]
            lines += [f"cdef enum {message.name}_{name}_case:", *cases, ""]
    for message in package.messages:
        lines += [signature.format(name=message.name) for signature in SIGNATURES.values()]
    return "\n".join(lines) + "\n"


# --- reader ---------------------------------------------------------------------------------------------------------


def met(tag: int) -> str:
    """The test for a tag, as it stands in the message: its first byte has been read."""
    first, *rest = tag_bytes(tag)
    return f"tag == {first}" + "".join(f" and p[1] == {byte}" for byte in rest)


def following(item: Field) -> list[str]:
    """After a field: the end, a place beyond it, or the next tag."""
    return ["if p >= end:", f'    return ended(p, end, "{item.name}", error)', "tag = p[0]"]


def converted(item: Field) -> str:
    """The value of a scalar from the varint just read."""
    if item.kind == "bool":
        return "read.value != 0"
    if item.kind == "sint32":
        return "<int32_t>zigzag_back(<uint32_t>read.value)"
    if item.kind == "sint64":
        return "zigzag_back(read.value)"
    return f"<{item.c_type}>read.value"


def reserve(item: Field, more: str) -> list[str]:
    """Room for one more element at least; `more` is how many are expected."""
    array = f"out.{item.member}, out.{item.name}_count, &out.{item.name}_room"
    grow = f"arena_grow(arena, {array}, {more}, sizeof({item.c_type}))"
    lines = [f"if out.{item.name}_count == out.{item.name}_room:", f"    grown = {grow}", "    if grown == NULL:"]
    return [*lines, f'        return full(error, "{item.name}")', f"    out.{item.member} = <{item.c_type}*>grown"]


def chosen(item: Field) -> list[str]:
    """What to note beside the value: presence, or which of a oneof it is."""
    if item.oneof:
        return [f"out.{item.oneof}_case = {item.number}"]
    return [f"out.has_{item.name} = 1"] if item.has_presence else []


def read_size(item: Field, at: int) -> list[str]:
    """A length, and that many bytes are there."""
    lines = [f"read = read_length(p + {at}, end)", "p = read.after", "stop = p + read.value"]
    return [*lines, "if stop > end:", f'    return fault(error, "{item.name}", -1)']


def read_message_field(item: Field, at: int) -> list[str]:
    """A message inside: repeated ones are appended, a repeated occurrence of a single one is merged into the first."""
    lines = read_size(item, at)
    merge = qualified(item, "merge_")
    if item.repeated:
        lines += reserve(item, "alike(p, end, read.value)")
        lines += [
            f"if {merge}(&out.{item.member}[out.{item.name}_count], p, stop, arena, error):",
            f'    return fault(error, "{item.name}", out.{item.name}_count)',
            f"out.{item.name}_count += 1",
        ]
    else:
        absent = f"out.{item.oneof}_case != {item.number}" if item.oneof else f"out.{item.member} == NULL"
        lines += [
            f"if {absent}:",
            f"    out.{item.member} = <{item.c_type}*>arena_take(arena, sizeof({item.c_type}))",
            f"    if out.{item.member} == NULL:",
            f'        return full(error, "{item.name}")',
            *("    " + line for line in chosen(item)),
            f"if {merge}(out.{item.member}, p, stop, arena, error):",
            f'    return fault(error, "{item.name}", -1)',
        ]
    return [*lines, "p = stop"]


def read_text_field(item: Field, at: int) -> list[str]:
    """A string or bytes."""
    target = f"&out.{item.member}[out.{item.name}_count]" if item.repeated else f"&out.{item.member}"
    lines = [f"p = read_{'text' if item.kind == 'string' else 'bytes'}(p + {at}, end, {target}, error)"]
    return [*reserve(item, "1"), *lines, f"out.{item.name}_count += 1"] if item.repeated else [*lines, *chosen(item)]


def append_scalar(item: Field, more: str) -> list[str]:
    """Put the varint just read into the array."""
    append = [f"out.{item.member}[out.{item.name}_count] = {converted(item)}", f"out.{item.name}_count += 1"]
    return [*reserve(item, more), *append]


def read_scalar_field(item: Field, at: int) -> list[str]:
    """A varint."""
    lines = [f"read = read_{item.size_name}(p + {at})", "p = read.after"]
    if item.repeated:
        return [*lines, *append_scalar(item, "1")]
    return [*lines, f"out.{item.member} = {converted(item)}", *chosen(item)]


def read_packed_field(item: Field, at: int) -> list[str]:
    """Scalars in one span; no varint may cross its end."""
    return [
        *read_size(item, at),
        "while p < stop:",
        f"    read = read_{item.size_name}(p)",
        "    p = read.after",
        *("    " + line for line in append_scalar(item, "1 + packed_count(p, stop)")),
        "if p != stop:",
        f'    return fault(error, "{item.name}", -1)',
    ]


def read_field_cases(item: Field) -> list[str]:
    """A field, as the straight-line pass of its message asks for it."""
    at = len(tag_bytes(item.tag))
    if item.kind == "message":
        body = read_message_field(item, at)
    elif item.wire_type == 2:
        body = read_text_field(item, at)
    else:
        body = read_scalar_field(item, at)
    word = "while" if item.repeated else "if"
    lines = [f"{word} {met(item.tag)}:", *("    " + line for line in body + following(item))]
    if item.repeated and item.wire_type == 0:
        body = read_packed_field(item, at)
        lines += [f"if {met(item.packed_tag)}:", *("    " + line for line in body + following(item))]
    return lines


READER = """        if p == before:
            p = skip_unexpected(p, end, error)
    return ended(p, end, NULL, error)


{decode}:
    cdef int64_t size = end - p
    memset(out, 0, sizeof({name}))
    error.code = WIRE_OK
    error.depth = 0
    p = padded_copy(p, size, arena)
    if p == NULL:
        error.code = WIRE_TOO_LARGE
        return error.code
    return merge_{name}(out, p, p + size, arena, error)

"""


def reader(message: Message) -> list[str]:
    """`merge_X` and `decode_X`.

    One pass asks for every field in number order, as every known writer sends them: straight-line code with foreseeable
    branches. Fields in another order start another pass; a pass that finds nothing has met an unknown field.
    """
    lines = [SIGNATURES["merge"].format(name=message.name) + ":"]
    lines += ["    cdef Varint read", "    cdef uint8_t tag", "    cdef void* grown"]
    lines += ["    cdef const uint8_t* stop", "    cdef const uint8_t* before"]
    lines += ["    while p < end:", "        tag = p[0]", "        before = p"]
    for item in message.fields:
        lines += ["        " + line for line in read_field_cases(item)]
    return [*lines, READER.format(name=message.name, decode=SIGNATURES["decode"].format(name=message.name))]


# --- writer ---------------------------------------------------------------------------------------------------------


def put_tag(tag: int) -> list[str]:
    """Tag bytes, below what they stand for."""
    found = tag_bytes(tag)
    return [f"p -= {len(found)}", *(f"p[{place}] = {byte}" for place, byte in enumerate(found))]


def varint_of(item: Field, value: str) -> str:
    """The varint that a scalar is written as: 32-bit signed values are extended to 64 bits."""
    if item.kind in ("sint32", "sint64"):
        return f"zigzag({value})" if item.kind == "sint64" else f"<uint32_t>zigzag({value})"
    if item.kind == "bool":
        return "1"
    return f"<uint64_t>{value}" if item.kind in ("uint32", "uint64") else f"<uint64_t><int64_t>{value}"


def unless_room(size: int | str) -> list[str]:
    """No room is told by the floor itself, which no message that was written begins at."""
    return [f"if p - floor < {size}:", "    return floor"]


def each_from_last(item: Field) -> list[str]:
    return [f"place = m.{item.name}_count", "while place:", "    place -= 1"]


def write_field(item: Field, room: int) -> list[str]:
    """One field, absent or at its default written as nothing."""
    value = f"m.{item.member}"
    if item.kind == "message":
        target = f"&{value}[place]" if item.repeated else value
        body = ["stop = p", f"p = {qualified(item, 'write_')}({target}, p, floor)", *unless_room(room)]
        body += ["p = put_varint(p, <uint64_t>(stop - p))"]
        test = f"{value} != NULL"
    elif item.wire_type == 2:
        text = f"{value}[place]" if item.repeated else value
        body = [f"size = {text}.size", *unless_room(f"size + {room}"), f"p = put_text(p, {text}.data, size)"]
        test = f"{value}.size"
    else:
        body = [f"p = put_{item.size_name}(p, {varint_of(item, value)})"]
        if item.kind == "bool" and (item.oneof or item.has_presence):
            body = [f"p = put_small(p, {value} != 0)"]
        test = value
    if item.repeated and item.wire_type == 0:
        return write_packed(item, room)
    body += put_tag(item.tag)
    if item.repeated:
        return [*each_from_last(item), *("    " + line for line in body)]
    if item.oneof:
        test = f"m.{item.oneof}_case == {item.number}"
    elif item.has_presence:
        test = f"m.has_{item.name}"
    return [f"if {test}:", *("    " + line for line in body)]


def write_packed(item: Field, room: int) -> list[str]:
    """All scalars of a repeated field in one span."""
    value = f"m.{item.member}[place]"
    varint = f"{value} != 0" if item.kind == "bool" else varint_of(item, value)
    lines = ["stop = p", *each_from_last(item), *("    " + line for line in unless_room(room))]
    lines += [f"    p = put_{item.size_name}(p, {varint})", *unless_room(room)]
    lines += ["p = put_varint(p, <uint64_t>(stop - p))", *put_tag(item.packed_tag)]
    return [f"if m.{item.name}_count:", *("    " + line for line in lines)]


def writer(message: Message) -> list[str]:
    """`write_X` and `encode_X`. From the last field to the first: lengths are known when they are written."""
    lines = [SIGNATURES["write"].format(name=message.name) + ":"]
    lines += ["    cdef int64_t place, size", "    cdef uint8_t* stop"]
    lines += ["    " + line for line in unless_room(message.room)]
    for item in reversed(message.fields):
        lines += ["    " + line for line in write_field(item, message.room)]
    lines += ["    return p", "", ""]
    lines += [SIGNATURES["encode"].format(name=message.name) + ":"]
    lines += [f"    cdef uint8_t* p = write_{message.name}(m, buffer + size, buffer)"]
    return [*lines, "    return -1 if p == buffer else buffer + size - p", "", ""]


# --- Python face ----------------------------------------------------------------------------------------------------


def python_face(package: Package) -> list[str]:
    """`roundtrip`, for tests and tools: bytes in, the same message's known fields out."""
    lines = [f"MESSAGES = {tuple(message.name for message in package.messages)!r}", "\n", "cdef union AnyMessage:"]
    lines += [f"    {message.name} as_{message.name}" for message in package.messages]
    lines += [RECODE]
    for index, message in enumerate(package.messages):
        name = message.name
        lines += [f"    {'elif' if index else 'if'} which == {index}:"]
        lines += [f"        if decode_{name}(&any.as_{name}, p, end, arena, error) == WIRE_OK:"]
        lines += [f"            return encode_{name}(&any.as_{name}, buffer, size)"]
    return [*lines, ROUNDTRIP]


RECODE = """

cdef int64_t recode(int which, Arena* arena, WireError* error, const uint8_t[::1] source,
                    uint8_t* buffer, int64_t size) noexcept nogil:
    cdef AnyMessage any
    cdef const uint8_t* p = &source[0] if source.shape[0] else buffer
    cdef const uint8_t* end = p + source.shape[0]"""
ROUNDTRIP = """    return -1


def roundtrip(name: str, source: bytes) -> bytes:
    \"\"\"Decode and encode again: known fields in the one canonical form. Raises MalformedMessage, KeyError.\"\"\"
    cdef Arena arena
    cdef WireError error
    cdef int which = NUMBERS[name]
    cdef int64_t size = 4 * len(source) + 4096
    cdef int64_t written
    buffer = bytearray(size)
    cdef uint8_t[::1] view = buffer
    arena_open(&arena, ARENA_BYTES)
    written = recode(which, &arena, &error, source, &view[0], size)
    arena_close(&arena)
    if error.code:
        raise wire_exception(&error)
    assert written >= 0
    return bytes(view[size - written:])


NUMBERS = {name: number for number, name in enumerate(MESSAGES)}"""
DIRECTIVES = """# cython: overflowcheck=False, cdivision=True
# Readers and writers are made of inline helpers: without this the compiler gives up somewhere in so large a unit.
# distutils: extra_compile_args=--param=inline-unit-growth=1000"""
IMPORTS = """from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset
from altyn.core.limits cimport ARENA_BYTES
from altyn.core.wire.arena cimport Arena, arena_close, arena_grow, arena_open, arena_take
from altyn.core.wire.format cimport (
    WIRE_OK, WIRE_TOO_LARGE, Varint, WireError, alike, ended, fault, full, packed_count, padded_copy, put_small,
    put_text, put_varint, read_bytes, read_length, read_small, read_text, read_varint, skip_unexpected,
    wire_exception, zigzag, zigzag_back,
)

"""


def body(package: Package) -> str:
    """The ``.pyx``."""
    lines: list[str] = []
    for message in package.messages:
        lines += reader(message) + writer(message)
    return "\n".join([DIRECTIVES, HEADER.format(package=package.name), IMPORTS, *lines, *python_face(package)]) + "\n"


def stub(package: Package) -> str:
    """The ``.pyi``."""
    return (
        HEADER.format(package=package.name) + "\nMESSAGES: tuple[str, ...]\n\n\n"
        "def roundtrip(name: str, source: bytes) -> bytes: ...\n"
    )


def write_all(proto_root: Path, out: Path) -> None:
    """Write ``out/generated/<package>.{pyx,pxd,pyi}``, when one is missing or older than a contract or this file."""
    folder = out / "generated"
    sources = [*proto_root.rglob("*.proto"), Path(__file__)]
    newest = max(source.stat().st_mtime for source in sources)
    stamp = folder / "__init__.py"
    if stamp.exists() and stamp.stat().st_mtime >= newest and len(list(folder.glob("*.pyx"))) > 0:
        return
    folder.mkdir(parents=True, exist_ok=True)
    packages = read_packages(proto_root)
    kept = {folder / f"{package.module}{end}" for package in packages for end in (".pyx", ".pxd", ".pyi")}
    for stale in {*folder.glob("*.p*")} - kept:
        stale.unlink()
    for package in packages:
        (folder / f"{package.module}.pxd").write_text(header(package))
        (folder / f"{package.module}.pyx").write_text(body(package))
        (folder / f"{package.module}.pyi").write_text(stub(package))
    stamp.write_text('"""The wire codec, written at build time by core/wire/generate.py."""\n')


if __name__ == "__main__":
    write_all(Path(sys.argv[1]), Path(sys.argv[2]))
