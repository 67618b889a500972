"""What can be wrong with stores."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class StoreUnknown(Refusal):
    status_code = 404
    reason = "STORE_UNKNOWN"


class RegisterUnknown(Refusal):
    status_code = 404
    reason = "REGISTER_UNKNOWN"


class RegisterKeyUnknown(Refusal):
    status_code = 404
    reason = "REGISTER_KEY_UNKNOWN"


class CertificateBound(Refusal):
    """The certificate, or its name, speaks for another register."""

    status_code = 409
    reason = "CERTIFICATE_BOUND"


class StoreInUse(Refusal):
    """The store still has registers."""

    status_code = 409
    reason = "STORE_IN_USE"


class MoneyFixed(Refusal):
    """Receipts were made in the store's currency: it never changes."""

    status_code = 409
    reason = "MONEY_FIXED"
