"""Keyed hashes of what a person presents: the only form in which card numbers and phones get past the edge.

The same text gives the same hash in the back office, which stores it, and at the till, which looks it up.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import Any

_BLOCK_BYTES = 64
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
QR_EPOCH_US = 1_767_225_600_000_000  # 2026-01-01
QR_UNIT_US = 10_000_000
CODE_STEP_US = 300_000_000


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


def qr_token(pepper: bytes, card_id: int, expires_at_us: int, nonce: bytes) -> str:
    """The token of a virtual card: 34 characters, ``A1`` and Crockford's base 32 of 20 bytes. It ends with the last
    whole ten seconds before `expires_at_us`; `nonce`: 2 random bytes. core/engine/qr_token reads it.
    """
    units = (expires_at_us - QR_EPOCH_US) // QR_UNIT_US
    body = card_id.to_bytes(6, "big") + units.to_bytes(4, "big") + nonce
    packed = int.from_bytes(body + keyed_hash(pepper, b"qr-token:" + body)[:8], "big")
    return "A1" + "".join(_CROCKFORD[packed >> 5 * place & 31] for place in reversed(range(32)))


def one_time_code(pepper: bytes, phone_hash: bytes, step: int) -> str:
    """The six digits the owner of a phone is sent in this step of CODE_STEP_US since 1970. `phone_hash`: 32 bytes.
    core/engine/one_time_code knows them again, in their step and the next.
    """
    made = keyed_hash(pepper, b"one-time-code:" + phone_hash + step.to_bytes(8, "big"))
    return f"{int.from_bytes(made[:8], 'big') % 1_000_000:06d}"


def gift_card_hash(pepper: bytes, number: str) -> bytes:
    """HMAC-SHA-256, 32 bytes."""
    return keyed_hash(pepper, b"gift-card:" + normalised_card(number).encode())


def pin_hash(pepper: bytes, number: str, pin: str) -> bytes:
    """HMAC-SHA-256, 32 bytes: of one PIN another one for every gift card."""
    return keyed_hash(pepper, b"gift-card-pin:" + normalised_card(number).encode() + b":" + pin.encode())


def gift_card_mark(number_hash: bytes) -> str:
    """What the journal keeps of a gift card's number: 16 hexadecimal digits after a mark no number begins with."""
    return "#" + number_hash[:8].hex()


def coupon_hash(pepper: bytes, code: str) -> str:
    """What the journal keeps of a code that no rule names: 16 hexadecimal digits after a mark no shared code begins
    with.
    """
    return "#" + keyed_hash(pepper, b"coupon:" + code.encode())[:8].hex()
