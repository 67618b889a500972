"""Publishing everything that is switched on, as keys do: one release under the same guards as a promotion's own way.

Nobody's review is behind it, so a guard rail that the last receipts would break is refused here and overridden there.
A rollback takes no such look: it is the way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from altyn.admin_api.edge.call import Call
from altyn.admin_api.promotions.service import id_of
from altyn.admin_api.publishing import repository
from altyn.admin_api.publishing.errors import CasesDiffer
from altyn.admin_api.publishing.guards import (
    DIFFERENCES_MAX,
    Difference,
    differences_between,
    ruleset_of,
    run_case,
    told,
    told_breaches,
)
from altyn.admin_api.publishing.service import keep_baseline
from altyn.admin_api.rails.errors import RailsBroken
from altyn.admin_api.rails.rehearsal import Rehearsed, rehearse
from altyn.admin_api.rails.repository import find_rails
from altyn.admin_api.releases import service
from altyn.admin_api.releases.compiling import Compiler
from altyn.admin_api.releases.service import Published, Step, documents_at, step_of
from altyn.core.rules.definition import load_documents


@dataclass(frozen=True, slots=True)
class Whole:
    """What was published, or would be; ``differences`` are those of sample receipts that it brings."""

    made: Published
    differences: tuple[Difference, ...]


async def publish_whole(call: Call, compiler: Compiler, *, accepts_differences: bool = False, **given: Any) -> Whole:
    """As ``releases.service.publish``; raises also CasesDiffer, RailsBroken, RehearsalFailed."""
    rehearsed, differences = Rehearsed(), list[Difference]()

    async def check(step: Step) -> None:
        nonlocal rehearsed
        before = await documents_at(call, step.effective_at)
        without = (await step_of(call, before, step.effective_at)).content
        if step.content == without:
            return
        after = {
            id_of(one): one
            for one in load_documents(step.content.decode(), bytes_max=len(step.content))
            if "asset" not in one
        }
        rehearsed = await rehearse(
            call.connection,
            content=step.content,
            without=without,
            changed=[key for key, one in after.items() if before.get(key) != one],
            rails=await find_rails(call.connection, call.tenant),
        )
        if rehearsed.breaches:
            raise RailsBroken(
                "the last receipts would break a guard rail: submit what breaks it for review",
                path="documents",
                problems=told_breaches(rehearsed.breaches),
            )
        differences.extend(await _differences(call, compiler, step.content, without))
        if differences and not accepts_differences:
            raise CasesDiffer(
                "sample receipts come out differently: publish with accepts_differences",
                path="accepts_differences",
                problems=told(differences),
            )

    made = await service.publish(call, compiler, check=check, **given)
    if made.feed_version:
        await keep_baseline(call, made, rehearsed)
    return Whole(made, tuple(differences))


async def _differences(call: Call, compiler: Compiler, content: bytes, without: bytes) -> list[Difference]:
    """Of sample receipts that come out differently than under what is in force, from what was recorded."""
    cases = await repository.list_cases(call.connection, call.tenant)
    if not cases:
        return []
    after, before = await ruleset_of(compiler, content), await ruleset_of(compiler, without)
    found: list[Difference] = []
    for case in cases:
        outcome = await run_case(call, after, case["request"])
        if outcome != await run_case(call, before, case["request"]):
            told_of = ({"case_id": case["case_id"], **one} for one in differences_between(case["expected"], outcome))
            found.extend(told_of)
    return found[:DIFFERENCES_MAX]
