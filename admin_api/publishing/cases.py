"""Sample receipts: a request and the outcome it had under the release in force when it was recorded.

The instant is part of the request, so a case does not change by itself. It decides nothing about what may differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import asyncpg

from altyn.admin_api.edge.call import Call
from altyn.admin_api.publishing import repository
from altyn.admin_api.publishing.errors import CasesTooMany, CaseUnknown
from altyn.admin_api.publishing.guards import differences_between, ruleset_of, run_case
from altyn.admin_api.publishing.schemas import CaseIn
from altyn.admin_api.releases import repository as releases
from altyn.admin_api.releases.compiling import Compiler
from altyn.admin_api.releases.service import step_of
from altyn.core.rules.ruleset import Ruleset

CASES_MAX = 200


async def put_case(call: Call, compiler: Compiler, *, case_id: str, given: CaseIn) -> None:
    """Record a receipt with its outcome of now. Raises CasesTooMany, ReceiptInvalid."""
    if await repository.other_cases_count(call.connection, call.tenant, case_id) >= CASES_MAX:
        raise CasesTooMany(f"there are {CASES_MAX} already", path="case_id")
    request = given.model_dump(mode="json", exclude={"title"}, exclude_none=True)
    request["at"] = (given.at or call.now).isoformat()
    before = await repository.find_case(call.connection, call.tenant, case_id, to_change=True)
    expected = await run_case(call, await ruleset_in_force(call, compiler), request)
    await _store(call, case_id, before, title=given.title, request=request, expected=expected)


async def record_case(call: Call, compiler: Compiler, *, case_id: str) -> None:
    """Take the outcome of now for the expected one. Raises CaseUnknown."""
    before = await repository.find_case(call.connection, call.tenant, case_id, to_change=True)
    if before is None:
        raise CaseUnknown(f"no case {case_id}", path="case_id")
    expected = await run_case(call, await ruleset_in_force(call, compiler), before["request"])
    if expected != before["expected"]:
        await _store(call, case_id, before, title=before["title"], request=before["request"], expected=expected)


async def rename_case(call: Call, *, case_id: str, title: str) -> None:
    """What people call it; nothing is recorded anew. Raises CaseUnknown."""
    before = await repository.find_case(call.connection, call.tenant, case_id, to_change=True)
    if before is None:
        raise CaseUnknown(f"no case {case_id}", path="case_id")
    if title != before["title"]:
        await _store(call, case_id, before, title=title, request=before["request"], expected=before["expected"])


async def delete_case(call: Call, *, case_id: str) -> None:
    """Raises CaseUnknown."""
    before = await repository.find_case(call.connection, call.tenant, case_id, to_change=True)
    if before is None:
        raise CaseUnknown(f"no case {case_id}", path="case_id")
    await repository.delete_case(call.connection, call.tenant, case_id)
    call.record("receipt_cases.delete", "receipt_case", case_id, before=_told(before))


async def differences_now(call: Call, compiler: Compiler) -> dict[str, list[dict[str, Any]]]:
    """Case → where its outcome under the release in force is not the expected one."""
    return await differences_of(call, compiler, await repository.list_cases(call.connection, call.tenant))


async def differences_of(
    call: Call, compiler: Compiler, rows: Iterable[asyncpg.Record]
) -> dict[str, list[dict[str, Any]]]:
    """The same of these cases alone."""
    ruleset = await ruleset_in_force(call, compiler)
    return {
        case["case_id"]: list(differences_between(case["expected"], await run_case(call, ruleset, case["request"])))
        for case in rows
    }


async def ruleset_in_force(call: Call, compiler: Compiler) -> Ruleset:
    """As it was released; of no promotions when nothing is released yet."""
    version = await releases.version_in_force(call.connection, call.tenant, call.now)
    found = await releases.find_document(call.connection, call.tenant, version) if version else None
    content = (await step_of(call, {}, call.now)).content if found is None else bytes(found["document"])
    return await ruleset_of(compiler, content)


async def _store(
    call: Call, case_id: str, before: asyncpg.Record | None, *, title: str, request: Any, expected: Any
) -> None:
    await repository.put_case(
        call.connection,
        call.tenant,
        case_id,
        title=title,
        request=request,
        expected=expected,
        revision=before["revision"] + 1 if before else 1,
        actor=call.actor,
        now=call.now,
    )
    call.record(
        "receipt_cases.put",
        "receipt_case",
        case_id,
        before=_told(before) if before else None,
        after={"title": title, "request": request, "expected": expected},
    )


def _told(row: asyncpg.Record) -> dict[str, Any]:
    return {name: row[name] for name in ("title", "request", "expected")}
