"""What can be wrong with asking for a backtest."""

from __future__ import annotations

from altyn.admin_api.edge.problems import Refusal


class StoresUnknown(Refusal):
    """There are no such stores."""

    status_code = 422
    reason = "STORES_UNKNOWN"
