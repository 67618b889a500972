"""What can be wrong with keys of this API."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class KeyUnknown(Refusal):
    status_code = 404
    reason = "KEY_UNKNOWN"


class ScopeUnknown(Refusal):
    status_code = 422
    reason = "SCOPE_UNKNOWN"


class ScopeNotYours(Refusal):
    """Nobody gives what they do not have."""

    status_code = 403
    reason = "SCOPE_NOT_YOURS"


class LastKey(Refusal):
    """Without a key that may issue keys nobody could come in again."""

    status_code = 409
    reason = "LAST_KEY"
