"""What is taken in and given out about customers. Numbers and phones come in and never go out, but for
``PersonalOut``.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from altyn.admin_api.edge.fields import Attribute, Id, Moment, Number, Shape, Title
from altyn.core.engine.identity import normalised_card, normalised_phone

SEGMENTS_MAX = 64
FAVOURITES_MAX = 32
GRANT_GOODS_MAX = 32


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


def check_birthday(value: str) -> str:
    """MM-DD."""
    if not _MONTH_AND_DAY.fullmatch(value):
        raise ValueError("a birthday is a month and a day: 02-29")
    datetime.strptime(f"2000-{value}", "%Y-%m-%d")
    return value


def _from_csv(value: object) -> object:
    return [one.strip() for one in value.split(";") if one.strip()] if isinstance(value, str) else value


_MONTH_AND_DAY = re.compile("[0-9]{2}-[0-9]{2}")
Birthday = Annotated[str, AfterValidator(check_birthday)]
Goods = Annotated[list[Id], Field(max_length=GRANT_GOODS_MAX), BeforeValidator(_from_csv)]
CardNumber = Annotated[str, Field(max_length=80), AfterValidator(check_card_number)]
Phone = Annotated[str, Field(max_length=40), AfterValidator(check_phone)]
Segments = Annotated[list[Id], Field(max_length=SEGMENTS_MAX)]


class CardKind(StrEnum):
    """VIRTUAL: an app shows short-lived tokens of it; its number by itself identifies nobody."""

    PLASTIC = "PLASTIC"
    VIRTUAL = "VIRTUAL"


class NewCard(Shape):
    number: CardNumber
    card_type: Attribute = ""
    is_active: bool = True
    kind: CardKind = CardKind.PLASTIC


class CustomerIn(Shape):
    name: Title = ""
    phone: Phone | None = None
    segments: Segments = Field([])
    card: NewCard | None = None
    registers_card_id: Number | None = None


class FindIn(Shape):
    """By a key in full, never by a part: of a family all its members are found."""

    card_number: CardNumber | None = None
    phone: Phone | None = None
    customer_id: Number | None = None
    family_id: Number | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("give one of card_number, phone, customer_id, family_id")
        return self


class SegmentsIn(Shape):
    segments: Segments


class BirthdayIn(Shape):
    """Month and day, ``02-29`` among them; null: not known. Never the year."""

    birthday: Birthday | None

    @property
    def mmdd(self) -> int:
        return int(self.birthday.replace("-", "")) if self.birthday else 0


class FavouritesIn(Shape):
    """Categories, which are product groups."""

    favourites: Annotated[list[Id], Field(max_length=FAVOURITES_MAX)]


class FavouritesOut(BaseModel):
    favourites: list[str]


class GrantIn(Shape):
    """In force from ``starts_at`` until before ``ends_at``; left out: open. Goods: what is chosen for the customer."""

    starts_at: Moment | None = None
    ends_at: Moment | None = None
    skus: Goods = Field([])
    categories: Goods = Field([])

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.starts_at is not None and self.ends_at is not None and self.starts_at >= self.ends_at:
            raise ValueError("the grant ends before it starts")
        if len(self.skus) + len(self.categories) > GRANT_GOODS_MAX:
            raise ValueError(f"at most {GRANT_GOODS_MAX} skus and categories together")
        return self


class GrantRow(GrantIn):
    """A row of a list; ``deleted`` takes the grant back. In CSV ``skus`` and ``categories`` are joined by ``;``."""

    customer_id: Annotated[int, Field(gt=0, lt=1 << 63)]
    deleted: bool = False


class GrantOut(BaseModel):
    customer_id: int
    promotion_id: str
    starts_at: datetime | None
    ends_at: datetime | None
    skus: list[str]
    categories: list[str]
    feed_version: int


class GrantsOut(BaseModel):
    """Ended ones too, until the customer gets a new one."""

    grants: list[GrantOut]


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
    kind: str
    feed_version: int


class CustomerOut(BaseModel):
    customer_id: int
    account_id: int
    registered_at: datetime
    favourites_count: int
    has_birthday: bool
    segments: list[str]
    cards: list[CardOut]
    feed_version: int


class FoundOut(BaseModel):
    """Empty when nobody has it; several customers when they share a phone or a family. ``card`` when asked by its
    number.
    """

    customers: list[CustomerOut]
    card: CardOut | None = None


class PersonalOut(BaseModel):
    customer_id: int
    name: str
    phone: str
    birthday: str | None
