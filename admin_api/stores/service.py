"""Use cases of stores, registers, and the keys and certificates registers speak with.

A key is 256 random bits, shown once; only its SHA-256 is kept, which is also its public id. A certificate is bound by
its fingerprint, or by a name it carries, under which it may be renewed. Revocation is a new row, and a register that
goes takes its keys and certificates with it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from altyn.admin_api.edge.call import Call
from altyn.admin_api.facts import CREDENTIALS, REGISTERS, STORES
from altyn.admin_api.program.repository import find_program
from altyn.admin_api.stores import repository
from altyn.admin_api.stores.errors import (
    CertificateBound,
    MoneyFixed,
    RegisterKeyUnknown,
    RegisterUnknown,
    StoreInUse,
    StoreUnknown,
)
from altyn.infra.certificates import hash_name

KEY_BYTES = 32


def hash_key(key: str) -> bytes:
    """What is kept of a register's key: SHA-256 of its text."""
    return hashlib.sha256(key.encode()).digest()


async def put_store(call: Call, *, store_id: str, values: Mapping[str, Any]) -> None:
    """Create a store or replace its attributes. Raises MoneyFixed."""
    await call.feed.lock()
    before = await repository.find_store(call.connection, call.tenant, store_id)
    program = await find_program(call.connection, call.tenant)
    values = {name: program[name] if value is None else value for name, value in values.items()}
    money = ("currency", "exponent")
    differs = before is not None and any(before[name] != values[name] for name in money)
    if differs and await repository.has_receipts(call.connection, store_id):
        raise MoneyFixed("receipts were made in the store's currency: it never changes", path="currency")
    if await call.feed.put(STORES, [(store_id, *(values[name] for name in STORES.values))]):
        told = {name: before[name] for name in STORES.values} if before else None
        call.record("stores.put", "store", store_id, before=told, after=values)


async def delete_store(call: Call, *, store_id: str) -> None:
    """Raises StoreUnknown, StoreInUse."""
    await call.feed.lock()
    before = await repository.find_store(call.connection, call.tenant, store_id)
    if before is None:
        raise StoreUnknown(f"no store {store_id}", path="store_id")
    if await repository.list_registers(call.connection, call.tenant, store_id):
        raise StoreInUse(f"store {store_id} has registers; delete them first", path="store_id")
    values = {name: before[name] for name in STORES.values}
    await call.feed.put(STORES, [(store_id, *values.values())], deleted=True)
    call.record("stores.delete", "store", store_id, before=values)


async def put_register(call: Call, *, store_id: str, register_id: str, title: str) -> None:
    """Create a register or change its title. Raises StoreUnknown."""
    await call.feed.lock()
    if await repository.find_store(call.connection, call.tenant, store_id) is None:
        raise StoreUnknown(f"no store {store_id}", path="store_id")
    before = await repository.find_register(call.connection, call.tenant, store_id, register_id)
    if await call.feed.put(REGISTERS, [(store_id, register_id, title)]):
        told = {"title": before["title"]} if before else None
        call.record("registers.put", "register", f"{store_id}/{register_id}", before=told, after={"title": title})


async def delete_register(call: Call, *, store_id: str, register_id: str) -> None:
    """Delete a register and revoke its keys. Raises RegisterUnknown."""
    await call.feed.lock()
    before = await _register(call, store_id, register_id)
    keys = [key for key in await _keys(call, store_id, register_id) if not key["revoked"]]
    await call.feed.put(CREDENTIALS, [_revoked(key) for key in keys])
    await call.feed.put(REGISTERS, [(store_id, register_id, before["title"])], deleted=True)
    told = {"title": before["title"], "keys": [key["key_id"] for key in keys]}
    call.record("registers.delete", "register", f"{store_id}/{register_id}", before=told)


async def issue_key(call: Call, *, store_id: str, register_id: str) -> tuple[str, str]:
    """A new key for a register: (key, key_id). Older ones stay valid. Raises RegisterUnknown."""
    await call.feed.lock()
    await _register(call, store_id, register_id)
    key = secrets.token_hex(KEY_BYTES)
    key_hash = hash_key(key)
    await call.feed.put(CREDENTIALS, [key_row(key_hash, store_id, register_id)])
    told = {"store_id": store_id, "register_id": register_id}
    call.record("registers.issue_key", "register_key", key_hash.hex(), after=told)
    call.answer_is_secret = True
    return key, key_hash.hex()


async def rotate_key(
    call: Call, *, store_id: str, register_id: str, overlap: timedelta
) -> tuple[str, str, dict[str, datetime]]:
    """A new key, and an end for the others, which nobody may put off again: (key, key_id, end by key_id). Raises
    RegisterUnknown.
    """
    await call.feed.lock()
    key, key_id = await issue_key(call, store_id=store_id, register_id=register_id)
    at = call.now + overlap
    ending = {
        one["key_id"]: (one, min(one["expires_at"] or at, at))
        for one in await _keys(call, store_id, register_id)
        if one["kind"] == "KEY" and not one["revoked"] and one["key_id"] != key_id
    }
    await call.feed.put(
        CREDENTIALS, [key_row(one["key_hash"], store_id, register_id, ends) for one, ends in ending.values()]
    )
    for old_id, (one, ends) in ending.items():
        before = {"expires_at": one["expires_at"].isoformat() if one["expires_at"] else None}
        after = {"expires_at": ends.isoformat(), "replaced_by": key_id}
        call.record("registers.end_key", "register_key", old_id, before=before, after=after)
    return key, key_id, {old_id: ends for old_id, (_, ends) in ending.items()}


async def revoke_key(call: Call, *, store_id: str, register_id: str, key_id: str) -> None:
    """Make a key unknown to the servers, and a certificate refused. Raises RegisterKeyUnknown."""
    await call.feed.lock()
    found = [key for key in await _keys(call, store_id, register_id) if key["key_id"] == key_id]
    if not found:
        raise RegisterKeyUnknown("the register has no such key", path="key_id")
    [key] = found
    if await call.feed.put(CREDENTIALS, [_revoked(key)]):
        told = {"store_id": store_id, "register_id": register_id}
        call.record(
            "registers.revoke_key", "register_key", key_id, before=told | {"revoked": False}, after={"revoked": True}
        )


async def bind_certificate(call: Call, *, store_id: str, register_id: str, fingerprint: str, name: str) -> str:
    """Know a register by its certificate: by the `fingerprint` in hex, or, when that is empty, by a `name` that its
    certificates carry. The key_id. Raises RegisterUnknown, CertificateBound.
    """
    await call.feed.lock()
    await _register(call, store_id, register_id)
    key_hash = bytes.fromhex(fingerprint) if fingerprint else hash_name(name)
    held = await repository.find_key(call.connection, call.tenant, key_hash)
    if held is not None and not held["revoked"] and (held["store_id"], held["register_id"]) != (store_id, register_id):
        whose = f"it speaks for register {held['register_id']} of store {held['store_id']}"
        raise CertificateBound(whose, path="fingerprint" if fingerprint else "name")
    kind = "CERTIFICATE" if fingerprint else "CERTIFICATE_NAME"
    if await call.feed.put(CREDENTIALS, [(key_hash, store_id, register_id, False, None, kind, name)]):
        told = {"store_id": store_id, "register_id": register_id, "name": name}
        call.record("registers.bind_certificate", "register_key", key_hash.hex(), after=told)
    return key_hash.hex()


def key_row(key_hash: bytes, store_id: str, register_id: str, ends: datetime | None = None) -> tuple[Any, ...]:
    """A key in force, as the fact table has it."""
    return (key_hash, store_id, register_id, False, ends, "KEY", "")


def _revoked(key: Any) -> tuple[Any, ...]:
    return (key["key_hash"], key["store_id"], key["register_id"], True, key["expires_at"], key["kind"], key["name"])


async def _register(call: Call, store_id: str, register_id: str) -> Any:
    row = await repository.find_register(call.connection, call.tenant, store_id, register_id)
    if row is None:
        raise RegisterUnknown(f"store {store_id} has no register {register_id}", path="register_id")
    return row


async def _keys(call: Call, store_id: str, register_id: str) -> list[Any]:
    return await repository.list_keys(call.connection, call.tenant, store_id, register_id)
