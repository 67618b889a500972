"""The core as a function: (state, request, instant) → (effects, reply).

`Engine` is the state; each act is a function over it. What a caller needs is listed here and nowhere else.
"""

from altyn.core.engine.accounts import LotSweep, adjust_points, expire_holds
from altyn.core.engine.reads import authorize_customer, calculate_receipt, get_balance, get_coupons, get_operation
from altyn.core.engine.receipts import cancel_receipt, commit_receipt, reserve_receipt
from altyn.core.engine.replay import recalculate, replay, same_decision
from altyn.core.engine.returns import find_owed, return_receipt, settle_waiting
from altyn.core.engine.step import Engine
from altyn.core.engine.types import Answer, CallRefused, Known, Lookup, Record, RulesWanted, Scope

__all__ = [
    "Answer",
    "CallRefused",
    "Engine",
    "Known",
    "Lookup",
    "LotSweep",
    "Record",
    "RulesWanted",
    "Scope",
    "adjust_points",
    "authorize_customer",
    "calculate_receipt",
    "cancel_receipt",
    "commit_receipt",
    "expire_holds",
    "find_owed",
    "get_balance",
    "get_coupons",
    "get_operation",
    "recalculate",
    "replay",
    "reserve_receipt",
    "return_receipt",
    "same_decision",
    "settle_waiting",
]
