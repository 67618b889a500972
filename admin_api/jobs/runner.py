"""The turns of everything the back office does by itself: one task a kind, so that no kind waits for another.

PostgreSQL or the processing server being away is waited out, and so is a fault of ours, with its trace in the log: one
job that cannot be worked off must not end its kind for good and unseen. What went wrong is told until a turn goes well.
It must never know what a kind does.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import asyncpg
import structlog

from altyn.admin_api.edge.problems import Refusal

LOOK_EVERY_S = 1.0
BACK_OFF_S = 5.0
TOLD_CHARS_MAX = 500

log = structlog.get_logger(__name__)


class Works(Protocol):
    """What works off one kind of job."""

    @property
    def kind(self) -> str: ...

    async def turn(self) -> bool:
        """Do a piece of what is due first; False when there is nothing to do."""


async def run_jobs(works: Works, troubles: dict[str, str]) -> None:
    """For ever; ``troubles`` has the last turn's under the kind, if it went wrong."""
    while True:
        try:
            while await works.turn():
                pass
            troubles.pop(str(works.kind), None)
            await asyncio.sleep(LOOK_EVERY_S)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, Refusal) as error:
            troubles[str(works.kind)] = _told(error)
            log.warning("jobs_wait", kind=str(works.kind), error=_told(error))
            await asyncio.sleep(BACK_OFF_S)
        except Exception as error:
            troubles[str(works.kind)] = _told(error)
            log.error("jobs_failed", kind=str(works.kind), exc_info=error)
            await asyncio.sleep(BACK_OFF_S)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:TOLD_CHARS_MAX]
