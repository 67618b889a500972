"""The HTTP face of processing servers: what they run, and how far the tables for people are behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from altyn.admin_api.edge.routes import CurrentCall, CurrentOffice, area_router, needs
from altyn.admin_api.releases.repository import list_servers, version_in_force
from altyn.admin_api.releases.service import SEEN_WITHIN
from altyn.admin_api.servers import schemas

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

router = area_router("servers")


@router.get("/servers")
@needs("servers:read")
async def get_servers(call: CurrentCall, office: CurrentOffice) -> schemas.ServersOut:
    """Every server that has ever reported, the newest facts and release, and the projector."""
    rows = await list_servers(call.connection, call.tenant)
    servers = [schemas.ServerOut(is_seen=row["seen_at"] >= call.now - SEEN_WITHIN, **row) for row in rows]
    seen = [server for server in servers if server.is_seen]
    rules_version = await version_in_force(call.connection, call.tenant, call.now) or 0
    clock = await call.connection.fetchval("SELECT version FROM feed_clock WHERE tenant = $1", call.tenant)
    lag = await office.projector.lag(call.connection)
    return schemas.ServersOut(
        feed_version=clock or 0,
        rules_version=rules_version,
        live_count=sum(server.rules_version == rules_version for server in seen),
        servers_count=len(seen),
        servers=servers,
        projector=schemas.ProjectorOut(
            seq=office.projector.seq, lag_rows=lag.rows_count, lag_s=lag.seconds, trouble=office.projector.trouble
        ),
    )


@router.get("/servers/rules-in-force")
@needs("servers:read")
async def get_rules_in_force(call: CurrentCall, office: CurrentOffice) -> schemas.RulesInForceOut:
    """What the processing server answers with at this moment."""
    answer = await office.ops.rules_in_force()
    return schemas.RulesInForceOut(
        server_id=answer.server_id,
        rules_version=answer.rules_version,
        sha256=answer.sha256,
        promotions_count=answer.promotions_count,
        durable_seq=answer.durable_seq,
        feed_version=answer.feed_version,
        refused_version=answer.refused_version,
        refused_reason=answer.refused_reason,
        started_at=EPOCH + timedelta(microseconds=answer.started_at_us),
    )
