"""What can be wrong with jobs."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class JobUnknown(Refusal):
    status_code = 404
    reason = "JOB_UNKNOWN"


class JobEnded(Refusal):
    """What has ended cannot be cancelled."""

    status_code = 409
    reason = "JOB_ENDED"


class JobGoesOn(Refusal):
    """Only what was cancelled or has failed can be gone on with."""

    status_code = 409
    reason = "JOB_GOES_ON"


class JobForgotten(Refusal):
    """What the job was to do is not kept any more; ask for it anew."""

    status_code = 409
    reason = "JOB_FORGOTTEN"


class JobsTooMany(Refusal):
    """Too many of a kind are not finished."""

    status_code = 409
    reason = "JOBS_TOO_MANY"
