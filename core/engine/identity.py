"""Keyed hashes of what a person presents: the only form in which card numbers and phones get past the edge.

The same text gives the same hash in the back office, which stores it, and at the till, which looks it up.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import Any

_BLOCK_BYTES = 64


def normalised_card(number: str) -> str:
    """Spaces and dashes do not matter, nor does the case of letters."""
    return number.replace(" ", "").replace("-", "").upper()


def normalised_phone(phone: str) -> str:
    """Digits only; a Russian number dialled with 8 is the one that begins with 7."""
    digits = "".join(digit for digit in phone if digit in "0123456789")
    return "7" + digits[1:] if len(digits) == 11 and digits[0] == "8" else digits


@cache
def _keyed(pepper: bytes) -> tuple[Any, Any]:
    """SHA-256 that has taken the key's inner and outer block: a server has one pepper, so they are hashed once."""
    key = (pepper if len(pepper) <= _BLOCK_BYTES else sha256(pepper).digest()).ljust(_BLOCK_BYTES, b"\0")
    return sha256(bytes(byte ^ 0x36 for byte in key)), sha256(bytes(byte ^ 0x5C for byte in key))


def keyed_hash(pepper: bytes, text: bytes) -> bytes:
    """HMAC-SHA-256, 32 bytes."""
    inner, outer = _keyed(pepper)
    made, result = inner.copy(), outer.copy()
    made.update(text)
    result.update(made.digest())
    digest: bytes = result.digest()
    return digest


def card_hash(pepper: bytes, number: str) -> bytes:
    """HMAC-SHA-256, 32 bytes."""
    return keyed_hash(pepper, b"card:" + normalised_card(number).encode())


def phone_hash(pepper: bytes, phone: str) -> bytes:
    """HMAC-SHA-256, 32 bytes."""
    return keyed_hash(pepper, b"phone:" + normalised_phone(phone).encode())


def coupon_hash(pepper: bytes, code: str) -> str:
    """What the journal keeps of a code that no rule names: 16 hexadecimal digits after a mark no shared code begins
    with.
    """
    return "#" + keyed_hash(pepper, b"coupon:" + code.encode())[:8].hex()
