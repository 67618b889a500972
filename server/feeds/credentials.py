"""Register keys: whose call this is.

Stored are hashes, and a revoked key is as unknown as one nobody issued. Revocations come by the feed like any fact,
so doors ask at every call and remember nothing. Keys that have just been found are kept as they came, to spare the
hash at the next call of the register; any change of a credential forgets them all.
"""

from __future__ import annotations

import hashlib

from altyn.core.engine.types import Scope

RECENT_MAX = 8_192


class Credentials:
    """Key hash → the one register the key speaks for."""

    def __init__(self) -> None:
        self._scopes: dict[bytes, Scope] = {}
        self._recent: dict[bytes, Scope] = {}

    def __len__(self) -> int:
        return len(self._scopes)

    def find(self, key: bytes) -> Scope | None:
        """Whose key it is; None for a key that is unknown, revoked or deleted."""
        scope = self._recent.get(key)
        if scope is None:
            scope = self._scopes.get(hashlib.sha256(key).digest())
            if scope is not None and len(self._recent) < RECENT_MAX:
                self._recent[key] = scope
        return scope

    def put(self, key_hash: bytes, scope: Scope) -> None:
        """`key_hash`: SHA-256 of the key."""
        self._scopes[key_hash] = scope
        self._recent.clear()

    def drop(self, key_hash: bytes) -> None:
        self._scopes.pop(key_hash, None)
        self._recent.clear()
