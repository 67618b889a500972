"""Messages as JSON, against protobuf's own mapping: what it says and what it takes, and what we refuse by name."""

from __future__ import annotations

import base64
import random
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from altyn.core.engine import CallRefused
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.server.transport.json.forms import RANGES, Form, Forms

SERVICE = pos.DESCRIPTOR.services_by_name["PosService"]
FORMS = Forms()
TYPES = [kind for method in SERVICE.methods for kind in (method.input_type, method.output_type)]


def form(message_class: type[Message]) -> Form:
    return FORMS.of(message_class.DESCRIPTOR)


def value(field: FieldDescriptor, chance: random.Random) -> Any:
    if field.cpp_type in RANGES:
        least, most = RANGES[field.cpp_type]
        return chance.choice([least, most, 0, 1, chance.randint(least, most)])
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return chance.random() < 0.5
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return chance.choice([*(one.number for one in field.enum_type.values), 4_000])
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return made(field.message_type, chance)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return chance.randbytes(chance.randrange(20))
    return chance.choice(["", "a", "чек", '"\\\n\0', "\U0001f9fe", "5"])


def made(kind: Any, chance: random.Random) -> dict[str, Any]:
    """What a message is made of: some of its fields, and at most one of a oneof."""
    built: dict[str, Any] = {}
    chosen: set[str] = set()
    for field in kind.fields:
        oneof = field.containing_oneof.name if field.containing_oneof is not None else field.name
        if oneof in chosen or chance.random() < 0.4:
            continue
        chosen.add(oneof)
        count = chance.randrange(3)
        built[field.name] = [value(field, chance) for _ in range(count)] if field.is_repeated else value(field, chance)
    return built


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_form_says_and_takes_what_the_canonical_mapping_does(kind: Any) -> None:
    one = FORMS.of(kind)
    for seed in range(40):
        message = one.message_class(**made(kind, random.Random(seed)))
        ours = orjson.loads(one.to_json(message.SerializeToString()))
        assert ours == json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
        for names in (False, True):
            theirs = json_format.MessageToJson(message, preserving_proto_field_name=names, indent=None)
            assert one.to_bytes(theirs.encode()) == message.SerializeToString()
        assert one.to_bytes(orjson.dumps(ours)) == message.SerializeToString()


@pytest.mark.parametrize(
    ("given", "number"),
    [(0, 0), ("12", 12), (-7, -7), ("-7", -7), (5.0, 5), (2**63 - 1, 2**63 - 1), (str(-(2**63)), -(2**63)), (None, 0)],
)
def test_whole_number_is_taken_as_number_and_as_text(given: Any, number: int) -> None:
    got = form(pos.AuthorizeCustomerRequest).to_bytes(orjson.dumps({"localTimeUs": given}))
    assert pos.AuthorizeCustomerRequest.FromString(got).local_time_us == number


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.5, "BAD_FORMAT"),
        (1e300, "BAD_FORMAT"),
        (float(2**53) * 2, "BAD_FORMAT"),
        (True, "BAD_FORMAT"),
        ("", "BAD_FORMAT"),
        ("-", "BAD_FORMAT"),
        ("1 ", "BAD_FORMAT"),
        ("+1", "BAD_FORMAT"),
        ("1e3", "BAD_FORMAT"),
        ("0x10", "BAD_FORMAT"),
        ("١٢", "BAD_FORMAT"),
        ("9" * 5_000, "BAD_FORMAT"),
        ([1], "BAD_FORMAT"),
        ({}, "BAD_FORMAT"),
        (2**63, "OUT_OF_RANGE"),
        (str(2**63), "OUT_OF_RANGE"),
        (str(-(2**63) - 1), "OUT_OF_RANGE"),
    ],
)
def test_what_is_no_whole_number_of_the_field_is_refused_by_its_path(value: Any, reason: str) -> None:
    body = orjson.dumps({"receipt": {"lines": [{"priceMinor": 1}, {"price_minor": value}]}})
    with pytest.raises(CallRefused) as refused:
        form(pos.CalculateReceiptRequest).to_bytes(body)
    assert (refused.value.code, refused.value.reason, refused.value.field) == (
        "INVALID_ARGUMENT",
        reason,
        "receipt.lines[1].price_minor",
    )


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        (b"", "", "not JSON"),
        (b"{", "", "not JSON"),
        (b'{"a": NaN}', "", "not JSON"),
        (b"[" * 5_000, "", "not JSON"),
        (b"\xff", "", "not JSON"),
        (b"[]", "", "expected an object"),
        (b'{"reciept": {}}', "reciept", "no such field"),
        (b'{"receipt": {"lines": [{"skuu": ""}]}}', "receipt.lines[0].skuu", "no such field"),
        (b'{"receipt": []}', "receipt", "expected an object"),
        (b'{"receipt": {"lines": {}}}', "receipt.lines", "expected a list"),
        (b'{"receipt": {"lines": [null]}}', "receipt.lines[0]", "expected an object"),
        (b'{"receipt": {"lines": [{"sku": 7}]}}', "receipt.lines[0].sku", "expected a text"),
        (b'{"receipt": {"mode": "MODE_NONE"}}', "receipt.mode", "no value of Mode"),
        (b'{"opId": "**"}', "op_id", "base64"),
        (b'{"opId": 7}', "op_id", "base64"),
        (b'{"opId": "YQ", "op_id": "YQ"}', "op_id", "given twice"),
        (b'{"want": {"explain": 1}}', "want.explain", "expected true or false"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_its_path(body: bytes, field: str, said: str) -> None:
    with pytest.raises(CallRefused) as refused:
        form(pos.CommitReceiptRequest).to_bytes(body)
    assert (refused.value.code, refused.value.field) == ("INVALID_ARGUMENT", field)
    assert said in refused.value.message


def test_two_of_a_oneof_are_refused() -> None:
    with pytest.raises(CallRefused, match=r"receipts\[0\].cancel: given beside commit"):
        form(pos.UploadReceiptsRequest).to_bytes(b'{"receipts": [{"commit": {}, "return": null, "cancel": {}}]}')


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_bytes_are_taken_in_both_alphabets_with_and_without_padding(encode: Any) -> None:
    for size in range(40):
        sent = random.Random(size).randbytes(size)
        for text in (encode(sent).decode(), encode(sent).decode().rstrip("=")):
            got = form(pos.GetOperationRequest).to_bytes(orjson.dumps({"opId": text}))
            assert pos.GetOperationRequest.FromString(got).op_id == sent
