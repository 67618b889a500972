"""What is taken in and given out about rules against fraud and their cases."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from altyn.admin_api.edge.fields import Moment, Number, PageSize, Reason, Shape, Title, Whole
from altyn.core.facts.fraud import FRAUD_ACTIONS, FRAUD_KINDS, SHARE_KINDS, TIME_KINDS

Part = Annotated[str | None, Field(max_length=64)]

FraudKind = StrEnum("FraudKind", {name: name for name in FRAUD_KINDS})  # type: ignore[misc]
FraudAction = StrEnum("FraudAction", {name: name for name in FRAUD_ACTIONS})  # type: ignore[misc]

RETURN_KINDS = frozenset({"CASHIER_RETURNS", "FAST_RETURN"})
#: Of these nothing is left to decide when they are known: points were earned, and paid with or not.
AFTERWARDS = frozenset({"TAG", "CASE"})


class Window(StrEnum):
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    ALWAYS = "ALWAYS"


class RuleState(StrEnum):
    ACTIVE = "ACTIVE"
    OFF = "OFF"


class ChangeState(StrEnum):
    PROPOSED = "PROPOSED"
    APPLIED = "APPLIED"
    REJECTED = "REJECTED"


class CaseState(StrEnum):
    OPEN = "OPEN"
    DECIDED = "DECIDED"


class Verdict(StrEnum):
    FRAUD = "FRAUD"
    HONEST = "HONEST"


class RuleIn(Shape):
    """``threshold``: so many times, minor units or codes may be in ``window``; kinds that look at time have ``seconds``
    instead, less is suspicious; of a share both ``threshold`` and ``share_percent`` are passed. HOLDBACK keeps the
    receipt's points pending ``holdback_days`` longer. Returns and fiscal marks are tagged and make cases, nothing else.
    """

    kind: FraudKind
    window: Window = Window.DAY
    threshold: Annotated[Whole, Field(ge=0, le=10**12)] = 0
    seconds: Annotated[Whole, Field(ge=0, le=366 * 86_400)] = 0
    actions: Annotated[list[FraudAction], Field(min_length=1, max_length=4)]
    holdback_days: Annotated[Whole, Field(ge=0, le=365)] = 0
    share_percent: Annotated[Whole, Field(ge=0, le=100)] = 0
    state: RuleState = RuleState.ACTIVE
    title: Title = ""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        looks_at_time = self.kind in TIME_KINDS
        if looks_at_time != (self.seconds > 0) or (looks_at_time and self.threshold):
            raise ValueError("this kind has seconds and no threshold" if looks_at_time else "this kind has no seconds")
        if (self.kind in SHARE_KINDS) != (self.share_percent > 0):
            raise ValueError("a share, and no other kind, has share_percent")
        if ("HOLDBACK" in self.actions) != (self.holdback_days > 0):
            raise ValueError("HOLDBACK and holdback_days go together")
        if self.kind in RETURN_KINDS | {"DUPLICATE_SIGN"} and not set(self.actions) <= AFTERWARDS:
            raise ValueError("this kind is tagged and makes cases, nothing else")
        if self.kind == "DUPLICATE_SIGN" and self.window is Window.ALWAYS:
            raise ValueError("fiscal marks are counted by DAY, WEEK or MONTH: each is a number of its own")
        if self.kind == "CASHIER_ACTIVATIONS" and self.window is Window.ALWAYS:
            raise ValueError("activations are counted by DAY, WEEK or MONTH: a card is new in one")
        return self


class ProposeIn(RuleIn):
    """A rule as it is to be, and why."""

    reason: Reason


class RuleOut(RuleIn):
    rule: str
    feed_version: int


class RulePage(BaseModel):
    rules: list[RuleOut]


class ChangeOut(BaseModel):
    """``value`` acts once somebody else has approved it, within 72 hours."""

    change_id: int
    rule: str
    value: RuleIn
    reason: str
    state: ChangeState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class ChangePage(BaseModel):
    """Newest first."""

    changes: list[ChangeOut]
    next_before: int | None = None


class CaseFilter(BaseModel):
    """Of the query string. [``from_at``, ``to_at``) is when it was recorded; ``before`` pages on to older ones."""

    state: CaseState | None = None
    rule: Part = None
    kind: FraudKind | None = None
    store_id: Part = None
    register_id: Part = None
    cashier_id: Part = None
    card_id: Annotated[int | None, Field(gt=0, lt=1 << 63)] = None
    from_at: Moment | None = None
    to_at: Moment | None = None
    before: Annotated[str | None, Field(pattern=r"^[0-9]{1,18}-[0-9]{1,4}$")] = None
    limit: PageSize = 100


class DecideIn(Shape):
    verdict: Verdict
    note: Reason


class CaseOut(BaseModel):
    """``count`` is what was reached, ``threshold`` what the rule let be: times, minor units, codes, seconds or
    percent."""

    case_id: str
    seq: int
    rule: str
    kind: str
    operation: str
    store_id: str
    register_id: str
    shift_number: int
    receipt_number: int
    cashier_id: str
    card_id: Number | None
    customer_id: Number | None
    account_id: Number | None
    count: int
    threshold: int
    recorded_at: datetime
    state: CaseState
    verdict: Verdict | None
    note: str | None
    decided_by: str | None
    decided_at: datetime | None


class CasePage(BaseModel):
    """Newest first. ``projected_seq``: the list holds everything up to it."""

    cases: list[CaseOut]
    projected_seq: int
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: str | None = None
