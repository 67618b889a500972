"""What can be wrong with customers."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class CustomerUnknown(Refusal):
    status_code = 404
    reason = "CUSTOMER_UNKNOWN"


class GrantUnknown(Refusal):
    status_code = 404
    reason = "GRANT_UNKNOWN"


class TooManyGrants(Refusal):
    status_code = 409
    reason = "TOO_MANY_GRANTS"
