"""Register keys and certificates: whose call this is.

Stored are hashes, and a revoked key is as unknown as one nobody issued. Revocations come by the feed like any fact,
so doors ask at every call and remember nothing. Keys that have just been found are kept as they came, to spare the
hash at the next call of the register; any change of a credential forgets them all. A key with an end is unknown from
that instant on, whether or not the back office or the feed is there. A certificate is known by its fingerprint or by
one of its names; when one of these was revoked the certificate is refused, whatever else is known of it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from altyn.core.engine.types import Scope
from altyn.infra.certificates import Certificate

RECENT_MAX = 8_192


class CertificateRevoked(Exception):
    """The back office wants no more of it."""


class Credentials:
    """Hash of a key, a certificate or its name → the one register it speaks for."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        """`clock`: nanoseconds since 1970, asked for keys with an end only."""
        self._scopes: dict[bytes, Scope] = {}
        self._certificates: dict[bytes, Scope] = {}
        self._revoked: set[bytes] = set()  # of certificates and their names
        self._ends_us: dict[bytes, int] = {}
        self._recent: dict[bytes, Scope] = {}
        self._clock = clock

    def __len__(self) -> int:
        return len(self._scopes) + len(self._certificates)

    def find(self, key: bytes) -> Scope | None:
        """Whose key it is; None for a key that is unknown, revoked, deleted or over."""
        scope = self._recent.get(key)
        if scope is None:
            key_hash = hashlib.sha256(key).digest()
            scope = self._scopes.get(key_hash)
            end_us = self._ends_us.get(key_hash)
            if end_us is not None:
                return scope if self._is_before(end_us) else None
            if scope is not None and len(self._recent) < RECENT_MAX:
                self._recent[key] = scope
        return scope

    def find_certificate(self, certificate: Certificate) -> Scope | None:
        """Whose certificate it is; None for one that nobody bound to a register. Raises CertificateRevoked."""
        if not self._revoked.isdisjoint(certificate.hashes):
            raise CertificateRevoked
        for one in certificate.hashes:
            scope = self._certificates.get(one)
            if scope is not None and self._is_before(self._ends_us.get(one)):
                return scope
        return None

    def put(self, key_hash: bytes, scope: Scope, end_us: int | None = None, *, of_certificate: bool = False) -> None:
        """`key_hash`: SHA-256 of the key, or one of a certificate's hashes. `end_us`: from this UTC instant on it is
        unknown; None: no end.
        """
        self.drop(key_hash)
        (self._certificates if of_certificate else self._scopes)[key_hash] = scope
        if end_us is not None:
            self._ends_us[key_hash] = end_us

    def revoke_certificate(self, key_hash: bytes) -> None:
        """Refuse every certificate with this hash."""
        self.drop(key_hash)
        self._revoked.add(key_hash)

    def drop(self, key_hash: bytes) -> None:
        self._scopes.pop(key_hash, None)
        self._certificates.pop(key_hash, None)
        self._revoked.discard(key_hash)
        self._ends_us.pop(key_hash, None)
        self._recent.clear()

    def _is_before(self, end_us: int | None) -> bool:
        return end_us is None or self._clock() // 1_000 < end_us
