"""Body of the rules against fraud; see the header for the invariants."""
from typing import NamedTuple

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t
from altyn.core.facts.texts cimport FACT_ID_BYTES_MAX
cimport cython

cdef int64_t THRESHOLD_MAX = 1_000_000_000_000
cdef enum:
    HOLDBACK_DAYS_MAX = 365

# Numbers of altyn.journal.v1.FraudKind and LimitWindow, from 1; bits of FraudAction, in order.
FRAUD_KINDS = ("CARD_RECEIPTS", "CARD_INTERVAL", "CASHIER_CARD", "RECEIPT_AMOUNT", "CARD_AMOUNT", "CASHIER_RETURNS", "FAST_RETURN",
               "CARD_COUPONS", "NEW_CARD_REDEMPTION", "DUPLICATE_SIGN", "CASHIER_CARD_SHARE", "CASHIER_ACTIVATIONS")
FRAUD_WINDOWS = ("DAY", "WEEK", "MONTH", "YEAR", "ALWAYS")
FRAUD_ACTIONS = ("TAG", "CASE", "HOLDBACK", "DECLINE_REDEMPTION")
TIME_KINDS = frozenset({"CARD_INTERVAL", "FAST_RETURN", "NEW_CARD_REDEMPTION"})
SHARE_KINDS = frozenset({"CASHIER_CARD_SHARE"})
FRAUD_PREFIX = "fraud:"
globals().update(FRAUD_RULES_MAX=FRAUD_RULES_MAX)


class FraudRuleFact(NamedTuple):
    rule: str
    kind: str
    window: str = "DAY"
    threshold: int = 0
    seconds: int = 0
    actions: tuple = ("CASE",)
    holdback_days: int = 0
    share_percent: int = 0


cdef int check(rule) except -1:
    """ValueError names what is out of range."""
    if not 0 < len(rule.rule.encode()) <= FACT_ID_BYTES_MAX:
        raise ValueError("a fraud rule's name of " + str(len(rule.rule.encode())) + " bytes")
    if rule.kind not in FRAUD_KINDS or rule.window not in FRAUD_WINDOWS:
        raise ValueError("fraud rule " + rule.rule + ": kind is " + rule.kind + ", window " + rule.window)
    if not rule.actions or not set(rule.actions) <= set(FRAUD_ACTIONS):
        raise ValueError("fraud rule " + rule.rule + ": actions are " + ", ".join(rule.actions))
    if not 0 <= rule.threshold <= THRESHOLD_MAX or not 0 <= rule.seconds <= THRESHOLD_MAX:
        raise ValueError("fraud rule " + rule.rule + ": threshold or seconds out of range")
    if not 0 <= rule.holdback_days <= HOLDBACK_DAYS_MAX:
        raise ValueError("fraud rule " + rule.rule + ": holdback_days is " + str(rule.holdback_days))
    if not 0 <= rule.share_percent <= 100:
        raise ValueError("fraud rule " + rule.rule + ": share_percent is " + str(rule.share_percent))
    return 0


@cython.final
cdef class FraudRules:
    def __cinit__(self):
        self._facts = {}
        self._limits = []

    def __len__(self):
        return len(self._facts)

    def get(self, str rule not None):
        return self._facts.get(rule)

    def upsert(self, rule not None):
        check(rule)
        self._facts[rule.rule] = rule
        self._order()

    def remove(self, str rule not None):
        if self._facts.pop(rule, None) is None:
            return False
        self._order()
        return True

    cdef int _order(self) except -1:
        """The rules as the engine reads them."""
        cdef FraudRule* row
        cdef bytes limit
        cdef list facts = [self._facts[name] for name in sorted(self._facts)]
        self.is_overfull = len(facts) > FRAUD_RULES_MAX
        self.count = 0
        self._limits = []
        for fact in facts[:FRAUD_RULES_MAX]:
            limit = (FRAUD_PREFIX + fact.rule).encode()
            self._limits.append(limit)
            row = &self.rules[self.count]
            row.limit.data = PyBytes_AS_STRING(limit)
            row.limit.size = <int32_t>len(limit)
            row.kind = FRAUD_KINDS.index(fact.kind) + 1
            row.window = FRAUD_WINDOWS.index(fact.window) + 1
            row.threshold = fact.seconds if fact.kind in TIME_KINDS else fact.threshold
            row.actions = 0
            for action in fact.actions:
                row.actions |= 1 << <int>FRAUD_ACTIONS.index(action)
            row.holdback_days = fact.holdback_days
            row.share_percent = fact.share_percent
            self.count += 1
        return 0
