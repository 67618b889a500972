"""Which reports there are: what each counts, by what it may be grouped, and its SQL.

All read the sums by day, never receipts one by one. Amounts are whole numbers of minor units and points of smallest
units. Never here: rights, the way a report is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Unit(StrEnum):
    """What a column's numbers are."""

    COUNT = "COUNT"
    MONEY = "MONEY"
    POINTS = "POINTS"
    TEXT = "TEXT"


class By(StrEnum):
    """What rows are: spans of time, places, promotions and the like."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    STORE = "STORE"
    REGION = "REGION"
    FORMAT = "FORMAT"
    CLUSTER = "CLUSTER"
    PROMOTION = "PROMOTION"
    SERIES = "SERIES"
    REASON = "REASON"


TIMES = (By.DAY, By.WEEK, By.MONTH)
PLACES = (By.STORE, By.REGION, By.FORMAT, By.CLUSTER)
# Those that a store's current facts tell.
OF_STORE = (By.REGION, By.FORMAT, By.CLUSTER)
# A row's key; `days` is the table of sums, `store` the current facts of its store.
KEYS = {
    By.DAY: "to_char(days.day, 'YYYY-MM-DD')",
    By.WEEK: """to_char(days.day, 'IYYY-"W"IW')""",
    By.MONTH: "to_char(days.day, 'YYYY-MM')",
    By.STORE: "days.store_id",
    By.REGION: "coalesce(store.region, '')",
    By.FORMAT: "coalesce(store.format, '')",
    By.CLUSTER: "coalesce(store.cluster, '')",
    By.PROMOTION: "days.promotion_id",
    By.SERIES: "coalesce((SELECT series FROM coupon_series WHERE tenant = $1 AND series_no = days.series_no"
    " AND valid_to = 'infinity' LIMIT 1), '#' || days.series_no)",
    By.REASON: "days.reason::text",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column after the key; `sql` sums it up over the days of a row."""

    name: str
    unit: Unit
    sql: str


@dataclass(frozen=True, slots=True)
class Report:
    """`has_store`: its days are of stores, so it is narrowed to where the reader's right holds; others are for those
    whose right holds everywhere. `source`: a table of days, or a query of the same shape.
    """

    name: str
    source: str
    has_store: bool
    by: tuple[By, ...]
    columns: tuple[Column, ...]
    has_asset: bool = False
    #: Smaller tables of the same sums: for some of ``by``; and, where the whole network is asked for, for some more.
    source_by: Mapping[By, str] = field(default_factory=dict)
    source_everywhere: Mapping[By, str] = field(default_factory=dict)


def _sum(name: str, unit: Unit, sql: str = "") -> Column:
    return Column(name, unit, f"coalesce(sum({sql or f'days.{name}'}), 0)::bigint")


def _points(name: str, kinds: str, sign: str = "") -> Column:
    summed = f"{sign}sum(days.points) FILTER (WHERE days.kind IN ({kinds}))"
    return Column(name, Unit.POINTS, f"coalesce({summed}, 0)::bigint")


RECEIPTS_AND_RETURNS = """(
    SELECT day, store_id, receipts_count, member_receipts_count, lines_count, gross_minor, discount_minor,
           points_paid_minor, to_pay_minor, 0 AS returns_count, 0 AS voids_count, 0 AS refund_minor FROM receipt_days
    UNION ALL
    SELECT day, store_id, 0, 0, 0, 0, 0, 0, 0, returns_count, voids_count, refund_minor FROM return_days
)"""
EXCEPTIONS = """(
    SELECT (recorded_at AT TIME ZONE 'UTC')::date AS day, store_id, reason, 1 AS found_count,
           CASE WHEN resolution.seq IS NULL THEN 1 ELSE 0 END AS open_count
      FROM exceptions LEFT JOIN exception_outcomes AS resolution USING (seq, exception_no)
)"""

REPORTS = {
    report.name: report
    for report in (
        Report(
            "summary",
            RECEIPTS_AND_RETURNS,
            True,
            (*TIMES, *PLACES),
            (
                _sum("receipts_count", Unit.COUNT),
                _sum("member_receipts_count", Unit.COUNT),
                _sum("lines_count", Unit.COUNT),
                _sum("gross_minor", Unit.MONEY),
                _sum("discount_minor", Unit.MONEY),
                _sum("points_paid_minor", Unit.MONEY),
                _sum("to_pay_minor", Unit.MONEY),
                Column(
                    "average_minor",
                    Unit.MONEY,
                    "coalesce(sum(days.to_pay_minor) / nullif(sum(days.receipts_count), 0), 0)::bigint",
                ),
                _sum("returns_count", Unit.COUNT),
                _sum("voids_count", Unit.COUNT),
                _sum("refund_minor", Unit.MONEY),
            ),
        ),
        Report(
            "promotions",
            "promotion_days",
            True,
            (By.PROMOTION, *TIMES, *PLACES),
            (
                _sum("receipts_count", Unit.COUNT),
                _sum("lines_count", Unit.COUNT),
                _sum("discount_minor", Unit.MONEY),
            ),
            source_by=dict.fromkeys((*TIMES, *PLACES), "promotion_store_days"),
            source_everywhere={By.PROMOTION: "promotion_network_days"},
        ),
        Report(
            "points",
            "points_days",
            True,
            (*PLACES, *TIMES),
            (
                _points("accrued_points", "1"),
                _points("adjusted_points", "3"),
                _points("redeemed_points", "2", "-"),
                _points("restored_points", "6"),
                _points("clawed_back_points", "5", "-"),
                _points("expired_points", "4", "-"),
            ),
            has_asset=True,
        ),
        Report(
            "coupons",
            "coupon_days",
            False,
            (By.SERIES, *TIMES),
            (
                _sum("issued_count", Unit.COUNT),
                _sum("used_count", Unit.COUNT),
                _sum("freed_count", Unit.COUNT),
                _sum("cancelled_count", Unit.COUNT),
            ),
        ),
        Report(
            "exceptions",
            EXCEPTIONS,
            True,
            (By.REASON, *PLACES, *TIMES),
            (_sum("found_count", Unit.COUNT), _sum("open_count", Unit.COUNT)),
        ),
    )
}


def query_of(report: Report, by: By, *, is_everywhere: bool) -> str:
    """Arguments: tenant, first and last day, one store or null, is_network, stores, regions, count of rows.
    ``is_everywhere``: of all stores, and the reader's right holds in all.
    """
    source = report.source_by.get(by, report.source)
    if is_everywhere:
        source = report.source_everywhere.get(by, source)
    key = KEYS[by]
    asset = ", coalesce(asset.asset, '#' || days.asset_no)" if report.has_asset else ", ''"
    columns = ", ".join(f"{column.sql} AS {column.name}" for column in report.columns)
    place = ""
    where = "days.day BETWEEN $2 AND $3"
    if report.has_store and not (is_everywhere and by not in OF_STORE):  # else none is left out, and none is named
        place = (
            " LEFT JOIN stores AS store ON store.tenant = $1 AND store.store_id = days.store_id"
            " AND store.valid_to = 'infinity'"
        )
        where += (
            " AND ($4::text IS NULL OR days.store_id = $4)"
            " AND ($5 OR days.store_id = ANY ($6::text[]) OR (store.region <> '' AND store.region = ANY ($7::text[])))"
        )
    else:
        where += " AND $1::text IS NOT NULL AND $4::text IS NULL AND ($5 OR cardinality($6::text[] || $7::text[]) > 0)"
    if report.has_asset:
        place += (
            " LEFT JOIN assets AS asset ON asset.tenant = $1 AND asset.asset_no = days.asset_no"
            " AND asset.valid_to = 'infinity'"
        )
    return (
        f"SELECT {key} AS key{asset} AS asset, {columns} FROM {source} AS days{place}"
        f" WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $8"
    )
