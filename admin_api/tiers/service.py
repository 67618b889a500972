"""Use cases of tiers."""

from __future__ import annotations

from typing import Any

import orjson

from altyn.admin_api.assets.repository import find_asset
from altyn.admin_api.edge.call import Call
from altyn.admin_api.facts import TIER_TERMS
from altyn.admin_api.tiers import repository
from altyn.admin_api.tiers.errors import TiersInvalid, TiersUnknown
from altyn.admin_api.tiers.schemas import Measure, Period, TiersIn
from altyn.core.facts.tiers import TierTerms

SCHEME = "PROGRAM"


async def find_tiers(call: Call) -> dict[str, Any]:
    """The terms and their ``feed_version``. Raises TiersUnknown."""
    row = await repository.find_terms(call.connection, call.tenant)
    if row is None:
        raise TiersUnknown("the program has no tiers")
    terms: dict[str, Any] = orjson.loads(row["terms"])
    return terms | {"feed_version": row["feed_version"]}


async def put_tiers(call: Call, *, asked: TiersIn) -> None:
    """Set all tiers. Who has one keeps it to its last day. Raises TiersInvalid."""
    terms = asked.model_dump(mode="json")
    await check_terms(call, asked, terms)
    await call.feed.lock()
    before = await repository.find_terms(call.connection, call.tenant)
    if await call.feed.put(TIER_TERMS, [(SCHEME, orjson.dumps(terms).decode())]):
        call.record("tiers.put", "tiers", SCHEME, before=_told(before), after=terms)


async def check_terms(call: Call, asked: TiersIn, terms: dict[str, Any]) -> None:
    if (asked.by is Measure.POINTS) != (asked.asset is not None):
        raise TiersInvalid("points are of an asset, turnover is of none", path="asset")
    if (asked.period is Period.DAYS) != (asked.days is not None):
        raise TiersInvalid("a period of DAYS says how many, no other does", path="days")
    if asked.asset is not None and await find_asset(call.connection, call.tenant, asked.asset) is None:
        raise TiersInvalid(f"no asset {asked.asset}", path="asset")
    try:
        # As every server reads them.
        TierTerms().put(terms)
    except ValueError as error:
        raise TiersInvalid(str(error), path="tiers") from None


async def delete_tiers(call: Call) -> None:
    """The program has no tiers any more; what accounts had comes back with terms that have its rank. Raises
    TiersUnknown."""
    await call.feed.lock()
    before = await repository.find_terms(call.connection, call.tenant)
    if before is None:
        raise TiersUnknown("the program has no tiers")
    await call.feed.put(TIER_TERMS, [(SCHEME, before["terms"])], deleted=True)
    call.record("tiers.delete", "tiers", SCHEME, before=_told(before))


def _told(row: Any) -> dict[str, Any] | None:
    return None if row is None else orjson.loads(row["terms"])
