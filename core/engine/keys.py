"""Keys of operations and receipts: 16-byte digests, the same for ever, in memory and in the journal's columns.

The first five parts of the natural key identify a receipt, all seven an operation (semantics §6.8).
"""

from __future__ import annotations

from hashlib import blake2b

KEY_BYTES = 16


def _digest(parts: tuple[str | int, ...]) -> bytes:
    # Every part carries its own length, so that no two lists of parts give one text.
    text = "".join(f"{len(part)}:{part}" if isinstance(part, str) else f"{part};" for part in parts)
    return blake2b(text.encode(), digest_size=KEY_BYTES).digest()


def receipt_key(tenant: str, store_id: str, register_id: str, shift_number: int, receipt_number: int) -> bytes:
    """What a Commit, its Reserve and its Cancel have in common."""
    return _digest((tenant, store_id, register_id, shift_number, receipt_number))


def natural_key(receipt: bytes, kind: int, op_no: int) -> bytes:
    """One operation on one receipt; `receipt` is its receipt_key, `kind` an OperationKind."""
    return _digest((receipt.hex(), kind, op_no))


def register_key(tenant: str, store_id: str, register_id: str) -> bytes:
    """A register, for its highest register_seq."""
    return _digest((tenant, store_id, register_id))


def expiry_op_id(hold_id: bytes) -> bytes:
    """The op_id of a hold's expiry: it happens once per hold."""
    return blake2b(hold_id, digest_size=KEY_BYTES, person=b"hold-expiry").digest()
