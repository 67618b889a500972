"""What can be wrong with coupons."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class CouponSeriesUnknown(Refusal):
    status_code = 404
    reason = "COUPON_SERIES_UNKNOWN"


class CouponSeriesFixed(Refusal):
    """Codes were made: what they are does not change any more."""

    status_code = 409
    reason = "COUPON_SERIES_FIXED"


class CouponSeriesFull(Refusal):
    """There are as many series as a server can number."""

    status_code = 409
    reason = "COUPON_SERIES_FULL"


class CouponSeriesClosed(Refusal):
    """No codes are made in a blocked series, or one that has ended."""

    status_code = 409
    reason = "COUPON_SERIES_CLOSED"


class CouponTemplateMissing(Refusal):
    """The series has no template: its codes are imported."""

    status_code = 409
    reason = "COUPON_TEMPLATE_MISSING"


class CouponCodesScarce(Refusal):
    """With so many codes one could be guessed: the template needs more random characters."""

    status_code = 409
    reason = "COUPON_CODES_SCARCE"


class CouponOriginOther(Refusal):
    """Codes of a SERIAL series are computed, never listed; those of a LISTED one never computed."""

    status_code = 409
    reason = "COUPON_ORIGIN_OTHER"


class CouponTemplateTaken(Refusal):
    """A code of another series may have this form, and codes of SERIAL series are told by their form."""

    status_code = 409
    reason = "COUPON_TEMPLATE_TAKEN"


class CouponExportUnknown(Refusal):
    status_code = 404
    reason = "COUPON_EXPORT_UNKNOWN"


class CouponExportState(Refusal):
    """It waits for somebody else's word, was refused, or was taken."""

    status_code = 409
    reason = "COUPON_EXPORT_STATE"


class CouponBatchUnknown(Refusal):
    status_code = 404
    reason = "COUPON_BATCH_UNKNOWN"


class CouponUnknown(Refusal):
    status_code = 404
    reason = "COUPON_UNKNOWN"
