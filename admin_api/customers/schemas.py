"""What is taken in and given out about customers. Numbers and phones come in and never go out, but for
``PersonalOut``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from altyn.admin_api.edge.fields import Attribute, Id, Number, Shape, Title
from altyn.core.engine.identity import normalised_card, normalised_phone

SEGMENTS_MAX = 64


def check_card_number(value: str) -> str:
    """4 to 40 letters and digits once blanks and dashes are gone."""
    number = normalised_card(value)
    if not (4 <= len(number) <= 40 and number.isascii() and number.isalnum()):
        raise ValueError("a card number has 4 to 40 letters and digits")
    return number


def check_phone(value: str) -> str:
    """7 to 15 digits."""
    phone = normalised_phone(value)
    if not 7 <= len(phone) <= 15:
        raise ValueError("a phone has 7 to 15 digits, country code first")
    return phone


CardNumber = Annotated[str, Field(max_length=80), AfterValidator(check_card_number)]
Phone = Annotated[str, Field(max_length=40), AfterValidator(check_phone)]
Segments = Annotated[list[Id], Field(max_length=SEGMENTS_MAX)]


class NewCard(Shape):
    number: CardNumber
    card_type: Attribute = ""
    is_active: bool = True


class CustomerIn(Shape):
    name: Title = ""
    phone: Phone | None = None
    segments: Segments = Field([])
    card: NewCard | None = None
    registers_card_id: Number | None = None


class FindIn(Shape):
    """By the full card number or the full phone, never by a part."""

    card_number: CardNumber | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.card_number is None) == (self.phone is None):
            raise ValueError("give card_number or phone")
        return self


class SegmentsIn(Shape):
    segments: Segments


class CardOut(BaseModel):
    """``last4`` is all that is kept of the number in clear; ``series`` is empty for a card issued by itself."""

    card_id: int
    last4: str
    card_type: str
    state: str
    block_reason: str
    customer_id: int | None
    account_id: int
    series: str
    batch_id: int | None
    feed_version: int


class CustomerOut(BaseModel):
    customer_id: int
    account_id: int
    registered_at: datetime
    segments: list[str]
    cards: list[CardOut]
    feed_version: int


class FoundOut(BaseModel):
    """Empty when nobody has it; several customers when they share a phone. ``card`` when asked by its number."""

    customers: list[CustomerOut]
    card: CardOut | None = None


class PersonalOut(BaseModel):
    customer_id: int
    name: str
    phone: str
