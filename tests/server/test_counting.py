"""How far a server is with the numbers of earlier purchases that a release asks for, as it tells it."""

from __future__ import annotations

from altyn.core.engine import backfill_accumulations, find_gap, finish_accumulations
from altyn.server.counting import Counting, Progress
from tests.core.engine.scarce_world import committed, new_world, ruleset, sale
from tests.core.engine.test_accumulate import PLAIN, RULES, backfill, count
from tests.core.engine.world import NOW_US


def test_progress_goes_from_nothing_over_history_to_ready() -> None:
    world, asks = new_world(PLAIN), ruleset(RULES)
    for number in range(1, 4):
        committed(world, sale(number))
    counting = Counting(world.engine, world.records.append, lambda: True, lambda: 0, lambda: (), lambda: None)
    asked = len(set(asks.read_set["accumulations"]))
    assert counting.progress(ruleset(PLAIN)) == Progress()
    assert counting.progress(asks) == Progress(asked)
    count(world)
    [begun, *_] = [record.seq for record in world.records if record.seq > 3]
    assert counting.progress(asks) == Progress(asked, 0, 0, begun)
    gap = find_gap(world.engine)
    assert gap is not None
    part = backfill_accumulations(world.engine, gap, 2, (), NOW_US)
    assert part is not None
    world.records.append(part)
    assert counting.progress(asks) == Progress(asked, 0, 2, begun)
    backfill(world)
    while (record := finish_accumulations(world.engine, NOW_US)) is not None:
        world.records.append(record)
    assert counting.progress(asks) == Progress(asked, asked)
