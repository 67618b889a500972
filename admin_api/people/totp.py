"""Second factors: six digits that change every 30 s (RFC 6238, SHA-1, as every authenticator app has it).

The secret is kept nowhere: it is derived from the installation's pepper and the random salt of the enrolment, so a copy
of the database opens nothing. A code is taken once: the step it belongs to must be later than the last one taken.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b32encode
from datetime import datetime
from hashlib import sha256
from urllib.parse import quote

import segno

STEP_S = 30
DIGITS = 6
SECRET_BYTES = 20
SALT_BYTES = 16
RECOVERY_CODES = 10
RECOVERY_CHARS = 10
RECOVERY_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
STEPS_AROUND = 1  # clocks of telephones differ


def secret_of(pepper: bytes, tenant: str, person_id: str, salt: bytes) -> bytes:
    """The shared secret of one enrolment."""
    told = b"\0".join((b"altyn second factor", tenant.encode(), person_id.encode(), salt))
    return hmac.digest(pepper, told, sha256)[:SECRET_BYTES]


def code_at(secret: bytes, step: int) -> str:
    """The digits of one step."""
    digest = hmac.digest(secret, step.to_bytes(8), "sha1")
    at = digest[-1] & 15
    return str((int.from_bytes(digest[at : at + 4]) & 0x7FFF_FFFF) % 10**DIGITS).zfill(DIGITS)


def step_at(now: datetime) -> int:
    return int(now.timestamp()) // STEP_S


def step_of(secret: bytes, code: str, now: datetime, last_step: int) -> int | None:
    """The step whose code this is, near now and later than the last one taken; None: it is not right."""
    nearest = step_at(now)
    given = code.encode()
    found = [
        step
        for step in range(nearest - STEPS_AROUND, nearest + STEPS_AROUND + 1)
        if hmac.compare_digest(code_at(secret, step).encode(), given) and step > last_step
    ]
    return found[0] if found else None


def enrolment_uri(secret: bytes, person_id: str, issuer: str) -> str:
    """What an authenticator app reads as a QR code."""
    label = quote(f"{issuer}:{person_id}", safe=":")
    return f"otpauth://totp/{label}?secret={text_of(secret)}&issuer={quote(issuer)}&digits={DIGITS}&period={STEP_S}"


def picture_of(uri: str) -> str:
    """The URI as a QR code: SVG in a ``data:`` address. White around it in the dark too, or no app reads it."""
    made: str = segno.make(uri, error="m", micro=False).svg_data_uri(scale=5, border=4, dark="#000", light="#fff")
    return made


def new_recovery_codes() -> list[str]:
    """What opens once each when the telephone is lost: 50 random bits, as ``abcde-fghij``."""
    texts = ["".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_CHARS)) for _ in range(RECOVERY_CODES)]
    return [f"{text[: RECOVERY_CHARS // 2]}-{text[RECOVERY_CHARS // 2 :]}" for text in texts]


def hash_recovery_code(pepper: bytes, tenant: str, person_id: str, code: str) -> bytes:
    """What is kept of one. Blanks, dashes and capitals do not count."""
    plain = "".join(code.split()).replace("-", "").lower()
    told = b"\0".join((b"altyn recovery code", tenant.encode(), person_id.encode(), plain.encode(errors="replace")))
    return hmac.digest(pepper, told, sha256)


def text_of(secret: bytes) -> str:
    """The secret as people type it."""
    return b32encode(secret).decode()
