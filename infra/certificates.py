"""What is kept of a client certificate, so that it can be known again: hashes of itself and of its names.

Both sides of the table use it: whoever binds a certificate, and whoever is shown one. A name counts as it stands:
wildcards are not expanded, letters are not folded. Never here: whether a certificate is valid, which TLS has decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

# A key is a text as well: without the tag a known name would be a known key.
NAME_TAG = b"certificate name\0"
NAME_BYTES_MAX = 256
NAMES_MAX = 16
FIELDS_READ_MAX = 6
VERSION_TAG = 0xA0
GENERALIZED_TIME = 0x18


class Certificate(NamedTuple):
    """Of a peer's certificate that TLS has verified: its fingerprint, then its names, each 32 bytes."""

    hashes: tuple[bytes, ...]


def fingerprint_of(der: bytes) -> bytes:
    """SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` has it."""
    return hashlib.sha256(der).digest()


def ends_at_s(der: bytes) -> int:
    """When a certificate ends, UTC seconds: `notAfter` of RFC 5280 §4.1.2.5. ValueError for what is no certificate."""
    try:
        _, whole, _ = _element(der, 0)
        _, start, end = _element(der, whole)
        fields: list[tuple[int, int]] = []
        while start < end and len(fields) < FIELDS_READ_MAX:
            tag, begin, start = _element(der, start)
            fields.append((tag, begin))
        # version is tagged and may be left out; then serial number, algorithm, issuer, validity.
        _, validity = fields[4 if fields[0][0] == VERSION_TAG else 3]
        _, _, after_first = _element(der, validity)
        tag, begin, end = _element(der, after_first)
        text = der[begin:end].decode("ascii")
        century = "" if tag == GENERALIZED_TIME else "20" if text[:2] < "50" else "19"
        ends = datetime.strptime(century + text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except (IndexError, ValueError) as error:
        raise ValueError(f"not a certificate: {error}") from None
    return int(ends.timestamp())


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Of the DER element that begins there: its tag, where its content begins, where it ends."""
    tag, size, at = der[at], der[at + 1], at + 2
    if size >= 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(der[at : at + count]), at + count
    if at + size > len(der):
        raise ValueError("it is cut off")
    return tag, at, at + size


def hash_name(name: str) -> bytes:
    """SHA-256 of a name, tagged."""
    return hashlib.sha256(NAME_TAG + name.encode()).digest()


def certificate_of(der: bytes, names: Iterable[str]) -> Certificate:
    """`names`: URIs, DNS names and common names, in this order. Of more than `NAMES_MAX` the first count."""
    known = [name for name in dict.fromkeys(names) if 0 < len(name.encode()) <= NAME_BYTES_MAX]
    return Certificate((fingerprint_of(der), *map(hash_name, known[:NAMES_MAX])))
