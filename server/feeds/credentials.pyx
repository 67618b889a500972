"""Register keys and certificates: whose call this is.

Stored are hashes, and a revoked key is as unknown as one nobody issued. Revocations come by the feed like any fact,
so doors ask at every call and remember nothing. Keys that have just been found are kept as they came, to spare the
hash at the next call of the register; any change of a credential forgets them all. A key with an end is unknown from
that instant on, whether or not the back office or the feed is there. A certificate is known by its fingerprint or by
one of its names; when one of these was revoked the certificate is refused, whatever else is known of it.
"""

cimport cython
from libc.stdint cimport int64_t

import hashlib
import time

cdef enum:
    RECENT_MAX = 8_192


class CertificateRevoked(Exception):
    """The back office wants no more of it."""


@cython.final
cdef class Credentials:
    """Hash of a key, a certificate or its name → the one register it speaks for."""

    def __init__(self, clock=time.time_ns):
        """`clock`: nanoseconds since 1970, asked for keys with an end only."""
        self.scopes = {}
        self.certificates = {}
        self.revoked = set()
        self.ends_us = {}
        self.recent = {}
        self.clock = clock

    def __len__(self):
        return len(self.scopes) + len(self.certificates)

    cdef object find_sent(self, str sent):
        """Whose key a field `Bearer <key>` carries, as `find`; None also for a field of another form."""
        cdef bytes key
        scope = self.recent.get(sent)
        if scope is not None or not sent.startswith("Bearer "):
            return scope
        key = sent[7:].encode()
        scope = self.find(key)
        if scope is not None and len(self.recent) < RECENT_MAX and hashlib.sha256(key).digest() not in self.ends_us:
            self.recent[sent] = scope
        return scope

    cpdef object find(self, bytes key):
        """Whose key it is; None for a key that is unknown, revoked, deleted or over."""
        cdef bytes key_hash = hashlib.sha256(key).digest()
        scope = self.scopes.get(key_hash)
        return scope if self.is_before(self.ends_us.get(key_hash)) else None

    cpdef object find_certificate(self, certificate):
        """Whose certificate it is; None for one that nobody bound to a register. Raises CertificateRevoked."""
        if not self.revoked.isdisjoint(certificate.hashes):
            raise CertificateRevoked
        for one in certificate.hashes:
            scope = self.certificates.get(one)
            if scope is not None and self.is_before(self.ends_us.get(one)):
                return scope
        return None

    def put(self, bytes key_hash not None, scope, end_us=None, *, bint of_certificate=False):
        """`key_hash`: SHA-256 of the key, or one of a certificate's hashes. `end_us`: from this UTC instant on it is
        unknown; None: no end.
        """
        self.drop(key_hash)
        (self.certificates if of_certificate else self.scopes)[key_hash] = scope
        if end_us is not None:
            self.ends_us[key_hash] = end_us

    def revoke_certificate(self, bytes key_hash not None):
        """Refuse every certificate with this hash."""
        self.drop(key_hash)
        self.revoked.add(key_hash)

    cpdef int drop(self, bytes key_hash) except -1:
        self.scopes.pop(key_hash, None)
        self.certificates.pop(key_hash, None)
        self.revoked.discard(key_hash)
        self.ends_us.pop(key_hash, None)
        self.recent.clear()
        return 0

    cdef bint is_before(self, end_us) except -1:
        cdef int64_t now_ns
        if end_us is None:
            return True
        now_ns = self.clock()
        return now_ns // 1_000 < end_us
