"""Rules against fraud in memory."""

from typing import NamedTuple

FRAUD_RULES_MAX: int
FRAUD_PREFIX: str
FRAUD_KINDS: tuple[str, ...]
FRAUD_WINDOWS: tuple[str, ...]
FRAUD_ACTIONS: tuple[str, ...]
TIME_KINDS: frozenset[str]
SHARE_KINDS: frozenset[str]

class FraudRuleFact(NamedTuple):
    """`kind`, `actions` and `window` are names of FRAUD_KINDS, FRAUD_ACTIONS and FRAUD_WINDOWS. `threshold`: what may
    be and is not suspicious yet; TIME_KINDS have `seconds` instead: less is suspicious. Of SHARE_KINDS more than
    `share_percent` (0…100) is suspicious, once `threshold` is passed too. `holdback_days`: 0…365.
    """

    rule: str
    kind: str
    window: str = "DAY"
    threshold: int = 0
    seconds: int = 0
    actions: tuple[str, ...] = ("CASE",)
    holdback_days: int = 0
    share_percent: int = 0

class FraudRules:
    """Rules that are on. `count` of them act; `is_overfull`: there are more."""

    count: int
    is_overfull: bool
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def get(self, rule: str) -> FraudRuleFact | None: ...
    def upsert(self, rule: FraudRuleFact) -> None:
        """Add or replace. ValueError names what is out of range."""
    def remove(self, rule: str) -> bool:
        """Forget a rule; False when it was not there."""
