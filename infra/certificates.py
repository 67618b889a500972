"""What is kept of a client certificate, so that it can be known again: hashes of itself and of its names.

Both sides of the table use it: whoever binds a certificate, and whoever is shown one. A name counts as it stands:
wildcards are not expanded, letters are not folded. Never here: whether a certificate is valid, which TLS has decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

# A key is a text as well: without the tag a known name would be a known key.
NAME_TAG = b"certificate name\0"
NAME_BYTES_MAX = 256
NAMES_MAX = 16


class Certificate(NamedTuple):
    """Of a peer's certificate that TLS has verified: its fingerprint, then its names, each 32 bytes."""

    hashes: tuple[bytes, ...]


def fingerprint_of(der: bytes) -> bytes:
    """SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` has it."""
    return hashlib.sha256(der).digest()


def hash_name(name: str) -> bytes:
    """SHA-256 of a name, tagged."""
    return hashlib.sha256(NAME_TAG + name.encode()).digest()


def certificate_of(der: bytes, names: Iterable[str]) -> Certificate:
    """`names`: URIs, DNS names and common names, in this order. Of more than `NAMES_MAX` the first count."""
    known = [name for name in dict.fromkeys(names) if 0 < len(name.encode()) <= NAME_BYTES_MAX]
    return Certificate((fingerprint_of(der), *map(hash_name, known[:NAMES_MAX])))
