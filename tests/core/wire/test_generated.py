"""The generated codec against protobuf: the same bytes accepted, refused and written."""

from __future__ import annotations

import random

import pytest
from google.protobuf.message import DecodeError, Message

from altyn.core.wire.format import MalformedMessage
from altyn.journal.v1 import record_pb2
from altyn.pos.v1 import outcome_pb2, pos_service_pb2, receipt_pb2
from tests.core.wire.messages import (
    by_protobuf,
    field,
    message_types,
    mutated,
    random_message,
    roundtrip,
    varint,
)

KINDS = sorted(message_types(), key=lambda kind: kind.DESCRIPTOR.full_name)
Receipt = receipt_pb2.Receipt


def agree(kind: type[Message], source: bytes) -> bool:
    """Both refuse, or both give the same bytes; True when accepted."""
    try:
        wanted: bytes | None = by_protobuf(kind, source)
    except DecodeError:
        wanted = None
    try:
        found: bytes | None = roundtrip(kind, source)
    except MalformedMessage:
        found = None
    if not kind.DESCRIPTOR.fields and found is None:
        return False  # a message without fields: protobuf passes over a field of number 0, which is none
    assert found == wanted, f"{kind.DESCRIPTOR.name}: {source.hex()}"
    return wanted is not None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.DESCRIPTOR.full_name)
def test_codec_random_messages_are_written_as_protobuf_writes_them(kind: type[Message]) -> None:
    rng = random.Random(kind.DESCRIPTOR.full_name)
    for round_no in range(60):
        source = random_message(rng, kind, (0.3, 0.6, 0.95)[round_no % 3]).SerializeToString(deterministic=True)
        assert roundtrip(kind, source) == source


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.DESCRIPTOR.full_name)
def test_codec_damaged_messages_are_judged_as_protobuf_judges_them(kind: type[Message]) -> None:
    rng = random.Random(f"damaged {kind.DESCRIPTOR.full_name}")
    verdicts = []
    for _ in range(25):
        source = random_message(rng, kind, 0.5).SerializeToString(deterministic=True)[:3000]
        verdicts += [agree(kind, mutated(rng, source)) for _ in range(20)]
    assert any(verdicts)
    assert not all(verdicts)


def test_codec_every_truncation_is_judged_as_protobuf_judges_it() -> None:
    source = random_message(random.Random(5), pos_service_pb2.CommitReceiptRequest, 0.9).SerializeToString()
    verdicts = [
        agree(pos_service_pb2.CommitReceiptRequest, source[:length]) for length in range(min(len(source), 2500))
    ]
    assert any(verdicts[1:])
    assert not all(verdicts)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.DESCRIPTOR.full_name)
def test_codec_two_messages_in_a_row_are_merged(kind: type[Message]) -> None:
    rng = random.Random(f"merged {kind.DESCRIPTOR.full_name}")
    for _ in range(20):
        parts = [random_message(rng, kind, 0.5).SerializeToString() for _ in range(3)]
        assert agree(kind, b"".join(parts))


UNKNOWN = [
    pytest.param(field(999, 0, varint(2**40)), id="varint"),
    pytest.param(field(999, 1, b"12345678"), id="fixed64"),
    pytest.param(field(999, 5, b"1234"), id="fixed32"),
    pytest.param(field(999, 2, b"anything"), id="bytes"),
    pytest.param(field(999, 2, b"\xff\xfe"), id="bytes-not-utf8"),
    pytest.param(field(999, 3) + field(999, 4), id="empty-group"),
    pytest.param(field(999, 3) + field(1, 3) + field(2, 0, b"\x05") + field(1, 4) + field(999, 4), id="nested-group"),
    pytest.param(field(1, 0, varint(5)), id="known-number-as-varint"),
    pytest.param(field(1, 5, b"1234"), id="known-number-as-fixed32"),
    pytest.param(field(1, 3) + field(1, 4), id="known-number-as-group"),
    pytest.param(field(3, 2, b"text"), id="number-as-text"),
    pytest.param(field(2**29 - 1, 0, b"\x01"), id="greatest-number"),
]
MALFORMED = [
    pytest.param(b"\x00", id="tag-0"),
    pytest.param(field(0, 2, b"x"), id="number-0"),
    pytest.param(field(999, 3), id="open-group"),
    pytest.param(field(999, 4), id="closing-group"),
    pytest.param(field(999, 3) + field(998, 4), id="crossed-groups"),
    pytest.param(varint(999 << 3 | 6), id="wire-type-6"),
    pytest.param(varint(999 << 3 | 7), id="wire-type-7"),
    pytest.param(field(3, 0, b"\xff" * 10 + b"\x01"), id="varint-of-11-bytes"),
    pytest.param(varint(1 << 3 | 2) + varint(2**31), id="length-over-31-bits"),
    pytest.param(varint(1 << 3 | 2) + varint(4) + b"abc", id="length-over-the-end"),
    pytest.param(varint(2**32 | 26), id="tag-over-32-bits"),
    pytest.param(varint(26, 6), id="tag-of-6-bytes"),
    pytest.param(b"\x80", id="tag-cut"),
]


@pytest.mark.parametrize("extra", UNKNOWN)
def test_codec_unknown_field_is_dropped(extra: bytes) -> None:
    source = Receipt(store_id="S1", lines=[receipt_pb2.ReceiptLine(line_no=1)]).SerializeToString()
    for arranged in (extra + source, source + extra, extra + source + extra):
        assert agree(Receipt, arranged)
        assert roundtrip(Receipt, arranged) == source


@pytest.mark.parametrize("extra", MALFORMED)
def test_codec_malformed_bytes_are_refused(extra: bytes) -> None:
    for arranged in (extra, Receipt(store_id="S1").SerializeToString() + extra):
        assert not agree(Receipt, arranged)


@pytest.mark.parametrize(
    "spelled",
    [
        pytest.param(varint(26, 2) + b"\x01a", id="tag-of-2-bytes"),
        pytest.param(varint(26, 5) + b"\x01a", id="tag-of-5-bytes"),
        pytest.param(varint(26) + varint(1, 5) + b"a", id="length-of-5-bytes"),
        pytest.param(varint(24) + varint(1, 10), id="varint-of-10-bytes"),
        pytest.param(varint(24) + b"\xff" * 9 + b"\x01", id="minus-one"),
        pytest.param(varint(24) + b"\xff" * 9 + b"\x7e", id="varint-over-64-bits"),
        pytest.param(varint(80) + b"\xff" * 4 + b"\x0f", id="int32-minus-one-in-5-bytes"),
        pytest.param(varint(80) + varint(2**40 + 7), id="int32-cut-from-41-bits"),
        pytest.param(varint(56) + varint(2**32 + 3), id="sint32-cut-from-33-bits"),
        pytest.param(field(12, 2, field(19, 0, varint(2**35))), id="bool-of-36-bits"),
    ],
)
def test_codec_uncommon_spelling_is_read_as_protobuf_reads_it(spelled: bytes) -> None:
    assert agree(Receipt, spelled)


@pytest.mark.parametrize("width", range(1, 12))
def test_codec_number_of_every_length_is_read_alike_wherever_the_bytes_end(width: int) -> None:
    spelled = [varint(1, width) if width < 11 else b"\xff" * 10 + b"\x01"]
    if width < 11:
        spelled += [varint(2 ** (7 * width) - 1), varint(2 ** (7 * width - 7)), varint(2 ** (7 * width - 7) + 5)]
    for value in spelled:
        for number in (3, 10, 16):
            whole = field(number, 0, value)
            assert agree(Receipt, whole) == (len(value) <= 10)
            agree(Receipt, field(2, 2, b"K1") + whole)
            agree(Receipt, field(12, 2, field(6, 0, value)))
            for end in range(len(whole)):
                assert not agree(Receipt, whole[:end]) or end == 0


@pytest.mark.parametrize("size", [*range(20), 31, 127, 128, 129, 300])
def test_codec_text_of_every_length_is_read_alike_wherever_its_bytes_are(size: int) -> None:
    for letter in (b"a", "я".encode(), b"\xff"):
        for place in range(size):
            text = b"a" * place + letter + b"a" * (size - place - len(letter))
            agree(Receipt, field(1, 2, text))
            agree(Receipt, field(1, 2, text) + field(2, 2, b"\xd0\xb6"))
            agree(Receipt, field(12, 2, field(2, 2, text)))
    whole = field(1, 2, b"a" * size)
    assert agree(Receipt, whole + whole)
    for end in range(1, len(whole)):
        assert not agree(Receipt, whole[:end])


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param(field(1, 0), id="number-missing"),
        pytest.param(field(6, 0, b"\x80"), id="number-cut"),
        pytest.param(varint(2 << 3 | 2), id="length-missing"),
        pytest.param(varint(2 << 3 | 2) + b"\x05ab", id="text-cut"),
        pytest.param(varint(2 << 3 | 2) + b"\x85\x00ab", id="text-cut-long-length"),
        pytest.param(varint(17 << 3 | 2)[:1], id="tag-cut"),
        pytest.param(varint(14 << 3 | 2) + b"\x04\x08\x01", id="message-cut"),
        pytest.param(field(999, 5, b"1234")[:-1], id="unknown-cut"),
    ],
)
def test_codec_field_that_goes_on_beyond_its_message_is_refused(inside: bytes) -> None:
    after = field(13, 2, field(1, 2, b"SPRING")) + field(16, 0, b"\x01") + field(1, 2, b"\x01" * 40)
    for rest in (b"", after):
        assert not agree(Receipt, field(12, 2, inside) + rest)
        assert not agree(Receipt, field(12, 2, field(1, 0, b"\x01") + inside) + rest)


@pytest.mark.parametrize("width", [3, 4, 5, 6])
def test_codec_tag_of_two_bytes_spelled_longer_is_known_still(width: int) -> None:
    mode, fiscal = varint(16 << 3, width) + b"\x01", varint(19 << 3 | 2, width) + field(1, 2, field(1, 2, b"D"))[1:]
    for source in (mode, fiscal, mode + fiscal, fiscal + mode, field(1, 2, b"S") + mode + field(2, 2, b"R")):
        assert agree(Receipt, source) == (width < 6)
    if width < 6:
        assert roundtrip(Receipt, mode) == field(16, 0, b"\x01")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.DESCRIPTOR.full_name)
def test_codec_fields_in_any_order_are_read_alike(kind: type[Message]) -> None:
    rng = random.Random(f"order {kind.DESCRIPTOR.full_name}")
    for _ in range(10):
        parts = []
        for one in kind.DESCRIPTOR.fields:
            alone = random_message(rng, kind, 0.9)
            for other in kind.DESCRIPTOR.fields:
                if other is not one:
                    alone.ClearField(other.name)
            parts.append(alone.SerializeToString())
        rng.shuffle(parts)
        assert agree(kind, b"".join(parts))


def test_codec_array_that_outgrows_its_first_guess_keeps_its_elements() -> None:
    for first, others in ((2_000, 0), (0, 2_000), (300, 3)):
        lines = [
            field(1, 0, varint(number)) + field(17, 2, b"m" * first if number == 1 else b"m" * others)
            for number in range(1, 90)
        ]
        assert agree(Receipt, b"".join(field(12, 2, line) for line in lines))


def test_codec_repeated_scalars_packed_or_not_are_the_same() -> None:
    flags = b"".join(field(14, 0, varint(number)) for number in (1, 300, 7))
    packed = field(14, 2, varint(1) + varint(300) + varint(7))
    both = packed + flags + field(14, 2) + packed
    for source in (flags, packed, both):
        assert agree(outcome_pb2.Outcome, source)
    assert roundtrip(outcome_pb2.Outcome, flags) == packed
    assert not agree(outcome_pb2.Outcome, field(14, 2, b"\x01\x80"))


def test_codec_scalar_given_twice_keeps_the_last() -> None:
    assert roundtrip(Receipt, field(1, 2, b"first") + field(1, 2, b"last")) == field(1, 2, b"last")


def test_codec_oneof_given_twice_keeps_the_last_case() -> None:
    kind = receipt_pb2.ManualDiscount
    for source in (
        field(1, 0, varint(5)) + field(2, 0, varint(6)),
        field(2, 0, varint(6)) + field(1, 0, varint(0)),
    ):
        assert agree(kind, source)
    upload = pos_service_pb2.UploadedReceipt
    one = field(1, 2, field(2, 0, b"\x07"))
    other = field(3, 2, field(5, 2, b"r"))
    for source in (
        one + field(1, 2, field(5, 0, b"\x01")),
        one + other,
        other + one + other + other,
        one + other + one,
    ):
        assert agree(upload, source)


def test_codec_interleaved_repeated_messages_keep_their_order() -> None:
    lines = [field(12, 2, field(1, 0, varint(number))) for number in range(1, 400)]
    source = b"".join(line + field(13, 2, field(1, 2, b"code%d" % place)) for place, line in enumerate(lines))
    assert agree(Receipt, source)


@pytest.mark.parametrize(
    "text",
    [
        *(b"\xc0\x80", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x8f\xbf\xbf"),
        *(b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\x80", b"\xff", b"\xc2", b"\xe2\x82", b"\xf0\x9f\xa5"),
        *(b"\xc2\x41", b"\xe2\x28\xa1", b"\xe0\xa0\x80", b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xf0\x90\x80\x80"),
        *(b"\xf4\x8f\xbf\xbf", b"\xc2\x80", b"\x7f", b"\x00"),
    ],
)
def test_codec_text_is_utf8_exactly_as_protobuf_says(text: bytes) -> None:
    for before in (0, 1, 3, 4, 7, 8, 9, 16):
        for after in (0, 1, 5, 8):
            agree(Receipt, field(1, 2, b"a" * before + text + b"b" * after))


def test_codec_every_two_bytes_of_text_are_judged_alike() -> None:
    for lead in range(0xBE, 0x100):
        for second in range(0x70, 0xD0, 3):
            agree(Receipt, field(1, 2, bytes((lead, second)) + b"\x80\x80"))


def test_codec_bytes_field_needs_no_utf8() -> None:
    source = field(1, 2, b"\xff\x00\xfe")
    assert roundtrip(pos_service_pb2.CommitReceiptRequest, source) == source


@pytest.mark.parametrize(
    ("source", "path"),
    [
        (field(1, 2, b"\xff"), "store_id"),
        (
            field(12, 2, field(1, 0, b"\x01")) + field(12, 2, field(2, 2, b"ok") + field(3, 2, b"\xff")),
            "lines[1].barcode",
        ),
        (field(12, 2, field(18, 2, field(3, 0, b"\x80"))), "lines[0].refund_of.qty_milli"),
        (field(999, 3), "?"),
    ],
)
def test_codec_refusal_names_the_field(source: bytes, path: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        roundtrip(Receipt, source)
    assert refused.value.path == path
    assert path in str(refused.value)


def test_codec_groups_deeper_than_the_limit_are_refused() -> None:
    for depth in (1, 16):
        assert agree(Receipt, field(99, 3) * depth + field(99, 4) * depth)
    with pytest.raises(MalformedMessage, match="deep"):
        roundtrip(Receipt, field(99, 3) * 17 + field(99, 4) * 17)


def test_codec_more_structs_than_the_arena_holds_are_too_large() -> None:
    with pytest.raises(MalformedMessage, match=r"too large: lines"):
        roundtrip(Receipt, field(12, 2) * 100_000)


def test_codec_record_holds_a_receipt_of_another_package() -> None:
    record = record_pb2.Record(format=1, request=record_pb2.Request(receipt=Receipt(store_id="S", mode=1)))
    source = record.SerializeToString()
    assert roundtrip(record_pb2.Record, source) == source
    with pytest.raises(MalformedMessage) as refused:
        roundtrip(record_pb2.Record, field(8, 2, field(1, 2, field(1, 2, b"\xff"))))
    assert refused.value.path == "request.receipt.store_id"
