"""What can be wrong with promotions."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class PromotionUnknown(Refusal):
    status_code = 404
    reason = "PROMOTION_UNKNOWN"


class RevisionUnknown(Refusal):
    """The promotion never had this revision."""

    status_code = 404
    reason = "REVISION_UNKNOWN"


class PromotionExists(Refusal):
    """The id is taken; a replacement is a PUT."""

    status_code = 409
    reason = "PROMOTION_EXISTS"


class PromotionArchived(Refusal):
    """An archived promotion is not edited; make it a draft first."""

    status_code = 409
    reason = "PROMOTION_ARCHIVED"


class DocumentInvalid(Refusal):
    """The document cannot be read or contradicts another; every problem is listed."""

    status_code = 422
    reason = "DOCUMENT_INVALID"


class ReceiptInvalid(Refusal):
    """The sample receipt cannot be calculated."""

    status_code = 422
    reason = "RECEIPT_INVALID"


class NothingToEvaluate(Refusal):
    """There is no release yet, or none of this number."""

    status_code = 409
    reason = "NOTHING_TO_EVALUATE"


class OutOfOrder(Refusal):
    """The promotion's state does not allow this step; the text says which it is."""

    status_code = 409
    reason = "OUT_OF_ORDER"


class ReviewNeeded(Refusal):
    """People activate by review, approval and publication; only a key sets ACTIVE."""

    status_code = 409
    reason = "REVIEW_NEEDED"


class ViewUnknown(Refusal):
    """Nobody has this view, or it is somebody else's own."""

    status_code = 404
    reason = "VIEW_UNKNOWN"


class ViewExists(Refusal):
    """Another view has this name."""

    status_code = 409
    reason = "VIEW_EXISTS"


class TooManyViews(Refusal):
    """There is no room for one more view."""

    status_code = 409
    reason = "TOO_MANY_VIEWS"
