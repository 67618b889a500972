"""The seen-before index, the ring of replies, the keys and the chain."""

from __future__ import annotations

import random
from collections import OrderedDict
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.core.ledger.chain import ORIGIN, chain_hash
from altyn.core.ledger.keys import natural_key, receipt_key, register_key
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.replies import Replies

CONTENT = sha256(b"content").digest()


def key(number: int, salt: bytes = b"") -> bytes:
    return sha256(salt + b"%d" % number).digest()[:16]


def test_operation_is_found_with_its_seq_and_the_start_of_its_content_hash() -> None:
    operations = Operations()
    operations.remember(key(1), 17, 5, CONTENT, natural_key=key(2), receipt_key=key(3), receipt_state=1)
    assert operations.read_operation(key(1)) == (17, CONTENT[:8])
    assert operations.read_natural(key(2)) == 17
    assert operations.read_receipt(key(3)) == (1, 17)
    assert operations.read_operation(key(2)) is None
    assert operations.read_natural(key(1)) is None
    assert operations.read_receipt(key(1)) is None


def test_receipt_keeps_its_latest_state_over_generations() -> None:
    operations = Operations(entries_max=8)
    operations.remember(key(1), 1, 1, CONTENT, receipt_key=key(3), receipt_state=1)
    for seq in range(2, 5):
        operations.remember(key(seq), seq, seq, CONTENT)
    operations.remember(key(5), 5, 5, CONTENT, receipt_key=key(3), receipt_state=2)
    assert operations.read_receipt(key(3)) == (2, 5)


def test_oldest_generation_is_dropped_by_count_and_the_watermark_tells() -> None:
    operations = Operations(entries_max=400)
    for seq in range(1, 1001):
        operations.remember(key(seq), seq, 1, CONTENT, natural_key=key(seq, b"n"))
        assert 300 <= len(operations) <= 400 or seq < 400
        oldest = operations.complete_since_seq
        assert operations.read_operation(key(oldest)) == (oldest, CONTENT[:8])
        assert oldest == 1 or operations.read_operation(key(oldest - 1)) is None
    assert operations.complete_since_seq == 601


def test_generations_turn_by_time_too() -> None:
    operations = Operations(horizon_us=400)
    for seq, instant in ((1, 10), (2, 109), (3, 110), (4, 300), (5, 1000), (6, 2000)):
        operations.remember(key(seq), seq, instant, CONTENT)
    assert operations.complete_since_seq == 4 - 1
    assert [operations.read_operation(key(n)) is not None for n in range(1, 7)] == [
        False,
        False,
        True,
        True,
        True,
        True,
    ]


def test_register_seq_only_rises_and_is_never_forgotten() -> None:
    operations = Operations(entries_max=4)
    assert operations.read_register(key(9)) is None
    for seq, register_seq in enumerate((5, 9, 7), start=1):
        operations.remember(key(seq), seq, seq, CONTENT, register_key=key(9), register_seq=register_seq)
    for seq in range(10, 40):
        operations.remember(key(seq), seq, seq, CONTENT)
    assert operations.read_register(key(9)) == 9


def test_receipt_number_above_all_of_its_register_is_certainly_new() -> None:
    operations = Operations()
    till = key(9)
    assert operations.read_is_new_receipt(till, 1, 1)
    operations.remember(key(1), 1, 1, CONTENT, receipt_key=key(3), register_key=till, shift_number=4, receipt_number=80)
    assert not operations.read_is_new_receipt(till, 4, 80)
    assert not operations.read_is_new_receipt(till, 3, 99)
    assert operations.read_is_new_receipt(till, 4, 81)
    assert operations.read_is_new_receipt(till, 5, 1)
    operations.remember(
        key(2), 2, 1, CONTENT, receipt_key=key(4), register_key=till, shift_number=3, receipt_number=500
    )
    assert not operations.read_is_new_receipt(till, 4, 80)


def test_unknown_register_is_not_certainly_new_when_the_index_is_not_complete() -> None:
    assert not Operations(complete_since_seq=2).read_is_new_receipt(key(9), 1, 1)


def test_index_agrees_with_a_dictionary_over_many_keys() -> None:
    rng = random.Random(5)
    operations = Operations(entries_max=4000, seed=12345)
    known: OrderedDict[bytes, int] = OrderedDict()
    for seq in range(1, 20_001):
        op_id = rng.randbytes(16)
        operations.remember(op_id, seq, seq, CONTENT)
        known[op_id] = seq
        if seq % 97 == 0:
            probe = rng.choice(list(known))
            wanted = known[probe]
            found = operations.read_operation(probe)
            assert found == ((wanted, CONTENT[:8]) if wanted >= operations.complete_since_seq else None)
    assert operations.bytes_used < 4000 * 32 * 5


@pytest.mark.parametrize("wrong", [b"", b"x" * 15, b"x" * 17])
def test_key_of_another_length_is_refused_by_name(wrong: bytes) -> None:
    with pytest.raises(ValueError, match="op_id must be 16 bytes"):
        Operations().remember(wrong, 1, 1, CONTENT)


def test_replies_agree_with_a_dictionary_that_drops_the_oldest() -> None:
    rng = random.Random(6)
    replies = Replies(bytes_max=64_000, kept_us=1000)
    given: dict[bytes, tuple[int, bytes]] = {}
    instant = 0
    for number in range(20_000):
        instant += rng.randrange(3)
        op_id, reply = key(number), rng.randbytes(rng.randrange(0, 900))
        assert replies.put(op_id, instant, reply)
        given[op_id] = (instant, reply)
        probe = key(number - rng.randrange(min(number + 1, 60)))
        found = replies.get(probe)
        assert found is None or found == given[probe][1]
        assert replies.get(op_id) == reply
    assert 60 < len(replies) < 2000


def test_replies_are_kept_for_their_time_and_no_longer() -> None:
    replies = Replies(bytes_max=1 << 20, kept_us=100)
    for number in range(50):
        replies.put(key(number), number * 10, b"reply %d" % number)
    assert len(replies) == 10
    assert replies.get(key(39)) is None and replies.get(key(40)) == b"reply 40"


def test_reply_larger_than_an_eighth_of_the_ring_is_not_kept() -> None:
    replies = Replies(bytes_max=8192)
    assert not replies.put(key(1), 1, bytes(1024))
    assert replies.get(key(1)) is None


def test_reply_put_again_is_the_later_one() -> None:
    replies = Replies(bytes_max=4096)
    replies.put(key(1), 1, b"first")
    replies.put(key(1), 2, b"second")
    assert replies.get(key(1)) == b"second"
    for number in range(2, 200):
        replies.put(key(number), 3, bytes(100))
    assert replies.get(key(1)) is None


def test_chain_hash_never_changes() -> None:
    """Journals hold these values."""
    first = chain_hash(ORIGIN, 1, 2, b"body")
    assert first == sha256(bytes(32 + 7) + b"\x01" + bytes(7) + b"\x02body").digest()
    assert chain_hash(first, 2, 2, b"body") != chain_hash(ORIGIN, 2, 2, b"body")
    with pytest.raises(ValueError, match="32 bytes"):
        chain_hash(bytes(31), 1, 1, b"")


def test_keys_differ_wherever_a_part_differs() -> None:
    parts = [
        ("a", "b", "c", 1, 2),
        ("ab", "", "c", 1, 2),
        ("a", "bc", "", 1, 2),
        ("a", "b", "c", 2, 1),
        ("a", "b", "c", 1, -2),
    ]
    keys = {receipt_key(*part) for part in parts}
    keys |= {natural_key(k, kind, op_no) for k in list(keys) for kind in (1, 2) for op_no in (0, 1)}
    keys |= {register_key(tenant, store, till) for tenant, store, till, _, _ in parts}
    assert len(keys) == 5 + 20 + 3
    assert {len(k) for k in keys} == {16}


def test_keys_never_change() -> None:
    """Journals hold these values."""
    receipt = receipt_key("demo", "store-1", "till-7", 12, 345)
    text = b"".join(len(part).to_bytes(8, "big") + part for part in (b"demo", b"store-1", b"till-7"))
    assert receipt == sha256(text + (12).to_bytes(8, "big") + (345).to_bytes(8, "big")).digest()[:16]
    assert natural_key(receipt, 2, 0) == sha256(receipt + bytes(7) + b"\x02" + bytes(8)).digest()[:16]
    assert register_key("demo", "store-1", "till-7") == sha256(text).digest()[:16]


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_keys_are_digests_of_texts_with_their_lengths_and_of_big_endian_numbers(shift: int, receipt: int) -> None:
    def number(value: int) -> bytes:
        return value.to_bytes(8, "big", signed=True)

    register = b"".join(number(len(text)) + text for text in (b"demo", "маг".encode(), b"r1"))
    assert register_key("demo", "маг", "r1") == sha256(register).digest()[:16]
    key = sha256(register + number(shift) + number(receipt)).digest()[:16]
    assert receipt_key("demo", "маг", "r1", shift, receipt) == key
    assert natural_key(key, 2, 7) == sha256(key + number(2) + number(7)).digest()[:16]
