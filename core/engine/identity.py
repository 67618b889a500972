"""Keyed hashes of what a person presents: the only form in which card numbers and phones get past the edge.

The same text gives the same hash in the back office, which stores it, and at the till, which looks it up.
"""

from __future__ import annotations

import hmac


def normalised_card(number: str) -> str:
    """Spaces and dashes do not matter, nor does the case of letters."""
    return number.replace(" ", "").replace("-", "").upper()


def normalised_phone(phone: str) -> str:
    """Digits only; a Russian number dialled with 8 is the one that begins with 7."""
    digits = "".join(digit for digit in phone if digit in "0123456789")
    return "7" + digits[1:] if len(digits) == 11 and digits[0] == "8" else digits


def card_hash(pepper: bytes, number: str) -> bytes:
    """HMAC-SHA-256, 32 bytes."""
    return hmac.digest(pepper, b"card:" + normalised_card(number).encode(), "sha256")


def phone_hash(pepper: bytes, phone: str) -> bytes:
    """HMAC-SHA-256, 32 bytes."""
    return hmac.digest(pepper, b"phone:" + normalised_phone(phone).encode(), "sha256")


def coupon_hash(pepper: bytes, code: str) -> str:
    """What the journal keeps of a code that no rule names: 16 hexadecimal digits after a mark no shared code begins
    with.
    """
    return "#" + hmac.digest(pepper, b"coupon:" + code.encode(), "sha256")[:8].hex()
