"""What is taken in and given out about events."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from altyn.admin_api.accounts.schemas import ExpiresIn
from altyn.admin_api.customers.schemas import CardNumber
from altyn.admin_api.edge.fields import Id, Number, Points, Shape, Title, Whole

DAYS_BEFORE_MAX = 31


class EventKind(StrEnum):
    """REGISTRATION and BIRTHDAY happen by themselves; of the others somebody tells."""

    REGISTRATION = "REGISTRATION"
    BIRTHDAY = "BIRTHDAY"
    SURVEY = "SURVEY"
    CUSTOM = "CUSTOM"


class Repeats(StrEnum):
    """How often one customer earns by it: ever, in a calendar year, for each occurrence."""

    ONCE = "ONCE"
    YEARLY = "YEARLY"
    EACH = "EACH"


class EventState(StrEnum):
    PROPOSED = "PROPOSED"
    ACTIVE = "ACTIVE"
    STOPPED = "STOPPED"


class OccurrenceState(StrEnum):
    GIVEN = "GIVEN"
    DECLINED = "DECLINED"


#: What these kinds repeat as, whatever is said.
REPEATS = {EventKind.REGISTRATION: Repeats.ONCE, EventKind.BIRTHDAY: Repeats.YEARLY}


class EventIn(Shape):
    """``points`` of ``asset``, usable from ``active_after_days`` after the day it happened, ending as ``expires`` says
    from then (left out: as the asset says). ``days_before``: so many days before the birthday. ``repeats`` left out:
    once for a registration and what is told of, yearly for a birthday.
    """

    kind: EventKind
    title: Title = ""
    asset: Id
    points: Points
    repeats: Repeats | None = None
    days_before: Annotated[Whole, Field(ge=0, le=DAYS_BEFORE_MAX)] = 0
    active_after_days: Annotated[Whole, Field(ge=0, le=366)] = 0
    expires: ExpiresIn | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.repeats not in (None, REPEATS.get(self.kind, self.repeats)):
            raise ValueError(f"a {self.kind} repeats {REPEATS[self.kind]}")
        if self.days_before and self.kind is not EventKind.BIRTHDAY:
            raise ValueError("days_before is of a BIRTHDAY")
        return self


class EventOut(BaseModel):
    """``refusal``: why it was STOPPED by the processing server. ``since``: who registered before earns nothing.
    ``next_day`` of a birthday: the first day whose customers do not all have theirs.
    """

    event: str
    kind: EventKind
    title: str
    asset: str
    points: int
    repeats: Repeats
    days_before: int
    active_after_days: int
    expires: dict[str, int | date] | None
    state: EventState
    refusal: str
    since: datetime | None
    next_day: date | None
    updated_by: str
    updated_at: datetime
    approved_by: str | None


class EventPage(BaseModel):
    events: list[EventOut]


Day = date


class OccurrenceIn(Shape):
    """One of ``customer_id``, ``account_id`` and ``card_number``. ``occurrence``: the teller's own id of it, needed
    where the event repeats EACH. ``happened_on`` null: today in the program's zone.
    """

    customer_id: Number | None = None
    account_id: Number | None = None
    card_number: CardNumber | None = None
    occurrence: Id | None = None
    happened_on: Day | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.customer_id, self.account_id, self.card_number].count(None) != 2:
            raise ValueError("give one of customer_id, account_id, card_number")
        return self


class OccurrenceOut(BaseModel):
    """``occurrence`` is empty where the event happens once, and the year where yearly. ``journal_seq``: give it as
    ``wait_seq`` to read one's own write in the history.
    """

    occurrence_id: int
    event: str
    customer_id: int | None
    account_id: int
    occurrence: str
    happened_on: Day
    op_id: str
    asset: str
    points: int
    active_from: datetime | None
    expires_at: datetime | None
    state: OccurrenceState
    refusal: str
    journal_seq: int | None
    lot_id: int | None
    told_by: str
    told_at: datetime


class OccurrencePage(BaseModel):
    """Newest first."""

    occurrences: list[OccurrenceOut]
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: int | None = None
