"""What can be wrong with gift cards."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class GiftCardUnknown(Refusal):
    status_code = 404
    reason = "GIFT_CARD_UNKNOWN"


class GiftSeriesUnknown(Refusal):
    status_code = 404
    reason = "GIFT_SERIES_UNKNOWN"


class GiftSeriesFixed(Refusal):
    """Cards of the series were made: which money is on them cannot change."""

    status_code = 409
    reason = "GIFT_SERIES_FIXED"


class GiftSeriesBlocked(Refusal):
    """No cards are made in a blocked series."""

    status_code = 409
    reason = "GIFT_SERIES_BLOCKED"


class GiftAssetWrong(Refusal):
    """The asset is not money with the currency's digits."""

    status_code = 422
    reason = "GIFT_ASSET_WRONG"


class GiftNumbersScarce(Refusal):
    """The template has too few numbers: they could be guessed."""

    status_code = 409
    reason = "GIFT_NUMBERS_SCARCE"


class GiftBatchUnknown(Refusal):
    status_code = 404
    reason = "GIFT_BATCH_UNKNOWN"


class GiftBatchIssued(Refusal):
    """The print run was made already; its numbers are told once."""

    status_code = 409
    reason = "GIFT_BATCH_ISSUED"


class GiftCardState(Refusal):
    """The card's state does not allow this."""

    status_code = 409
    reason = "GIFT_CARD_STATE"


class GiftBatchState(Refusal):
    """The print run is not made yet, blocked already, or not blocked."""

    status_code = 409
    reason = "GIFT_BATCH_STATE"
