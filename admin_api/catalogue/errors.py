"""What can be wrong with the catalogue."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class ProductUnknown(Refusal):
    status_code = 404
    reason = "PRODUCT_UNKNOWN"


class GroupUnknown(Refusal):
    status_code = 404
    reason = "PRODUCT_GROUP_UNKNOWN"
