"""What an event gives to whom, and when: the name of an occurrence, its op_id, the life of its points, whose birthday
it is. Pure.

An op_id depends on the programme, the event, the customer and the occurrence alone: nothing is given twice by it,
whoever asks and whatever broke off. Days are the programme's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from altyn.admin_api.accounts.schemas import ExpiresIn
from altyn.admin_api.accounts.service import EPOCH, MICROSECOND, end_of
from altyn.admin_api.events.schemas import Repeats
from altyn.infra.zones import load_zone
from altyn.ops.v1 import ops_service_pb2 as ops

LEAP_DAY = 229


@dataclass(frozen=True, slots=True)
class Happened:
    """One occurrence; ``customer_id`` None: of an anonymous card's account."""

    customer_id: int | None
    account_id: int
    occurrence: str
    day: date


def occurrence_of(repeats: Repeats, day: date, told: str = "") -> str:
    """What makes an occurrence another one than the last."""
    return {Repeats.ONCE: "", Repeats.YEARLY: str(day.year), Repeats.EACH: told}[repeats]


def op_id_of(tenant: str, event: str, one: Happened) -> bytes:
    """16 bytes that depend on these alone."""
    subject = f"customer {one.customer_id}" if one.customer_id else f"account {one.account_id}"
    content = "\0".join(("altyn event", tenant, event, subject, one.occurrence))
    return hashlib.sha256(content.encode()).digest()[:16]


def request_of(event: Mapping[str, Any], asset: Mapping[str, Any], one: Happened, tenant: str, actor: str) -> Any:
    """What the processing server is asked."""
    waits = timedelta(days=event["active_after_days"])
    first = datetime.combine(one.day + waits, time(), load_zone(asset["zone"]))
    expires = ExpiresIn(**event["expires"]) if event["expires"] else None
    if expires is None and asset["expire_after_days"] is not None:
        expires = ExpiresIn(days=asset["expire_after_days"])
    return ops.AdjustPointsRequest(
        op_id=op_id_of(tenant, event["event"], one),
        account_id=one.account_id,
        asset=event["asset"],
        points=event["points"],
        reason=event["event"],
        actor=actor,
        active_from_us=_us(first) if waits else 0,
        expires_at_us=_us(end_of(expires, first, asset["zone"])) if expires else 0,
        event=event["event"],
    )


def is_over(request: Any, now: datetime) -> bool:
    """Its points would have ended before they could be used."""
    return bool(0 < request.expires_at_us <= max(request.active_from_us, _us(now)))


def _us(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // MICROSECOND


def born_on(day: date) -> list[int]:
    """Birthdays, as month × 100 + day, that are kept on a day: those of 29 February on the 28th of other years."""
    mmdd = day.month * 100 + day.day
    return [mmdd, LEAP_DAY] if mmdd == LEAP_DAY - 1 and (day + timedelta(days=1)).month == 3 else [mmdd]
