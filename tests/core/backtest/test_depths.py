"""How deep a draft cuts: receipts and lines beyond a rail, the largest hour of a promotion, how discounts move."""

from __future__ import annotations

from typing import Any

import pytest

from altyn.core.backtest.depths import STEPS_PPM, Depths
from altyn.core.backtest.replayer import Replayer
from tests.core.backtest.past import extracted, ruleset
from tests.core.engine.scarce_world import committed
from tests.core.engine.world import NOW_US, World, line, new_engine, receipt

HOUR_US = 3_600_000_000
HALF = "promotion: half\nstage: item\nreward: [{percent: {rate: 50, of: {sku: loaf}}}]\n"
RUINOUS = HALF + "---\npromotion: rest\nstage: receipt\nreward: [{percent: {rate: 90}}]\n"


def past() -> World:
    """Three receipts the small shop took 10 % of the bread off: 100.00 of bread, 100.00 of bread and 300.00 of milk an
    hour later, and milk alone.
    """
    world = World(new_engine())
    bread, milk = line(1, "loaf", 10_000), line(2, "milk", 30_000)
    committed(world, receipt(bread, number=1), NOW_US)
    committed(world, receipt(bread, milk, number=2), NOW_US + HOUR_US)
    committed(world, receipt(milk, number=3), NOW_US + HOUR_US + 1)
    return world


def depths_of(text: str, receipt_max_ppm: int = 1_000_000, floor_ppm: int = 0) -> dict[str, Any]:
    items, extractor = extracted(past())
    depths = Depths(receipt_max_ppm, floor_ppm)
    replayer = Replayer(ruleset(text), depths=depths)
    replayer.open(items, extractor.names())
    assert replayer.run(100) == 3
    return depths.result()


def test_receipts_beyond_the_most_and_lines_below_the_floor_are_counted_and_named() -> None:
    found = depths_of(HALF, receipt_max_ppm=499_999, floor_ppm=500_000)
    assert (found["deep"], found["deepest_ppm"], found["low"], found["lowest_ppm"]) == (1, 500_000, 0, 500_000)
    [(seq, ppm)] = found["worst"]
    assert (seq, ppm) == (1, 500_000)
    assert depths_of(HALF, receipt_max_ppm=500_000)["deep"] == 0, "as much as may be is not too much"
    found = depths_of(HALF, floor_ppm=500_001)
    assert (found["low"], [seq for seq, _ in found["worst"]]) == (2, [1, 2])
    # 50 % off the bread, then 90 % of the rest off everything: 95.00 of 100.00, 365.00 of 400.00, 270.00 of 300.00.
    found = depths_of(RUINOUS, receipt_max_ppm=700_000)
    assert (found["deep"], found["worst"]) == (3, [(1, 950_000), (2, 912_500), (3, 900_000)])


def test_largest_hour_of_each_promotion_is_told() -> None:
    found = depths_of(RUINOUS)
    hour = NOW_US // HOUR_US
    taken = {promotion: (at - hour, minor) for promotion, at, minor in found["hours"]}
    # The first hour: half of 100.00, then 90 % of 50.00; the second: half of 100.00, then 90 % of 350.00 and of 300.00.
    assert taken == {"half": (0, 5_000), "rest": (1, 31_500 + 27_000)}


def test_steps_tell_how_far_discounts_move() -> None:
    # 10 % was taken off the bread. Half off: +40 % of the first receipt, +10 % of the second, the third stays.
    steps = depths_of(HALF)["steps"]
    assert len(steps) == 2 * len(STEPS_PPM) + 3 and sum(steps) == 3
    middle = len(steps) // 2
    assert {place - middle: count for place, count in enumerate(steps) if count} == {0: 1, 4: 1, 5: 1}
    # Nothing off: −10 % of the first, −2.5 % of the second.
    steps = depths_of("promotion: none\nstage: item\nreward: [{percent: {rate: 10, of: {sku: nothing}}}]\n")["steps"]
    assert {place - middle: count for place, count in enumerate(steps) if count} == {-4: 1, -2: 1, 0: 1}


def test_each_file_begins_anew_and_shares_out_of_range_are_refused() -> None:
    items, extractor = extracted(past())
    depths = Depths(400_000)
    replayer = Replayer(ruleset(HALF), depths=depths)
    for _ in range(2):
        replayer.open(items, extractor.names())
        replayer.run(100)
        assert depths.result()["deep"] == 1
    for wrong in ((-1, 0), (1_000_001, 0), (0, 1_000_001)):
        with pytest.raises(ValueError, match="shares"):
            Depths(*wrong)
