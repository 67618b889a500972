"""What is taken in and given out about reports."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from altyn.admin_api.reports.definitions import By, Unit

ROWS_MAX = 5_000


class ReportFilter(BaseModel):
    """Of the query string: business dates, both included, at most three years; ``store_id`` for one store alone."""

    from_day: date
    to_day: date
    by: By | None = None
    store_id: Annotated[str | None, Field(max_length=64)] = None


class ColumnOut(BaseModel):
    name: str
    unit: Unit


class ReportRow(BaseModel):
    """``key`` is what ``by`` asks for, empty where there is none; ``asset`` and ``scale`` are of points alone.
    ``title``: of a promotion or a store. ``values`` in the order of the columns: money in minor units, points in
    smallest units.
    """

    key: str
    title: str = ""
    asset: str = ""
    scale: int = 0
    values: list[int]


class ReportOut(BaseModel):
    """``totals`` of all rows, absent where they would mean nothing; ``is_cut``: there are more rows than are told."""

    report: str
    by: By
    from_day: date
    to_day: date
    currency: str
    exponent: int
    columns: list[ColumnOut]
    rows: list[ReportRow]
    totals: list[int] | None
    is_cut: bool
    projected_seq: int


class ReportKind(BaseModel):
    report: str
    by: list[By]
    columns: list[ColumnOut]


class ReportKinds(BaseModel):
    reports: list[ReportKind]
