"""Use cases of guard rails: one proposes how they are to be, another lets them hold; alerts are acknowledged."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from altyn.admin_api.edge.call import Call
from altyn.admin_api.publishing.repository import publishing_rules
from altyn.admin_api.rails import repository, schemas
from altyn.admin_api.rails.errors import AlertUnknown, OwnRailsChange, RailsChangeDecided, RailsChangeUnknown
from altyn.admin_api.rails.schemas import ChangeState, Rails

PROPOSED_FOR = timedelta(hours=72)


async def propose(call: Call, *, asked: schemas.ProposeIn) -> schemas.ChangeOut:
    """The rails as they are to be, for somebody else to approve."""
    value = asked.model_dump(exclude={"reason"})
    change_id = await repository.insert_change(call.connection, call.tenant, value, asked.reason, call.actor, call.now)
    call.record("rails.propose", "rails", call.tenant, after=value | {"change_id": change_id, "reason": asked.reason})
    return schemas.ChangeOut(**await _found(call, change_id))


async def approve(call: Call, *, change_id: int) -> schemas.ChangeOut:
    """Let hold what somebody else proposed. Raises RailsChangeUnknown, RailsChangeDecided, OwnRailsChange."""
    change = await _open(call, change_id)
    four_eyes, _ = await publishing_rules(call.connection, call.tenant)
    if four_eyes and change.proposed_by == call.actor:
        raise OwnRailsChange("somebody else approves what you proposed", path="change_id")
    before = await repository.find_rails(call.connection, call.tenant)
    await repository.put_rails(call.connection, call.tenant, Rails(**change.value.model_dump()))
    after = change.value.model_dump() | {"change_id": change_id, "four_eyes": four_eyes}
    call.record("rails.approve", "rails", call.tenant, before=before.model_dump(), after=after)
    return await _decided(call, change_id, ChangeState.APPLIED)


async def reject(call: Call, *, change_id: int) -> schemas.ChangeOut:
    """Leave them as they are; one's own may be taken back so. Raises RailsChangeUnknown, RailsChangeDecided."""
    await _open(call, change_id)
    call.record("rails.reject", "rails", call.tenant, after={"change_id": change_id})
    return await _decided(call, change_id, ChangeState.REJECTED)


async def acknowledge(call: Call, *, alert_id: int) -> schemas.AlertOut:
    """Somebody has seen it. Done twice it is done once. Raises AlertUnknown."""
    row = await repository.acknowledge(call.connection, call.tenant, alert_id, call.actor, call.now)
    if row is None:
        raise AlertUnknown(f"no alert {alert_id}", path="alert_id")
    if row["acknowledged_at"] == call.now:
        call.record("publishing_alerts.acknowledge", "publishing_alert", str(alert_id), after={"kind": row["kind"]})
    return schemas.AlertOut(**row)


async def _found(call: Call, change_id: int, *, to_change: bool = False) -> asyncpg.Record:
    row = await repository.find_change(call.connection, call.tenant, change_id, to_change=to_change)
    if row is None:
        raise RailsChangeUnknown(f"no change {change_id}", path="change_id")
    return row


async def _open(call: Call, change_id: int) -> schemas.ChangeOut:
    change = schemas.ChangeOut(**await _found(call, change_id, to_change=True))
    if change.state is not ChangeState.PROPOSED or call.now >= change.proposed_at + PROPOSED_FOR:
        raise RailsChangeDecided("it was decided before, or proposed more than 72 hours ago", path="change_id")
    return change


async def _decided(call: Call, change_id: int, state: ChangeState) -> schemas.ChangeOut:
    await repository.decide_change(call.connection, call.tenant, change_id, state.value, call.actor, call.now)
    return schemas.ChangeOut(**await _found(call, change_id))
