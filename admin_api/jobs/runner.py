"""The turns of everything the back office does by itself: one task a kind, so that no kind waits for another.

PostgreSQL or the processing server being away is waited out. It must never know what a kind does.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import asyncpg
import structlog

from altyn.admin_api.edge.problems import Refusal

LOOK_EVERY_S = 1.0
BACK_OFF_S = 5.0

log = structlog.get_logger(__name__)


class Works(Protocol):
    """What works off one kind of job."""

    @property
    def kind(self) -> str: ...

    async def turn(self) -> bool:
        """Do a piece of what is due first; False when there is nothing to do."""


async def run_jobs(works: Works) -> None:
    """For ever."""
    while True:
        try:
            while await works.turn():
                pass
            await asyncio.sleep(LOOK_EVERY_S)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, Refusal) as error:
            log.warning("jobs_wait", kind=str(works.kind), error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(BACK_OFF_S)
