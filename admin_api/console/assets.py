"""Files of the console as a browser gets them: named by their contents, kept for a year, packed once.

Invariants: an address never changes its contents; nothing outside ``static/`` is ever read. It decides nothing about
who may see them: there is nothing of the retailer's in them.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
KEPT = "public, max-age=31536000, immutable"
HASH_CHARS = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and packed."""

    name: str
    hash: str
    kind: str
    plain: bytes
    packed: bytes

    @property
    def address(self) -> str:
        return f"/console/static/{self.hash}/{self.name}"


@cache
def assets() -> Mapping[str, Asset]:
    """All files by their name under ``static/``."""
    root = resources.files("altyn.admin_api.console") / "static"
    found: dict[str, Asset] = {}
    for folder in (root, root / "vendor"):
        for path in folder.iterdir():
            kind = KINDS.get(path.name.rpartition(".")[2])
            if kind is not None:
                plain = path.read_bytes()
                digest = hashlib.sha256(plain).hexdigest()[:HASH_CHARS]
                found[path.name] = Asset(path.name, digest, kind, plain, gzip.compress(plain, 6, mtime=0))
    return found


def address_of(name: str) -> str:
    """Where a browser finds a file. Raises KeyError."""
    return assets()[name].address


async def get_asset(request: Request) -> Response:
    """A file under the hash of its contents; any other hash is not here."""
    asset = assets().get(request.path_params["name"])
    if asset is None or asset.hash != request.path_params["hash"]:
        return Response(status_code=404)
    headers = {"cache-control": KEPT, "vary": "accept-encoding", "x-content-type-options": "nosniff"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers=headers | {"content-encoding": "gzip"}, media_type=asset.kind)
    return Response(asset.plain, headers=headers, media_type=asset.kind)
