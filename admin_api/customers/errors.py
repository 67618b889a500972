"""What can be wrong with customers."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class CustomerUnknown(Refusal):
    status_code = 404
    reason = "CUSTOMER_UNKNOWN"
