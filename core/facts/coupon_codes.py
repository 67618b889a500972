"""Coupon codes as text: how they are compared, hashed, checked and built from a template.

A code is compared after trimming blanks and ASCII upper-casing, as conditions on shared codes are. It is kept as the
first 16 bytes of HMAC-SHA-256 under the identity key; their first 8 are what the journal keeps of an unknown code.
Random characters come from whoever calls: this must never draw them itself. Codes of serial series are made by
serial_codes.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: they are misread
CODE_HASH_BYTES = 16
CODE_BYTES_MAX = 64
BODY = "#"
CHECK = "?"
ISSUED_FORM = "############?"  # of codes that receipts issue, when the series' own has no room


def normalised_code(code: str) -> str:
    """Blanks around do not matter, nor does the case of ASCII letters."""
    return "".join(one.upper() if "a" <= one <= "z" else one for one in code.strip(" \t"))


def code_hash(pepper: bytes, code: str) -> bytes:
    """16 bytes of the keyed hash."""
    return hmac.digest(pepper, b"coupon:" + normalised_code(code).encode(), "sha256")[:CODE_HASH_BYTES]


def serial_key(series_no: int, serial: int) -> bytes:
    """What stands for a code known by its serial where others have their hash: 16 bytes."""
    return serial.to_bytes(8, "little") + series_no.to_bytes(8, "little")


def key_of(told: Any) -> bytes:
    """The identity of a code in a message that names one, 16 bytes; none: empty."""
    key: bytes = serial_key(told.series_no, told.serial) if told.serial else told.code_hash
    return key


def check_character(text: str) -> str:
    """A polynomial in 3 modulo 31: tells every wrong character of ALPHABET and every swap of neighbours, unless it is
    0 for Z. Other characters of ``text`` are passed over.
    """
    total = 0
    for one in text:
        place = ALPHABET.find(one)
        if place >= 0:
            total = (total * 3 + place + 1) % 31
    return ALPHABET[total]


def count_of_codes(template: str) -> int:
    """How many codes a template can give."""
    return int(len(ALPHABET) ** template.count(BODY))


def forms_meet(one: str, other: str) -> bool:
    """Whether a text may have the form of both templates. Of check characters only that they are of the alphabet is
    looked at.
    """
    return len(one) == len(other) and all(
        a == b or (a in "#?" and (b in "#?" or b in ALPHABET)) or (b in "#?" and a in ALPHABET)
        for a, b in zip(one, other, strict=True)
    )


def code_of(template: str, draw: Callable[[], str]) -> str:
    """A code: every ``#`` becomes a drawn character, every ``?`` the check character of what stands before it."""
    made = ""
    for one in template:
        made += draw() if one == BODY else check_character(made) if one == CHECK else one
    return made


def is_code_of(template: str, code: str) -> bool:
    """Whether a normalised code has the form of the template, check characters included."""
    if len(code) != len(template):
        return False
    for at, (wanted, one) in enumerate(zip(template, code, strict=True)):
        expected = check_character(code[:at]) if wanted == CHECK else wanted
        if one not in ALPHABET if wanted == BODY else one != expected:
            return False
    return True
