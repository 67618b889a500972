"""Register keys: whose call this is.

Only hashes are kept, and a revoked key is as unknown as one nobody issued. Revocations come by the feed like any
fact, so doors ask at every call and remember nothing.
"""

from __future__ import annotations

import hashlib

from altyn.core.engine.types import Scope


class Credentials:
    """Key hash → the one register the key speaks for."""

    def __init__(self) -> None:
        self._scopes: dict[bytes, Scope] = {}

    def __len__(self) -> int:
        return len(self._scopes)

    def find(self, key: bytes) -> Scope | None:
        """Whose key it is; None for a key that is unknown, revoked or deleted."""
        return self._scopes.get(hashlib.sha256(key).digest())

    def put(self, key_hash: bytes, scope: Scope) -> None:
        """`key_hash`: SHA-256 of the key."""
        self._scopes[key_hash] = scope

    def drop(self, key_hash: bytes) -> None:
        self._scopes.pop(key_hash, None)
