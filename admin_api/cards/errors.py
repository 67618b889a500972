"""What can be wrong with cards."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


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


class CardNotVirtual(Refusal):
    """The card is known by its number: it has no tokens."""

    status_code = 409
    reason = "CARD_NOT_VIRTUAL"


class CardNotAnonymous(Refusal):
    """The card is somebody's already."""

    status_code = 409
    reason = "CARD_NOT_ANONYMOUS"


class CardHasPoints(Refusal):
    """The card's own account holds points, which would be lost to the customer."""

    status_code = 409
    reason = "CARD_HAS_POINTS"


class CardSeriesUnknown(Refusal):
    status_code = 404
    reason = "CARD_SERIES_UNKNOWN"


class CardSeriesClosed(Refusal):
    """No cards are issued in a closed series."""

    status_code = 409
    reason = "CARD_SERIES_CLOSED"


class CardNumbersScarce(Refusal):
    """The template has too few free numbers for so many cards."""

    status_code = 409
    reason = "CARD_NUMBERS_SCARCE"


class CardBatchUnknown(Refusal):
    status_code = 404
    reason = "CARD_BATCH_UNKNOWN"


class CardBatchState(Refusal):
    """The print run is blocked already, or is not."""

    status_code = 409
    reason = "CARD_BATCH_STATE"
