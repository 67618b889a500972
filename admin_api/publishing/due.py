"""What was scheduled becomes ACTIVE when its time has come; the tills have it already, by the release that waited.

Here only the books follow. It also says loudly, at every start, that nobody's eyes but the author's see a promotion.
"""

from __future__ import annotations

import structlog

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.office import Office
from altyn.admin_api.publishing import repository, service

ACTOR = "schedule"

log = structlog.get_logger(__name__)


class DueJobs:
    """One tenant's schedule."""

    kind = "PUBLISHING_SCHEDULE"

    def __init__(self, office: Office) -> None:
        self._office = office
        self._is_warned = False

    async def turn(self) -> bool:
        """Whether any came into force."""
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
        return done > 0
