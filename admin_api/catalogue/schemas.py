"""What is taken in and given out about products."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from altyn.admin_api.edge.bulk import RowProblem
from altyn.admin_api.edge.fields import Attribute, Id, Shape, Title

FLAGS = ("no_discount", "no_redeem", "no_accrual", "no_threshold", "marked", "gift", "excise")


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
    deleted: bool = False

    @property
    def flags(self) -> int:
        """The flags as bits, in the order of altyn.pos.v1.LineFlags."""
        return sum(1 << bit for bit, name in enumerate(FLAGS) if getattr(self, name))


class ProductOut(BaseModel):
    sku: str
    title: str
    group_id: str
    brand_id: str
    supplier_id: str
    flags: list[str]
    min_price_minor: int
    vat_code: int
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
