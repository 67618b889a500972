"""What the lint calls dead never gives anything, by the calculator's own word; schedules hold when the core says so."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altyn.core.evaluate import evaluate
from altyn.core.rules.checks.schedules import DAY_MINUTES, MINUTE_US, first_moment, holds_at
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.condition import Schedule
from altyn.core.rules.definition import DocumentError, read_documents
from altyn.core.rules.lint import Known, Remark, remarks
from altyn.core.rules.ruleset import Ruleset
from tests.core.rules.strategies import schedules
from tests.parity.compare import customer_numbers, run_core, with_numbers
from tests.parity.engine import WIDTH_MAX
from tests.reference.generator import generate

ALONE = Known(stacks_max=0)
# Codes that say a whole promotion never gives anything.
DEAD = {"NEVER_HOLDS", "SCHEDULE_EMPTY", "NEVER_BEST", "NEVER_FIRST", "FLOOR_REFUSES_ALL"}
CASES = 500


def with_more_conditions(documents: list[dict[str, Any]], chance: random.Random) -> list[dict[str, Any]]:
    """Conditions of one promotion asked of another too, and of `none`: much of it cannot hold together."""
    asked = [one["when"] for one in documents if "when" in one and one.get("stage") not in ("accrual", "message", None)]
    made = []
    for document in documents:
        if asked and "promotion" in document and chance.random() < 0.7:
            more = chance.choice(asked)
            parts = [document["when"]] if "when" in document else []
            document = {**document, "when": {"all": [*parts, {"none": [more]} if chance.random() < 0.4 else more]}}
        made.append(document)
        rewards = document.get("reward", [])
        if document.get("group") and len(rewards) == 1 and "rate" in rewards[0].get("percent", ()):
            weaker = {"percent": {**rewards[0]["percent"], "rate": "0.0001"}}
            made.append({**document, "promotion": f"z-{document['promotion']}", "reward": [weaker]})
    return made


def is_of_a_whole_promotion(one: Remark) -> bool:
    """A leaf of an `any` or a `none` may fail, and the promotion holds."""
    return one.code in DEAD and not {"any", "none"} & set(re.findall(r"\w+", one.path))


def test_promotion_told_to_be_dead_gives_nothing() -> None:
    told: Counter[str] = Counter()
    for seed in range(CASES):
        case, chance = generate(seed, width=WIDTH_MAX), random.Random(seed)
        case = replace(case, rules_documents=with_more_conditions(case.rules_documents, chance))
        numbers = customer_numbers(case)
        try:
            rules = read_documents([with_numbers(document, numbers) for document in case.rules_documents])
        except DocumentError:
            continue  # nested too deep, or sums where there are none
        found = remarks(rules, ALONE)
        dead = {one.path.split(":")[0] for one in found if is_of_a_whole_promotion(one)}
        if not dead:
            continue
        told.update(one.code for one in found)
        outcome = run_core(case, WIDTH_MAX)
        given_by = {row["promotion_id"] for row in outcome.get("rules", ()) if row["given"] > 0}
        assert not given_by & dead, (seed, dead)
    assert told["NEVER_HOLDS"] >= 20
    assert told["NEVER_BEST"] >= 5


def schedule_of(written: dict[str, Any]) -> tuple[Schedule, Ruleset]:
    document = {
        "promotion": "p",
        "stage": "item",
        "when": {"schedule": written},
        "reward": [{"percent": {"rate": "50"}}],
    }
    rules = read_documents([document])
    schedule = rules.promotions[0].when
    assert isinstance(schedule, Schedule)
    return schedule, Ruleset(compile_ruleset(rules.promotions, version=1))


def core_says(ruleset: Ruleset, moment: int) -> bool:
    lines = [{"line_no": 1, "qty_milli": 1000, "price_minor": 100}]
    outcome = evaluate(ruleset, {"lines": lines}, {}, None, (moment * MINUTE_US, 0, 0))
    return bool(outcome["totals"]["discount_minor"])


FIRST_DAY, LAST_DAY = 18_262, 22_280  # 2020 … 2030


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(schedules, st.lists(st.integers(FIRST_DAY * DAY_MINUTES, LAST_DAY * DAY_MINUTES), min_size=5, max_size=20))
def test_schedule_holds_when_the_core_says_so(written: dict[str, Any], moments: list[int]) -> None:
    schedule, ruleset = schedule_of(written)
    first = first_moment([schedule])
    for moment in moments:
        assert holds_at(schedule, moment) == core_says(ruleset, moment)
        assert first is not None or not core_says(ruleset, moment)
        later = first_moment([schedule], moment)
        assert later is None or (later >= moment and core_says(ruleset, later))
        if core_says(ruleset, moment):
            assert later == moment
    if first is not None:
        assert core_says(ruleset, first)
