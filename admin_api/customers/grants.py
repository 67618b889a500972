"""Use cases of grants: promotions given to single customers.

One list is one transaction and one feed version, and what is so already writes nothing. A customer has one grant of a
promotion and at most GRANTS_MAX in all; what is over makes room for what is new. The audit log says how many, never
what was chosen for whom: erasing a person must leave nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from altyn.admin_api.cards.service import require_customer
from altyn.admin_api.customers import repository, schemas
from altyn.admin_api.customers.errors import GrantUnknown, TooManyGrants
from altyn.admin_api.edge.bulk import Bulk
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.admin_api.facts import GRANTS
from altyn.admin_api.promotions.errors import PromotionUnknown
from altyn.admin_api.promotions.repository import find_promotion

GRANTS_MAX = 64

Row = tuple[object, ...]


async def grants_of(call: Call, *, customer_id: int) -> list[schemas.GrantOut]:
    """Raises CustomerUnknown."""
    await require_customer(call, customer_id)
    rows = await repository.grants_of(call.connection, call.tenant, [customer_id])
    return [schemas.GrantOut(**row) for row in rows]


async def put_grant(call: Call, *, customer_id: int, promotion_id: str, asked: schemas.GrantIn) -> schemas.GrantOut:
    """Give the promotion, or change what is given. Raises CustomerUnknown, PromotionUnknown, TooManyGrants."""
    await call.feed.lock()
    await require_customer(call, customer_id)
    await _require_promotion(call, promotion_id)
    full = await _make_room(call, promotion_id, [customer_id])
    if full:
        raise TooManyGrants(f"the customer has {GRANTS_MAX} grants already", path="customer_id")
    if await call.feed.put(GRANTS, [_row(customer_id, promotion_id, asked)]):
        call.record("customers.grant", "promotion", promotion_id, after={"customer_id": customer_id})
    row = await repository.find_grant(call.connection, call.tenant, customer_id, promotion_id)
    assert row is not None
    return schemas.GrantOut(**row)


async def take_back(call: Call, *, customer_id: int, promotion_id: str) -> None:
    """Raises GrantUnknown."""
    await call.feed.lock()
    if not await call.feed.put(GRANTS, [_gone(customer_id, promotion_id)], deleted=True):
        raise GrantUnknown(f"customer {customer_id} has no grant of {promotion_id}", path="promotion_id")
    call.record("customers.take_back_grant", "promotion", promotion_id, before={"customer_id": customer_id})


async def import_grants(call: Call, found: Bulk[schemas.GrantRow], *, promotion_id: str, all_or_nothing: bool) -> int:
    """Give the promotion to a list of customers; how many grants changed. Rows of unknown customers, and of those who
    have no room, are wrong. Raises PromotionUnknown, FileRefused.
    """
    await call.feed.lock()
    await _require_promotion(call, promotion_id)
    known = {
        row["customer_id"] for row in await repository.find_customers(call.connection, call.tenant, list(found.rows))
    }
    for customer_id in found.rows.keys() - known:
        found.drop(customer_id, problem("customer_id", "CUSTOMER_UNKNOWN", "there is no such customer"))
    given = [customer_id for customer_id, row in found.rows.items() if not row.deleted]
    full = await _make_room(call, promotion_id, given)
    for customer_id in full:
        found.drop(customer_id, problem("customer_id", "TOO_MANY_GRANTS", f"has {GRANTS_MAX} grants already"))
    if all_or_nothing:
        found.require_all()
    gone = [_gone(customer_id, promotion_id) for customer_id, row in found.rows.items() if row.deleted]
    rows = [_row(customer_id, promotion_id, row) for customer_id, row in found.rows.items() if not row.deleted]
    changed_count = await call.feed.put(GRANTS, rows) if rows else 0
    changed_count += await call.feed.put(GRANTS, gone, deleted=True) if gone else 0
    if changed_count:
        told = {"changed_count": changed_count, "feed_version": call.feed.version, **found.counts()}
        call.record("customers.import_grants", "promotion", promotion_id, after=told)
    return changed_count


async def _require_promotion(call: Call, promotion_id: str) -> None:
    if await find_promotion(call.connection, call.tenant, promotion_id) is None:
        raise PromotionUnknown(f"no promotion {promotion_id}", path="promotion_id")


async def _make_room(call: Call, promotion_id: str, customer_ids: Iterable[int]) -> set[int]:
    """Take back what is over of those who get something new; who has no room all the same."""
    over: list[Row] = []
    counts: dict[int, int] = {}
    for row in await repository.grants_of(call.connection, call.tenant, list(customer_ids)):
        if row["promotion_id"] == promotion_id:
            continue
        if row["ends_at"] is not None and row["ends_at"] <= call.now:
            over.append(_gone(row["customer_id"], row["promotion_id"]))
        else:
            counts[row["customer_id"]] = counts.get(row["customer_id"], 0) + 1
    if over:
        await call.feed.put(GRANTS, over, deleted=True)
    return {customer_id for customer_id, count in counts.items() if count >= GRANTS_MAX}


def _row(customer_id: int, promotion_id: str, asked: schemas.GrantIn) -> Row:
    """In the order of GRANTS."""
    goods = (list(dict.fromkeys(asked.skus)), list(dict.fromkeys(asked.categories)))
    return (customer_id, promotion_id, asked.starts_at, asked.ends_at, *goods)


def _gone(customer_id: int, promotion_id: str) -> Row:
    return (customer_id, promotion_id, None, None, [], [])
