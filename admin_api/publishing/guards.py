"""What is looked at before a promotion goes on: does it compile with what is in force, does money get lost, what would
sample receipts cost, how deep is the discount, which rails would the last receipts break.

Everything is judged together with the documents the release would hold, by the compiler and calculator of the tills.
Only what the promotion itself brings counts: what was wrong before is not its fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import Problem, Refusal, problem
from altyn.admin_api.promotions.evaluation import outcome_of
from altyn.admin_api.promotions.schemas import EvaluateIn
from altyn.admin_api.promotions.service import Document, id_of, invalid
from altyn.admin_api.publishing import repository
from altyn.admin_api.publishing.errors import LintBlocks
from altyn.admin_api.rails.rehearsal import Rehearsed, rehearse
from altyn.admin_api.rails.repository import find_rails
from altyn.admin_api.releases.compiling import Compiler
from altyn.admin_api.releases.service import step_of
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.lint import Severity, remarks
from altyn.core.rules.promotion import Percent
from altyn.core.rules.ruleset import Ruleset

DIFFERENCES_MAX = 100
WHOLE_PPM = 1_000_000
#: Tell of the rules that made an outcome, not of the outcome.
NUMBERS_OF_RULES = frozenset({"rules_version", "version"})

Difference = dict[str, Any]  # case_id, path, expected, actual


@dataclass(frozen=True, slots=True)
class Findings:
    """``expected_discount_ppm``: the deepest share of a receipt that the promotion gives, as far as is known."""

    remarks: tuple[Problem, ...]
    differences: tuple[Difference, ...]
    cases_count: int
    expected_discount_ppm: int
    rehearsed: Rehearsed


async def look_at(call: Call, compiler: Compiler, *, document: Document, others: Mapping[str, Document]) -> Findings:
    """``others`` are the documents it would stand beside. Raises ReleaseInvalid, LintBlocks, CompilingFailed,
    RehearsalFailed.
    """
    beside = {key: one for key, one in others.items() if key != id_of(document)}
    content = (await step_of(call, {**beside, id_of(document): document}, call.now)).content
    ruleset = await ruleset_of(compiler, content)
    without = (await step_of(call, others, call.now)).content
    found, stated_ppm = await asyncio.to_thread(_read_remarks, content, without, id_of(document))
    ruinous = [one for one, severity in found if severity is Severity.ERROR]
    if ruinous:
        raise LintBlocks("with this promotion money would be lost", path=ruinous[0]["path"], problems=ruinous)
    cases = await repository.list_cases(call.connection, call.tenant)
    differences: list[Difference] = []
    deepest_ppm = stated_ppm
    for case in cases:
        outcome = await run_case(call, ruleset, case["request"])
        deepest_ppm = max(deepest_ppm, discount_ppm(outcome, id_of(document)))
        differences += ({"case_id": case["case_id"], **one} for one in differences_between(case["expected"], outcome))
    return Findings(
        tuple(one for one, _ in found),
        tuple(differences[:DIFFERENCES_MAX]),
        len(cases),
        min(deepest_ppm, WHOLE_PPM),
        await rehearse(
            call.connection,
            content=content,
            without=without,
            changed=[id_of(document)],
            rails=await find_rails(call.connection, call.tenant),
        ),
    )


async def ruleset_of(compiler: Compiler, content: bytes) -> Ruleset:
    """Compiled in another process. Raises DocumentInvalid, CompilingFailed."""
    compiled = await compiler.compile(0, content)
    if compiled.problems:
        raise invalid(compiled.problems)
    return Ruleset(compiled.image)


async def run_case(call: Call, ruleset: Ruleset, request: Any) -> dict[str, Any]:
    """The outcome of a stored receipt, a refusal told as one; without the numbers of the rules that made it."""
    try:
        outcome = await outcome_of(call, ruleset, EvaluateIn.model_validate({**request, "explain": False}))
    except Refusal as refusal:
        return {"refused": refusal.reason, "detail": refusal.message}
    told: dict[str, Any] = _without_numbers(outcome)
    return told


def discount_ppm(outcome: Mapping[str, Any], promotion_id: str) -> int:
    """The promotion's share of the receipt's gross, in millionths."""
    gross_minor = outcome.get("totals", {}).get("gross_minor", 0)
    off_minor = sum(
        discount["amount_minor"]
        for line in outcome.get("lines", ())
        for discount in line["discounts"]
        if discount["promotion_id"] == promotion_id
    )
    return int(off_minor * WHOLE_PPM // gross_minor) if gross_minor else 0


def differences_between(expected: Any, actual: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """Where two outcomes are not the same."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys()):
            yield from differences_between(expected.get(key), actual.get(key), f"{path}.{key}" if path else key)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for position, (was, now) in enumerate(zip(expected, actual, strict=True)):
            yield from differences_between(was, now, f"{path}[{position}]")
    elif expected != actual:
        yield {"path": path, "expected": expected, "actual": actual}


def _read_remarks(content: bytes, without: bytes, document_id: str) -> tuple[list[tuple[Problem, Severity]], int]:
    """What the lint tells that it did not tell without the document, and the deepest percent the document states."""
    rules = read_documents(load_documents(content.decode(), bytes_max=len(content)))
    before = read_documents(load_documents(without.decode(), bytes_max=len(without)))
    known = {(one.path, one.code) for one in remarks(before)}
    found = [
        (problem(one.path, one.code, one.message), one.severity)
        for one in remarks(rules)
        if (one.path, one.code) not in known or one.path.partition(":")[0] == document_id
    ]
    rates = [
        reward.rate_ppm or WHOLE_PPM  # of tiers the deepest is not known here: the careful guess
        for promotion in rules.promotions
        if promotion.promotion_id == document_id
        for reward in promotion.rewards
        if isinstance(reward, Percent)
    ]
    return found, max(rates, default=0)


def _without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_numbers(one) for key, one in value.items() if key not in NUMBERS_OF_RULES}
    return [_without_numbers(one) for one in value] if isinstance(value, list) else value


def told_breaches(breaches: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Broken rails as problems of a refusal."""
    return [
        problem(
            one["promotion_id"] or "documents",
            one["rail"],
            f"{one['found']} found, {one['allowed']} allowed, on {one['receipts_count']} of the last receipts",
        )
        for one in breaches
    ]


def told(differences: Sequence[Difference]) -> list[Problem]:
    """Differences as problems of a refusal."""
    return [
        problem(f"{one['case_id']}: {one['path']}", "CASE_DIFFERS", f"{one['expected']!r} is {one['actual']!r} now")
        for one in differences
    ]
