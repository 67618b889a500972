"""What is taken in and given out about cards, their series and print runs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from altyn.admin_api.cards.numbers import check_template
from altyn.admin_api.customers.schemas import CardNumber, CardOut, NewCard
from altyn.admin_api.edge.fields import Attribute, Number, Reason, Shape, Title, Whole

CARDS_A_BATCH_MAX = 100_000


class CardStates(StrEnum):
    NEW = "NEW"
    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    CLOSED = "CLOSED"
    FINISHED = "FINISHED"


class SeriesState(StrEnum):
    """CLOSED: no further cards are issued; those there are stay as they are."""

    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"


class CardIn(NewCard):
    """Without ``customer_id`` the card is anonymous and has an account of its own."""

    customer_id: Number | None = None


class ReasonIn(Shape):
    reason: Reason


class ReplaceIn(Shape):
    """The number of the new card; the old one is closed."""

    number: CardNumber
    reason: Reason


class AttachIn(Shape):
    customer_id: Number


class TokenOut(BaseModel):
    """``token`` is shown as a QR code and read by a register as it is. Ask for the next one before ``expires_at``."""

    token: str
    expires_at: datetime


class CardPage(BaseModel):
    cards: list[CardOut]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: int | None = None


class SeriesIn(Shape):
    """``template``: # a random digit, ? the check digit (Luhn) of what stands before it, anything else itself."""

    title: Title = ""
    template: Annotated[str, AfterValidator(check_template)]
    card_type: Attribute = ""
    state: SeriesState = SeriesState.ACTIVE


class SeriesOut(BaseModel):
    """``cards`` counts by state."""

    series: str
    title: str
    template: str
    card_type: str
    state: str
    updated_by: str
    updated_at: datetime
    cards: dict[str, int]


class SeriesPage(BaseModel):
    series: list[SeriesOut]


class BatchIn(Shape):
    """A print run of anonymous cards, NEW until each is activated."""

    title: Title = ""
    count: Annotated[Whole, Field(ge=1, le=CARDS_A_BATCH_MAX)]


class BatchState(StrEnum):
    """BLOCKED: with all its cards."""

    ISSUED = "ISSUED"
    BLOCKED = "BLOCKED"


class BatchOut(BaseModel):
    batch_id: int
    series: str
    title: str
    cards_count: int
    state: BatchState
    block_reason: str
    created_by: str
    created_at: datetime


class BatchPage(BaseModel):
    """Newest first."""

    batches: list[BatchOut]
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: int | None = None
