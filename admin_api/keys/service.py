"""Use cases of keys: 256 random bits, shown once, kept as SHA-256. Nobody gives a scope they do not have."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.scopes import SCOPES
from altyn.admin_api.keys import repository
from altyn.admin_api.keys.errors import KeyUnknown, LastKey, ScopeNotYours, ScopeUnknown

KEY_BYTES = 32
KEY_ID_DIGITS = 16


def hash_key(key: str) -> bytes:
    """What is kept of a key: SHA-256 of its text."""
    return hashlib.sha256(key.encode()).digest()


def key_id_of(key: str) -> str:
    """The public name of a key: the beginning of its hash."""
    return hash_key(key).hex()[:KEY_ID_DIGITS]


async def issue_key(call: Call, *, title: str, scopes: Sequence[str]) -> str:
    """A new key. Raises ScopeUnknown, ScopeNotYours."""
    wanted = sorted(set(scopes))
    for scope in wanted:
        if scope not in SCOPES:
            raise ScopeUnknown(f"no scope {scope[:60]}; there are {', '.join(SCOPES)}", path="scopes")
        if scope not in call.scopes:
            raise ScopeNotYours(f"your key does not have {scope}", path="scopes")
    key = secrets.token_hex(KEY_BYTES)
    key_id = key_id_of(key)
    await repository.insert_key(
        call.connection, call.tenant, key_id, hash_key(key), title, wanted, call.now, call.actor
    )
    call.record("keys.issue", "api_key", key_id, after={"title": title, "scopes": wanted})
    call.answer_is_secret = True
    return key


async def revoke_key(call: Call, *, key_id: str) -> None:
    """Raises KeyUnknown, LastKey."""
    if await repository.live_issuers(call.connection, call.tenant) == [key_id]:
        raise LastKey("this is the last key that may issue keys; issue another first", path="key_id")
    title = await repository.revoke_key(call.connection, call.tenant, key_id, call.now, call.actor)
    if title is None:
        raise KeyUnknown(f"no live key {key_id}", path="key_id")
    call.record("keys.revoke", "api_key", key_id, before={"title": title})
