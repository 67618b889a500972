"""Certificates made for a test: an authority, and what it signs."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import grpc
import pytest

from altyn.infra.certificates import fingerprint_of
from altyn.server.transport.tls import Tls, TlsFiles

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Authority:
    """A CA in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("no openssl here to make certificates")
        folder.mkdir(parents=True)
        self.folder = folder
        self._run(
            "req", "-x509", *EC, "-days", "2", "-keyout", "ca.key", "-out", "ca.crt", "-subj", f"/CN={folder.name}"
        )
        self.ca = folder / "ca.crt"

    def sign(self, name: str, others: str = "DNS:localhost", days: int = 2) -> Path:
        """A certificate, beside its key; negative `days`: it ended so long ago."""
        self._run("req", *EC, "-keyout", f"{name}.key", "-out", "csr", "-subj", f"/CN={name}")
        (self.folder / "extensions").write_text(f"subjectAltName={others}\n")
        signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", str(days)]
        self._run("x509", "-req", "-in", "csr", *signed, "-extfile", "extensions", "-out", f"{name}.crt")
        return self.folder / f"{name}.crt"

    def _run(self, *command: str) -> None:
        subprocess.run(["openssl", *command], cwd=self.folder, check=True, capture_output=True)


def key_of(certificate: Path) -> Path:
    return certificate.with_suffix(".key")


def fingerprint(certificate: Path) -> bytes:
    return fingerprint_of(ssl.PEM_cert_to_DER_cert(certificate.read_text()))


def server_tls(certificate: Path, clients: Authority | None = None) -> Tls:
    return Tls(TlsFiles(certificate, key_of(certificate), clients.ca if clients else None))


def client_credentials(server: Authority, shown: Path | None = None) -> grpc.ChannelCredentials:
    """Of a client that trusts `server` and shows a certificate, or none."""
    if shown is None:
        return grpc.ssl_channel_credentials(server.ca.read_bytes())
    return grpc.ssl_channel_credentials(server.ca.read_bytes(), key_of(shown).read_bytes(), shown.read_bytes())
