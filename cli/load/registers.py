"""Makes registers for a load test through the back office's API, and writes their keys where Locust reads them.

Stores and registers are put, so saying it again makes nothing new but keys: a key is shown once. The key of the back
office travels over TLS, or stays on this machine.
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from altyn.infra.errors import Trouble

PATIENCE_S = 30.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BackOffice:
    """Calls that write, each under an Idempotency-Key of its own."""

    def __init__(self, url: str, key: str, ca: Path | None = None) -> None:
        """Raises Trouble when the key would travel unprotected, OSError when ``ca`` cannot be read."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise Trouble(f"--admin {url}: not an http address")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise Trouble(f"--admin {url}: the key would travel unprotected; use https")
        self._url = url.rstrip("/")
        self._key = key
        self._tls = ssl.create_default_context(cafile=str(ca) if ca else None) if parts.scheme == "https" else None

    def write(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer's JSON. Trouble with the back office's own words when it says no."""
        request = urllib.request.Request(self._url + path, method=method)
        request.add_header("Authorization", f"Bearer {self._key}")
        request.add_header("Idempotency-Key", str(uuid.uuid4()))
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S, context=self._tls) as answer:
                found: dict[str, Any] = json.loads(answer.read() or b"{}")
                return found
        except urllib.error.HTTPError as error:
            raise Trouble(f"{method} {path}: {error.code}: {error.read(2000).decode('utf-8', 'replace')}") from error


def make_registers(
    office: BackOffice,
    *,
    prefix: str,
    stores_count: int,
    registers_count: int,
    store: dict[str, Any],
    on_register: Callable[[], None] = lambda: None,
) -> list[dict[str, str]]:
    """``registers_count`` in each of ``stores_count`` stores: what the file of registers holds. Trouble, OSError."""
    found = []
    for store_number in range(1, stores_count + 1):
        store_id = f"{prefix}-{store_number}"
        office.write("PUT", f"/v1/stores/{quote(store_id)}", store | {"title": f"Load test {store_number}"})
        for number in range(1, registers_count + 1):
            register_id = f"{store_id}-{number}"
            path = f"/v1/stores/{quote(store_id)}/registers/{quote(register_id)}"
            office.write("PUT", path, {"title": register_id})
            issued = office.write("POST", f"{path}/keys")
            found.append({"store_id": store_id, "register_id": register_id, "key": issued["key"]})
            on_register()
    return found


def write_registers(path: Path, registers: list[dict[str, str]]) -> None:
    """Readable by its owner only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(registers, file, indent=1)
