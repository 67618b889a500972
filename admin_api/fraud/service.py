"""Use cases of antifraud: a rule is proposed by one and approved by another; a case is decided by a person, once.

A decision moves no points and blocks no card: whoever decides that follows up by their own acts.
"""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from altyn.admin_api.edge.call import Call
from altyn.admin_api.exceptions.names import name_of
from altyn.admin_api.exceptions.service import split_id
from altyn.admin_api.facts import FRAUD_RULES
from altyn.admin_api.fraud import repository, schemas
from altyn.admin_api.fraud.errors import (
    FraudCaseDecided,
    FraudCaseUnknown,
    FraudChangeDecided,
    FraudChangeUnknown,
    FraudRulesFull,
    FraudRuleUnknown,
    OwnFraudChange,
)
from altyn.admin_api.fraud.schemas import CaseState, ChangeState, RuleState
from altyn.core.facts.fraud import FRAUD_KINDS, FRAUD_RULES_MAX

PROPOSED_FOR = timedelta(hours=72)


# RULES


async def read_rule(call: Call, *, rule: str) -> schemas.RuleOut:
    """Raises FraudRuleUnknown."""
    row = await repository.find_rule(call.connection, call.tenant, rule)
    if row is None:
        raise FraudRuleUnknown(f"no rule {rule}", path="rule")
    return schemas.RuleOut(**row)


async def propose(call: Call, *, rule: str, asked: schemas.ProposeIn) -> schemas.ChangeOut:
    """How a rule is to be, for somebody else to approve."""
    value = asked.model_dump(mode="json", exclude={"reason"})
    value["actions"] = sorted(set(value["actions"]))
    given = (call.tenant, rule, value, asked.reason, call.actor, call.now)
    change_id = await repository.insert_change(call.connection, *given)
    call.record("fraud.propose", "fraud_rule", rule, after=value | {"change_id": change_id, "reason": asked.reason})
    return await read_change(call, change_id=change_id)


async def read_change(call: Call, *, change_id: int) -> schemas.ChangeOut:
    """Raises FraudChangeUnknown."""
    return schemas.ChangeOut(**await _found(call, change_id))


async def _found(call: Call, change_id: int, *, to_change: bool = False) -> asyncpg.Record:
    row = await repository.find_change(call.connection, call.tenant, change_id, to_change=to_change)
    if row is None:
        raise FraudChangeUnknown(f"no change {change_id}", path="change_id")
    return row


async def _open(call: Call, change_id: int) -> schemas.ChangeOut:
    change = schemas.ChangeOut(**await _found(call, change_id, to_change=True))
    if change.state is not ChangeState.PROPOSED or call.now >= change.proposed_at + PROPOSED_FOR:
        raise FraudChangeDecided("it was decided before, or proposed more than 72 hours ago", path="change_id")
    return change


async def approve(call: Call, *, change_id: int) -> schemas.ChangeOut:
    """Let a rule act as somebody else proposed. Raises FraudChangeUnknown, FraudChangeDecided, OwnFraudChange,
    FraudRulesFull."""
    await call.feed.lock()
    change = await _open(call, change_id)
    if change.proposed_by == call.actor:
        raise OwnFraudChange("somebody else approves what you proposed", path="change_id")
    value, others = change.value, await repository.count_active(call.connection, call.tenant, change.rule)
    if value.state is RuleState.ACTIVE and others >= FRAUD_RULES_MAX:
        raise FraudRulesFull(f"{others} rules are on already", path="change_id")
    before = await repository.find_rule(call.connection, call.tenant, change.rule)
    told = value.model_dump(mode="json")
    row = (change.rule, *(told["window" if name == "count_window" else name] for name in FRAUD_RULES.values))
    await call.feed.put(FRAUD_RULES, [row])
    decided = (ChangeState.APPLIED.value, call.actor, call.now)
    await repository.decide_change(call.connection, call.tenant, change_id, *decided)
    was = {name: before[name] for name in told} if before else None
    call.record("fraud.approve", "fraud_rule", change.rule, before=was, after=told | {"change_id": change_id})
    return await read_change(call, change_id=change_id)


async def reject(call: Call, *, change_id: int) -> schemas.ChangeOut:
    """Leave the rule as it is; one's own may be taken back so. Raises FraudChangeUnknown, FraudChangeDecided."""
    change = await _open(call, change_id)
    decided = (ChangeState.REJECTED.value, call.actor, call.now)
    await repository.decide_change(call.connection, call.tenant, change_id, *decided)
    call.record("fraud.reject", "fraud_rule", change.rule, after={"change_id": change_id})
    return await read_change(call, change_id=change_id)


# CASES


def case_out(row: asyncpg.Record) -> schemas.CaseOut:
    """A row as the API tells it."""
    kind = FRAUD_KINDS[row["kind"] - 1] if 0 < row["kind"] <= len(FRAUD_KINDS) else f"#{row['kind']}"
    state = CaseState.OPEN if row["decided_at"] is None else CaseState.DECIDED
    made = {"case_id": f"{row['seq']}-{row['case_no']}", "kind": kind, "state": state}
    return schemas.CaseOut(**{**row, "operation": name_of("kind", row["operation_kind"]), **made})


async def list_cases(call: Call, *, asked: schemas.CaseFilter) -> list[asyncpg.Record]:
    """Newest first, and one more than asked for."""
    return await repository.list_cases(
        call.connection,
        None if asked.state is None else asked.state is CaseState.OPEN,
        asked.rule,
        None if asked.kind is None else FRAUD_KINDS.index(asked.kind) + 1,
        asked.store_id,
        asked.register_id,
        asked.cashier_id,
        asked.card_id,
        asked.from_at,
        asked.to_at,
        *(split_id(asked.before) if asked.before else (None, 0)),
        asked.limit + 1,
    )


async def read_case(call: Call, *, case_id: str) -> schemas.CaseOut:
    """Raises FraudCaseUnknown, PlaceForeign."""
    row = await repository.find_case(call.connection, *split_id(case_id))
    if row is None:
        raise FraudCaseUnknown(f"no case {case_id}", path="fraud_case_id")
    await call.at_store(row["store_id"])
    return case_out(row)


async def decide(call: Call, *, case_id: str, asked: schemas.DecideIn) -> schemas.CaseOut:
    """Note what a person found. Raises FraudCaseUnknown, FraudCaseDecided, PlaceForeign."""
    await read_case(call, case_id=case_id)
    given = (call.connection, *split_id(case_id), asked.verdict.value, asked.note, call.actor, call.now)
    if not await repository.insert_decision(*given):
        raise FraudCaseDecided("it is decided already", path="fraud_case_id")
    call.record("fraud.decide", "fraud_case", case_id, after=asked.model_dump(mode="json"))
    return await read_case(call, case_id=case_id)
