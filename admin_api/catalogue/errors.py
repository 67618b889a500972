"""What can be wrong with the catalogue."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class ProductUnknown(Refusal):
    status_code = 404
    reason = "PRODUCT_UNKNOWN"


class ImportUnreadable(Refusal):
    """The file is neither NDJSON nor CSV with the columns of a product."""

    status_code = 422
    reason = "IMPORT_UNREADABLE"


class ImportRefused(Refusal):
    """Rows are wrong and the caller asked for all or nothing."""

    status_code = 422
    reason = "IMPORT_REFUSED"
