"""What is taken in and given out about products."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from altyn.admin_api.edge.bulk import RowProblem
from altyn.admin_api.edge.fields import Attribute, Id, Shape, Title

FLAGS = ("no_discount", "no_redeem", "no_accrual", "no_threshold", "marked", "gift", "excise")


def _from_csv(value: object) -> object:
    """``colour=red;size=xl`` as a mapping."""
    if not isinstance(value, str):
        return value
    pairs = [pair.partition("=") for pair in value.split(";") if pair.strip()]
    if not all(equals for _, equals, _ in pairs) or len({name.strip() for name, _, _ in pairs}) < len(pairs):
        raise ValueError("write attributes as name=value;name=value, each name once")
    return {name.strip(): text.strip() for name, _, text in pairs}


def _check_value(value: str) -> str:
    if not 0 < len(value.encode()) <= 64 or not value.isprintable() or value != value.strip():
        raise ValueError("a value is 1 to 64 bytes of printable text, without blanks around it")
    return value


AttributeValue = Annotated[str, AfterValidator(_check_value)]
AttributeName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]
#: What rules may ask of a product beside the columns.
Attributes = Annotated[dict[AttributeName, AttributeValue], Field(max_length=16), BeforeValidator(_from_csv)]


class ProductIn(Shape):
    """One row of an import. Flags are those of a receipt line; ``deleted`` takes the product out."""

    sku: Id
    title: Title = ""
    group_id: Attribute = ""
    brand_id: Attribute = ""
    supplier_id: Attribute = ""
    no_discount: bool = False
    no_redeem: bool = False
    no_accrual: bool = False
    no_threshold: bool = False
    marked: bool = False
    gift: bool = False
    excise: bool = False
    min_price_minor: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    vat_code: Annotated[int, Field(ge=0, le=1_000)] = 0
    #: In CSV ``name=value`` joined by ``;``.
    attributes: Attributes = Field(default_factory=dict)
    deleted: bool = False

    @property
    def flags(self) -> int:
        """The flags as bits, in the order of altyn.pos.v1.LineFlags."""
        return sum(1 << bit for bit, name in enumerate(FLAGS) if getattr(self, name))

    @property
    def pairs(self) -> list[str]:
        """The attributes as they are stored."""
        return sorted((f"{name}={value}" for name, value in self.attributes.items()), key=str.encode)


class ProductOut(BaseModel):
    sku: str
    title: str
    group_id: str
    brand_id: str
    supplier_id: str
    flags: list[str]
    min_price_minor: int
    vat_code: int
    attributes: dict[str, str]
    feed_version: int


class ProductPage(BaseModel):
    products: list[ProductOut]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: str | None = None


class ImportOut(BaseModel):
    """``changed_count`` rows were new, different or deleted; equal ones wrote nothing. Wrong rows were left out."""

    rows_count: int
    changed_count: int
    wrong_count: int
    problems: list[RowProblem]
    feed_version: int


class GroupIn(Shape):
    title: Title


class GroupOut(BaseModel):
    group_id: str
    title: str
    feed_version: int


class GroupRow(BaseModel):
    """``title`` is empty until somebody names the group."""

    group_id: str
    title: str
    products_count: int


class GroupPage(BaseModel):
    groups: list[GroupRow]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: str | None = None
