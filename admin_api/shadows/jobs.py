"""Shadows as jobs: a process for each, one at a time, whose report is written down every second."""

from __future__ import annotations

from typing import Any

from altyn.admin_api.backtests.jobs import BacktestJobs
from altyn.admin_api.jobs.schemas import JobKind


class ShadowJobs(BacktestJobs):
    """Works off the shadows of one tenant as backtests are worked off; what one has found so far it goes on with."""

    kind = JobKind.SHADOW
    worker = "altyn.admin_api.shadows.worker"

    def order_of(self, job: Any) -> dict[str, Any]:
        return {**job["given"], "so_far": job["result"]}
