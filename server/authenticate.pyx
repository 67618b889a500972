"""Who calls a door of the registers: by the certificate that TLS has verified, else by the key that was sent.

Asked at every call, so that what the back office takes back is gone at the next one. Never here: what a caller may do.
"""

cimport cython

from altyn.server.feeds.credentials cimport Credentials
from altyn.server.pace cimport Pace

from altyn.core.engine import CallRefused
from altyn.server.feeds.credentials import CertificateRevoked


cdef str authorization(metadata):
    """The first field `authorization` that carries a key, as it came; empty when there is none."""
    for name, value in metadata:
        if name == "authorization" and isinstance(value, str) and (<str>value).startswith("Bearer "):
            return <str>value
    return ""


def bearer(metadata):
    """The key of `authorization: Bearer …`; empty when there is none."""
    return authorization(metadata)[7:]


@cython.final
cdef class RegisterAuthenticate:
    """The register that the certificate speaks for; of one that nobody bound, that of `authorization: Bearer <key>`.

    `pace`: how many calls it may make.
    """

    cdef Credentials credentials
    cdef Pace pace

    def __init__(self, Credentials credentials not None, Pace pace=None):
        self.credentials = credentials
        self.pace = pace

    def __call__(self, metadata, certificate):
        scope = None
        if certificate is not None:
            try:
                scope = self.credentials.find_certificate(certificate)
            except CertificateRevoked:
                raise CallRefused(
                    "UNAUTHENTICATED", "CREDENTIAL_UNKNOWN", "certificate", "the register's certificate is revoked"
                ) from None
        if scope is None:
            scope = self.credentials.find_sent(authorization(metadata))
        if scope is None:
            raise CallRefused(
                "UNAUTHENTICATED", "CREDENTIAL_UNKNOWN", "authorization", "the register's key is unknown or revoked"
            )
        if self.pace is not None:
            self.pace.take(scope)
        return scope
