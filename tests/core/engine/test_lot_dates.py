"""Until when points live: days, a date, the end of a month or a year, by the programme's calendar."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from altyn.core.ledger.view import read_lots
from tests.core.engine.scarce_world import committed, new_world, sale

MOSCOW = ZoneInfo("Europe/Moscow")
RULES = """
promotion: earn
reward: [{{points: {{asset: bonus, percent: 1, expires: {expires}}}}}]
"""


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=MOSCOW).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("expires", "sold", "ends"),
    [
        ("{days: 1}", "2026-11-18 14:00", "2026-11-20 00:00"),
        ("{date: 2027-03-08}", "2026-11-18 14:00", "2027-03-09 00:00"),
        ("{end_of_month: 0}", "2026-11-30 23:59", "2026-12-01 00:00"),
        ("{end_of_month: 3}", "2026-11-30 23:59", "2027-03-01 00:00"),
        ("{end_of_year: 0}", "2026-12-31 23:59", "2027-01-01 00:00"),
        ("{end_of_year: 0}", "2027-01-01 00:30", "2028-01-01 00:00"),
        ("{end_of_year: 2}", "2026-02-28 10:00", "2029-01-01 00:00"),
        ("{end_of_year: 100}", "2026-02-28 10:00", "2127-01-01 00:00"),
    ],
)
def test_points_of_a_sale_live_as_the_promotion_says_in_the_programmes_zone(expires: str, sold: str, ends: str) -> None:
    world = new_world(RULES.format(expires=expires))
    committed(world, sale(1), us(sold))
    [lot] = read_lots(world.engine.book, 70)
    assert lot[6] == us(ends)
