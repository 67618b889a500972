"""Altyn's client library for a till: store-and-forward, and retries that never double.

The front door: everything a till needs is listed here; the modules behind it may change.
"""

if __name__ != "altyn.register":
    raise ImportError("this folder is imported as altyn.register, never as " + __name__)

from altyn.register.allowance import Allowance
from altyn.register.answers import Answer, CallRejected, Drained, NoAnswer
from altyn.register.client import TIME_OUTS, Register, TimeOut
from altyn.register.history import Attempt, History, JsonLines
from altyn.register.receipts import Line, LocalTime, build_receipt, card, gift_card, phone, qr, stored_value
from altyn.register.store_forward import FileFailed, FileFull, FileTaken, StoreForward
from altyn.register.wire import PlaintextRefused

__all__ = [
    "TIME_OUTS",
    "Allowance",
    "Answer",
    "Attempt",
    "CallRejected",
    "Drained",
    "FileFailed",
    "FileFull",
    "FileTaken",
    "History",
    "JsonLines",
    "Line",
    "LocalTime",
    "NoAnswer",
    "PlaintextRefused",
    "Register",
    "StoreForward",
    "TimeOut",
    "build_receipt",
    "card",
    "gift_card",
    "phone",
    "qr",
    "stored_value",
]
