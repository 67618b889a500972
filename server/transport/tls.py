"""TLS of the doors: certificates from files, read anew when the files change, and who the peer is.

TLS 1.3 alone. With a CA of clients every peer must show a certificate that the CA has signed. Invariants: what cannot
be read or does not fit together never takes the place of what is in force; every handshake is a whole one, so that
nobody lives on a certificate that was verified long ago. Never here: which register a certificate speaks for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from altyn.infra.certificates import Certificate, certificate_of, ends_at_s
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings, split_address
from altyn.server.transport.door import UNIX

LOOK_EVERY_S = 5.0
# What is spoken inside, as TLS names it.
H2 = "h2"
HTTP1 = "http/1.1"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the server's certificate with its chain, its key, and the CA of clients, if they must show one."""

    certificate: Path
    key: Path
    clients_ca: Path | None = None

    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """Changes when a file does, replaced links included."""
        states = [path.stat() for path in (self.certificate, self.key, self.clients_ca) if path is not None]
        return tuple((state.st_mtime_ns, state.st_size, state.st_ino) for state in states)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files held at one time. `clients_ca` is None when clients show nothing."""

    stamp: tuple[tuple[int, int, int], ...]
    contexts: Mapping[str, ssl.SSLContext]  # by what is spoken inside
    certificate: bytes
    key: bytes
    clients_ca: bytes | None
    ends_at_s: int


class Tls:
    """What doors use. Connections that are open keep what they were made with."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises Trouble for files that cannot be used."""
        self._files = files
        try:
            self.loaded = _load(files)
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise Trouble(f"TLS cannot be set up from {_names(files)}: {error}") from error
        self._seen = self.loaded.stamp

    @property
    def ends_at_s(self) -> int:
        """When the certificate in force ends, UTC seconds."""
        return self.loaded.ends_at_s

    @property
    def asks_clients(self) -> bool:
        """Whether clients must show a certificate."""
        return self.loaded.clients_ca is not None

    def listener(self, inside: str) -> ssl.SSLContext:
        """For a listener, which keeps it for ever: it hands each handshake over to the context in force."""

        def hand_over(handshake: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
            handshake.context = self.loaded.contexts[inside]

        context = _bare_context(self._files, inside)
        context.sni_callback = hand_over
        return context

    def refresh(self) -> bool:
        """Look at the files; True when what they hold now is in force since this call."""
        try:
            stamp = self._files.stamp()
            if stamp == self._seen:
                return False
            self._seen = stamp
            loaded = _load(self._files)
        except (OSError, ValueError) as error:
            log.error("tls_files_refused", files=_names(self._files), error=str(error))
            return False
        if loaded.stamp != stamp:
            self._seen = ()  # they change under our eyes: look once more
            return False
        self.loaded = loaded
        log.info("tls_files_taken", files=_names(self._files))
        return True

    async def watch(self) -> None:
        """Follow the files until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.refresh()


def tls_of(settings: Settings) -> Tls | None:
    """What the settings ask for of the registers' doors. Raises Trouble for files that cannot be used, and for
    plaintext that others reach, at any door.
    """
    tls = None
    if settings.tls_certificate:
        clients_ca = Path(settings.tls_clients_ca) if settings.tls_clients_ca else None
        tls = Tls(TlsFiles(Path(settings.tls_certificate), Path(settings.tls_key), clients_ca))
    for name, files in (("grpc_listen", "tls"), ("json_listen", "tls"), ("ops_listen", "ops_tls")):
        address = getattr(settings, name)
        if (
            address
            and not getattr(settings, f"{files}_certificate")
            and not settings.plaintext
            and not is_loopback(address)
        ):
            cure = f"give ALTYN_{files.upper()}_CERTIFICATE and what belongs to it, "
            raise Trouble(
                f"ALTYN_{name.upper()}={address} would be open to others in plaintext: {cure}listen on loopback or a "
                "unix socket, or set ALTYN_PLAINTEXT=true where the network is private or a proxy speaks TLS"
            )
    return tls


def ops_tls_of(settings: Settings) -> Tls | None:
    """That of the management door, where each side shows the other a certificate. Raises Trouble."""
    if not settings.ops_tls_certificate:
        return None
    return Tls(TlsFiles(Path(settings.ops_tls_certificate), Path(settings.ops_tls_key), Path(settings.ops_tls_ca)))


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches `host:port` or `unix:path`."""
    if address.startswith(UNIX):
        return True
    host, _ = split_address(address)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def peer_certificate(handshake: ssl.SSLObject | None) -> Certificate | None:
    """Of the peer at the other end; None without TLS, and for one that showed nothing."""
    der = handshake.getpeercert(binary_form=True) if handshake is not None else None
    if handshake is None or der is None:
        return None
    told: dict[str, Any] = handshake.getpeercert() or {}
    others = [pair for pair in told.get("subjectAltName", ()) if len(pair) == 2]
    names = [value for kind in ("URI", "DNS") for found, value in others if found == kind]
    names += [value for part in told.get("subject", ()) for key, value in part if key == "commonName"]
    return certificate_of(der, names)


def _load(files: TlsFiles) -> Loaded:
    """OSError or ValueError for what is missing, malformed or does not fit together."""
    stamp = files.stamp()
    contexts = {inside: _bare_context(files, inside) for inside in (H2, HTTP1)}
    for context in contexts.values():
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    ca = files.clients_ca
    certificate = files.certificate.read_bytes()
    return Loaded(
        stamp,
        contexts,
        certificate,
        files.key.read_bytes(),
        ca.read_bytes() if ca else None,
        ends_at_s(ssl.PEM_cert_to_DER_cert(_first_of(certificate))),
    )


def _first_of(chain: bytes) -> str:
    """The server's own certificate, which comes first."""
    text = chain.decode("ascii", "replace")
    begin, end = text.find(ssl.PEM_HEADER), text.find(ssl.PEM_FOOTER)
    return text[begin : end + len(ssl.PEM_FOOTER)]


def _bare_context(files: TlsFiles, inside: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([inside])
    context.num_tickets = 0
    if files.clients_ca is not None:
        context.load_verify_locations(files.clients_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted; give one that is not, in a file only the server may read")


def _names(files: TlsFiles) -> str:
    return ", ".join(str(path) for path in (files.certificate, files.key, files.clients_ca) if path is not None)
