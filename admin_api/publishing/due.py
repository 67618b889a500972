"""What was scheduled becomes ACTIVE when its time has come; the tills have it already, by the release that waited.

Here only the books follow. It also says loudly, at every start, that nobody's eyes but the author's see a promotion.
"""

from __future__ import annotations

import asyncio

import asyncpg
import structlog

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.office import Office
from altyn.admin_api.publishing import repository, service

LOOK_EVERY_S = 1.0
BACK_OFF_S = 5.0
ACTOR = "schedule"

log = structlog.get_logger(__name__)


class DueRunner:
    """One tenant's schedule."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._is_warned = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.turn()
                await asyncio.sleep(LOOK_EVERY_S)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("schedule_waits", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(BACK_OFF_S)

    async def turn(self) -> int:
        """How many came into force."""
        office, done = self._office, 0
        async with office.connected() as connection:
            if not self._is_warned:
                four_eyes, _ = await repository.publishing_rules(connection, office.tenant)
                if not four_eyes:
                    log.warning("four_eyes_off", told="whoever writes a promotion may approve it: PUT /v1/publishing")
                self._is_warned = True
            for promotion_id in await repository.due(connection, office.tenant, office.clock()):
                async with connection.transaction():
                    call = Call(connection, office.tenant, ACTOR, frozenset(), ACTOR, office.clock())
                    done += await service.come_into_force(call, promotion_id=promotion_id)
                    await call.finish()
        return done
