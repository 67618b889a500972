"""What is taken in and given out about promotions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field

from altyn.admin_api.edge.fields import Attribute, Id, Moment, Number, Shape, Whole


class State(StrEnum):
    """The way of a promotion. DRAFT, ACTIVE and ARCHIVED may be set; the others are reached by acts of publishing."""

    DRAFT = "DRAFT"
    REVIEW = "REVIEW"
    APPROVED = "APPROVED"
    SCHEDULED = "SCHEDULED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"


class StateSet(StrEnum):
    """States that are set as such."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class Kind(StrEnum):
    """What a document is; its key of this name is its id. One id names one document, whatever its kind."""

    PROMOTION = "promotion"
    LIMIT = "limit"
    ROUNDING = "rounding"


class PromotionSummary(BaseModel):
    """``stage`` is a promotion's."""

    promotion_id: str
    kind: Kind
    title: dict[str, str]
    stage: str | None
    state: State
    revision: int
    updated_by: str
    updated_at: datetime


class PromotionOut(BaseModel):
    """``document`` as it was written: every scalar is text, so that nothing passes through a float.

    ``released_revision``: the one that takes part in releases, which a draft of it does not change. ``effective_at``:
    when the SCHEDULED one comes into force.
    """

    promotion_id: str
    state: State
    revision: int
    released_revision: int | None = None
    effective_at: datetime | None = None
    updated_by: str
    updated_at: datetime
    document: dict[str, Any]


class PromotionPage(BaseModel):
    promotions: list[PromotionSummary]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: str | None = None


class RevisionPage(BaseModel):
    revisions: list[PromotionOut]


class StateIn(Shape):
    state: StateSet


class ProblemOut(BaseModel):
    path: str
    code: str
    message: str


class ValidationOut(BaseModel):
    """``documents`` are written out with all their defaults; ``remarks`` refuse nothing."""

    is_valid: bool
    problems: list[ProblemOut] = []
    remarks: list[ProblemOut] = []
    documents: list[dict[str, Any]] = []


class CustomerIn(Shape):
    """What the till would know of the customer. ``customer_id`` 0: an anonymous card. ``history``: earlier receipts, as
    `altyn evaluate` takes them.
    """

    customer_id: Annotated[Whole, Field(ge=0, lt=1 << 63)] = 0
    card_type: Attribute = ""
    card_state: Annotated[str, Field(pattern="^(NEW|ACTIVE|BLOCKED|CLOSED|FINISHED)$")] = "ACTIVE"
    #: The card is nobody's: it earns, and pays where a rule says so.
    anonymous: bool = False
    segments: Annotated[list[Id], Field(max_length=256)] = Field([])
    #: The customer's tier, then the lower ones.
    tiers: Annotated[list[Id], Field(max_length=32)] = Field(default=[])
    history: Annotated[list[dict[str, Any]], Field(max_length=1_000)] = Field([])
    birthday: Annotated[str, Field(max_length=5)] | None = None
    favourites: Annotated[list[Id], Field(max_length=32)] = Field(default=[])
    #: As in a receipt file: ``{promotion, from, to, skus, categories}``.
    personal: Annotated[list[dict[str, Any]], Field(max_length=64)] = Field(default=[])


class PlaceIn(Shape):
    """Used in place of the store's facts."""

    store_id: Attribute = ""
    region: Attribute = ""
    format: Attribute = ""
    cluster: Attribute = ""
    zone: str = "Europe/Moscow"


class EvaluateIn(Shape):
    """One receipt under one set of rules: ``documents`` (text, YAML or JSON), stored ``promotion_ids``, a release's
    ``rules_version``, or, when none is given, the release in force.

    ``receipt`` has the fields of altyn.pos.v1.Receipt. ``store`` replaces the facts about ``receipt.store_id``.
    """

    receipt: dict[str, Any]
    documents: str | None = None
    promotion_ids: Annotated[list[Id], Field(min_length=1, max_length=1_000)] | None = None
    rules_version: Number | None = None
    customer: CustomerIn | None = None
    store: PlaceIn | None = None
    at: Moment | None = None
    explain: bool = True


class EvaluateOut(BaseModel):
    """``outcome`` has the fields of altyn.pos.v1.Outcome. ``rules_version`` is 0 when documents were tried."""

    rules_version: int
    outcome: dict[str, Any]
