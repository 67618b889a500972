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
