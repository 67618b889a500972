"""The core as a function: (state, request, instant) → (effects, reply).

`Engine` is the state; each act is a function over it. What a caller needs is listed here and nowhere else.
"""

from altyn.core.engine.accounts import LotSweep, adjust_points, expire_holds
from altyn.core.engine.accumulate import (
    BACKFILL_ROWS_MAX,
    Gap,
    are_ready,
    backfill_accumulations,
    find_gap,
    finish_accumulations,
    prepare_accumulations,
    tend_accumulations,
)
from altyn.core.engine.decisions import decide_exception
from altyn.core.engine.readjudicate import same_taking
from altyn.core.engine.reads import authorize_customer, calculate_receipt, get_balance, get_coupons, get_operation
from altyn.core.engine.receipts import cancel_receipt, commit_receipt, reserve_receipt
from altyn.core.engine.replay import recalculate, replay, same_decision
from altyn.core.engine.returns import find_owed, return_receipt, settle_waiting
from altyn.core.engine.set_tier import set_tier
from altyn.core.engine.step import Engine
from altyn.core.engine.tally import Tally
from altyn.core.engine.tier_sweep import TierSweep
from altyn.core.engine.transfers import convert_points, merge_accounts, move_points
from altyn.core.engine.types import Answer, CallRefused, Known, Lookup, Record, RulesWanted, Scope

__all__ = [
    "BACKFILL_ROWS_MAX",
    "Answer",
    "CallRefused",
    "Engine",
    "Gap",
    "Known",
    "Lookup",
    "LotSweep",
    "Record",
    "RulesWanted",
    "Scope",
    "Tally",
    "TierSweep",
    "adjust_points",
    "are_ready",
    "authorize_customer",
    "backfill_accumulations",
    "calculate_receipt",
    "cancel_receipt",
    "commit_receipt",
    "convert_points",
    "decide_exception",
    "expire_holds",
    "find_gap",
    "find_owed",
    "finish_accumulations",
    "get_balance",
    "get_coupons",
    "get_operation",
    "merge_accounts",
    "move_points",
    "prepare_accumulations",
    "recalculate",
    "replay",
    "reserve_receipt",
    "return_receipt",
    "same_decision",
    "same_taking",
    "set_tier",
    "settle_waiting",
    "tend_accumulations",
]
