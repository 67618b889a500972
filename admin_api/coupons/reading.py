"""What several use cases of coupons read: a series that takes codes, and what has become of one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from altyn.admin_api.coupons import repository, schemas
from altyn.admin_api.coupons.errors import CouponSeriesClosed, CouponSeriesUnknown
from altyn.admin_api.edge.call import Call
from altyn.ops.v1 import ops_service_pb2 as ops

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def read_series(call: Call, *, series: str) -> asyncpg.Record:
    """Raises CouponSeriesUnknown."""
    row = await repository.find_series(call.connection, call.tenant, series)
    if row is None:
        raise CouponSeriesUnknown(f"no coupon series {series}", path="series")
    return row


async def series_for_codes(call: Call, series: str) -> asyncpg.Record:
    """Raises CouponSeriesUnknown, CouponSeriesClosed."""
    row = await read_series(call, series=series)
    if row["state"] != "ACTIVE" or (row["ends_at"] is not None and row["ends_at"] <= call.now):
        raise CouponSeriesClosed(f"coupon series {series} is blocked or over", path="series")
    return row


def use_of(ends_at: datetime | None, state: ops.CouponState, now: datetime) -> schemas.Use:
    """A free code whose time, or whose series', is over has expired; a code with grace outlives its series."""
    if state.use != ops.COUPON_USE_FREE:
        return schemas.Use(ops.CouponUse.Name(state.use).removeprefix("COUPON_USE_"))
    over = ends_at is not None and ends_at <= now and not state.has_grace
    if over or (state.expires_at_us and EPOCH + timedelta(microseconds=state.expires_at_us) <= now):
        return schemas.Use.EXPIRED
    return schemas.Use.FREE
