"""What can be wrong with the program."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class ZoneFixed(Refusal):
    """Dates of lots and receipts were made in the program's zone: it never changes."""

    status_code = 409
    reason = "ZONE_FIXED"
