"""What is over ends by itself, a little in every turn: holds that no register settled, lots and tiers past their time.

Invariants: a turn takes a few milliseconds of the loop at most, however much is due at a midnight; what is decided is
journalled, so there must be room first. It never decides what is due: the engine does.
"""

from __future__ import annotations

import asyncio

from altyn.core.engine import Engine, LotSweep, TierSweep, expire_holds
from altyn.server.journal import Journal
from altyn.server.meters import clock_us

EXPIRY_EVERY_S = 1.0
HOLDS_PER_TURN_MAX = 256
# Lots looked at for a record, and records made in a turn of those that are over.
LOTS_SCANNED_PER_RECORD = 16_384
LOT_RECORDS_PER_TURN_MAX = 4
TIERS_SCANNED_PER_TURN = 16_384


async def expire(engine: Engine, journal: Journal) -> None:
    """Turn by turn, until cancelled."""
    sweep, tiers = LotSweep(engine), TierSweep(engine)
    while True:
        await asyncio.sleep(EXPIRY_EVERY_S)
        if journal.has_room:
            for record in expire_holds(engine, clock_us(), HOLDS_PER_TURN_MAX):
                journal.append(record)
        end_lots(sweep, journal, clock_us())
        lowered = tiers.end_tiers(clock_us(), TIERS_SCANNED_PER_TURN) if journal.has_room else None
        if lowered is not None:
            journal.append(lowered)


def end_lots(sweep: LotSweep, journal: Journal, now_us: int) -> None:
    """One turn's share of the lots that are over."""
    for _ in range(LOT_RECORDS_PER_TURN_MAX):
        # Room comes first: what is decided must be journalled.
        ended = sweep.expire_lots(now_us, LOTS_SCANNED_PER_RECORD) if journal.has_room else None
        if ended is not None:
            journal.append(ended)
