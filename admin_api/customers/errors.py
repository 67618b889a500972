"""What can be wrong with customers, cards and segments."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class CustomerUnknown(Refusal):
    status_code = 404
    reason = "CUSTOMER_UNKNOWN"


class CardUnknown(Refusal):
    status_code = 404
    reason = "CARD_UNKNOWN"


class CardExists(Refusal):
    """The number is on another card. Nothing is told about that card."""

    status_code = 409
    reason = "CARD_EXISTS"


class CardState(Refusal):
    """The card's state does not allow this."""

    status_code = 409
    reason = "CARD_STATE"


class SegmentUnknown(Refusal):
    status_code = 404
    reason = "SEGMENT_UNKNOWN"
