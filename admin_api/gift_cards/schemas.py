"""What is taken in and given out about gift cards. Numbers and PINs go out once, when their print run is issued."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from altyn.admin_api.cards.numbers import check_template
from altyn.admin_api.edge.fields import Id, Reason, Shape, Title, Whole

CARDS_A_BATCH_MAX = 100_000
NUMBER_CHARS_MAX = 64


def check_pin_digits(value: int) -> int:
    """Raises ValueError."""
    if 0 < value < 4:
        raise ValueError("0: no PIN; else 4 to 8 digits")
    return value


class SeriesState(StrEnum):
    """BLOCKED: its cards are neither sold nor accepted."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"


class CardState(StrEnum):
    """FINISHED: spent or expired."""

    NEW = "NEW"
    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    FINISHED = "FINISHED"


class BatchState(StrEnum):
    """BLOCKED: issued, and blocked with all its cards."""

    ORDERED = "ORDERED"
    ISSUED = "ISSUED"
    BLOCKED = "BLOCKED"


class SeriesIn(Shape):
    """``template``: # a random digit, ? the check digit (Luhn) of what stands before it, anything else itself.
    ``asset``: of kind MONEY. ``valid_days`` after the date of sale; 0: for ever.
    """

    title: Title = ""
    template: Annotated[str, AfterValidator(check_template)]
    asset: Id
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    pin_digits: Annotated[Whole, Field(ge=0, le=8), AfterValidator(check_pin_digits)] = 0
    valid_days: Annotated[Whole, Field(ge=0, le=36_500)] = 0
    state: SeriesState = SeriesState.ACTIVE


class SeriesOut(BaseModel):
    """``series_no`` stands for the series in the journal; ``cards_count``: how many were made."""

    series: str
    series_no: int
    title: str
    template: str
    asset: str
    currency: str
    pin_digits: int
    valid_days: int
    state: SeriesState
    cards_count: int
    feed_version: int


class SeriesPage(BaseModel):
    series: list[SeriesOut]


class BatchIn(Shape):
    title: Title = ""
    count: Annotated[Whole, Field(ge=1, le=CARDS_A_BATCH_MAX)]


class BatchOut(BaseModel):
    batch_id: int
    series: str
    title: str
    cards_count: int
    state: BatchState
    block_reason: str
    ordered_by: str
    ordered_at: datetime
    issued_by: str | None
    issued_at: datetime | None


class BatchPage(BaseModel):
    """Newest first."""

    batches: list[BatchOut]
    #: Give it as ``before`` for the next page; absent on the last one.
    next_before: int | None = None


class ReasonIn(Shape):
    reason: Reason


class FindIn(Shape):
    number: Annotated[str, Field(min_length=1, max_length=NUMBER_CHARS_MAX)]


class CardRow(BaseModel):
    """A card as the back office keeps it. ``is_blocked`` by itself, whatever its series is."""

    gift_card_id: int
    series: str
    batch_id: int
    last4: str
    account_id: int
    is_blocked: bool
    block_reason: str
    feed_version: int


class CardPage(BaseModel):
    """By ``gift_card_id``."""

    cards: list[CardRow]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: int | None = None


class CardOut(CardRow):
    """With what the processing server says now: null in the answer to a change while it does not answer. Money in minor
    units; what a register keeps for a receipt is ``held_minor``.
    """

    state: CardState | None = None
    balance_minor: int | None = None
    held_minor: int | None = None
    expires_at: datetime | None = None
