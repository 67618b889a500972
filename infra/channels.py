"""gRPC between processes of one installation: in plaintext, or over TLS with a certificate at both ends.

Invariant: with files given there is no way to end up in plaintext, nor to talk to a peer that the CA has not signed.
Never here: keys of callers, what is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import grpc
import grpc.aio

from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings


class PeerFiles(NamedTuple):
    """PEM files: what this end shows, its key, and the CA that has signed what the other end shows."""

    certificate: Path
    key: Path
    ca: Path


def ops_files(settings: Settings) -> PeerFiles | None:
    """Those for the management door; None: it speaks plaintext."""
    if not settings.ops_tls_certificate:
        return None
    return PeerFiles(Path(settings.ops_tls_certificate), Path(settings.ops_tls_key), Path(settings.ops_tls_ca))


def open_channel(
    address: str, files: PeerFiles | None = None, options: Sequence[tuple[str, int | str]] = ()
) -> grpc.aio.Channel:
    """`address`: host:port or unix:path. No connection is made yet. Raises Trouble for files that cannot be read."""
    if files is None:
        return grpc.aio.insecure_channel(address, options=options)
    try:
        shown = grpc.ssl_channel_credentials(*(path.read_bytes() for path in (files.ca, files.key, files.certificate)))
    except OSError as error:
        raise Trouble(f"TLS to {address} cannot be set up: {error}") from error
    return grpc.aio.secure_channel(address, shown, options=options)
