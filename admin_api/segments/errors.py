"""What can be wrong with segments."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class SegmentUnknown(Refusal):
    status_code = 404
    reason = "SEGMENT_UNKNOWN"


class SegmentInUse(Refusal):
    """A promotion that is ACTIVE or released names the segment."""

    status_code = 409
    reason = "SEGMENT_IN_USE"


class JobUnknown(Refusal):
    status_code = 404
    reason = "SEGMENT_JOB_UNKNOWN"


class JobEnded(Refusal):
    """What has ended cannot be cancelled."""

    status_code = 409
    reason = "SEGMENT_JOB_ENDED"


class JobsTooMany(Refusal):
    """Too many lists wait to be written."""

    status_code = 409
    reason = "SEGMENT_JOBS_TOO_MANY"
