"""What a back office needs before its first call: the tenant's row, and a key to come in with.

The first key has every scope, those of a newer version too, and is written to ``var/secrets/admin_key``, readable by
its owner alone. It is made only while the tenant has no live key that may issue keys. Invariant: the tenant's zone is
never changed.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from altyn.admin_api.edge.audit import Deed, append_deeds
from altyn.admin_api.edge.scopes import SCOPES
from altyn.admin_api.keys import repository
from altyn.admin_api.keys.service import hash_key, key_id_of
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings, secret_file

ACTOR = "bootstrap"


class TenantDiffers(Trouble):
    """The settings name another zone than the one the tenant's dates were made in."""


def admin_key_path(settings: Settings) -> Path:
    """Where the first key is kept."""
    return settings.var / "secrets" / "admin_key"


async def prepare(connection: asyncpg.Connection[Any], settings: Settings, now: datetime) -> bool:
    """Make what is missing; True when the first key was made. Raises TenantDiffers."""
    tenant = settings.tenant_id
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO tenants (tenant, title, zone) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            tenant,
            tenant,
            settings.tenant_zone,
        )
        # Locked, so that two back offices that start at once make one key.
        zone = await connection.fetchval("SELECT zone FROM tenants WHERE tenant = $1 FOR UPDATE", tenant)
        if zone != settings.tenant_zone:
            raise TenantDiffers(f"tenant {tenant} has zone {zone}, ALTYN_TENANT_ZONE says {settings.tenant_zone}")
        await _widen_first_keys(connection, tenant, now)
        if await repository.live_issuers(connection, tenant):
            return False
        path = admin_key_path(settings)
        key = secret_file(path)
        if await connection.fetchval("SELECT EXISTS (SELECT FROM api_keys WHERE key_hash = $1)", hash_key(key)):
            path.unlink()  # that key was revoked: it must not come back to life
            key = secret_file(path)
        await repository.insert_key(
            connection, tenant, key_id_of(key), hash_key(key), "first key", list(SCOPES), now, ACTOR
        )
        deed = Deed("keys.issue", "api_key", key_id_of(key), after={"title": "first key", "scopes": list(SCOPES)})
        await append_deeds(connection, tenant, [deed], actor=ACTOR, request_id=ACTOR, now=now)
    return True


async def _widen_first_keys(connection: asyncpg.Connection[Any], tenant: str, now: datetime) -> None:
    """Nobody could give a scope that came with this version if the first key did not get it."""
    for row in await repository.widen_keys(connection, tenant, ACTOR, list(SCOPES)):
        told = {"before": {"scopes": row["had"]}, "after": {"scopes": list(SCOPES)}}
        deed = Deed("keys.widen", "api_key", row["key_id"], **told)
        await append_deeds(connection, tenant, [deed], actor=ACTOR, request_id=ACTOR, now=now)
