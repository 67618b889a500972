"""What can be wrong with asking for a receipt."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class ReceiptUnknown(Refusal):
    """The journal has no receipt there."""

    status_code = 404
    reason = "RECEIPT_UNKNOWN"
