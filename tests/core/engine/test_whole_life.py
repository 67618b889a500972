"""Every movement of value in any order, with crashes and restarts, against a plain model.

The same lives every time; ALTYN_LIVES=5000 makes so many others.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.core.engine.life import COUNTS, Life

LIVES = 120
STEPS = 40
MOVEMENTS = (
    *("reserved", "committed", "committed late", "cancelled", "returned", "voided", "gift card sold", "given", "taken"),
    *("converted", "moved", "merged", "expired", "restarted", "crashed"),
)


def test_nothing_is_lost_or_doubled_whatever_happens_in_whatever_order() -> None:
    others = os.environ.get("ALTYN_LIVES")
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=int(others or LIVES),
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not others,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print("\n" + ", ".join(f"{name}: {COUNTS[name]:,}" for name in ("lives", "records", *MOVEMENTS)))
    assert [name for name in MOVEMENTS if not COUNTS[name]] == []
