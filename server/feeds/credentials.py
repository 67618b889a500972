"""Register keys: whose call this is.

Stored are hashes, and a revoked key is as unknown as one nobody issued. Revocations come by the feed like any fact,
so doors ask at every call and remember nothing. Keys that have just been found are kept as they came, to spare the
hash at the next call of the register; any change of a credential forgets them all. A key with an end is unknown from
that instant on, whether or not the back office or the feed is there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from altyn.core.engine.types import Scope

RECENT_MAX = 8_192


class Credentials:
    """Key hash → the one register the key speaks for."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        """`clock`: nanoseconds since 1970, asked for keys with an end only."""
        self._scopes: dict[bytes, Scope] = {}
        self._ends_us: dict[bytes, int] = {}
        self._recent: dict[bytes, Scope] = {}
        self._clock = clock

    def __len__(self) -> int:
        return len(self._scopes)

    def find(self, key: bytes) -> Scope | None:
        """Whose key it is; None for a key that is unknown, revoked, deleted or over."""
        scope = self._recent.get(key)
        if scope is None:
            key_hash = hashlib.sha256(key).digest()
            scope = self._scopes.get(key_hash)
            end_us = self._ends_us.get(key_hash)
            if end_us is not None:
                return scope if self._clock() // 1_000 < end_us else None
            if scope is not None and len(self._recent) < RECENT_MAX:
                self._recent[key] = scope
        return scope

    def put(self, key_hash: bytes, scope: Scope, end_us: int | None = None) -> None:
        """`key_hash`: SHA-256 of the key. `end_us`: from this UTC instant on the key is unknown; None: no end."""
        self.drop(key_hash)
        self._scopes[key_hash] = scope
        if end_us is not None:
            self._ends_us[key_hash] = end_us

    def drop(self, key_hash: bytes) -> None:
        self._scopes.pop(key_hash, None)
        self._ends_us.pop(key_hash, None)
        self._recent.clear()
