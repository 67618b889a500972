"""Use cases of static segments.

A membership is a fact of its own, so a list of any length is one transaction and one feed version, and what is so
already writes nothing. A segment that a live rule names is not deleted: its condition would silently become false.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.customers.errors import CustomerUnknown
from altyn.admin_api.edge.bulk import Bulk
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.admin_api.facts import MEMBERSHIPS, SEGMENTS
from altyn.admin_api.promotions.service import read_with_assets
from altyn.admin_api.releases.references import users_of
from altyn.admin_api.releases.repository import active_documents
from altyn.admin_api.segments import repository
from altyn.admin_api.segments.errors import SegmentInUse, SegmentUnknown
from altyn.admin_api.segments.schemas import MemberIn, Mode
from altyn.core.engine.identity import card_hash
from altyn.core.rules.definition import load_documents, read_documents

IDS_TOLD_MAX = 1_000  # of a change of members, in the audit log; further ones are counted


async def put_segment(call: Call, *, segment: str, title: str) -> None:
    """Create a segment or change its title."""
    await call.feed.lock()
    before = await repository.known_segments(call.connection, call.tenant, [segment])
    if await call.feed.put(SEGMENTS, [(segment, title)]):
        told = {"title": before[segment]} if segment in before else None
        call.record("segments.put", "segment", segment, before=told, after={"title": title})


async def delete_segment(call: Call, *, segment: str) -> None:
    """Delete a segment and its memberships. Raises SegmentUnknown, SegmentInUse."""
    await call.feed.lock()
    before = await repository.find_segment(call.connection, call.tenant, segment)
    if before is None:
        raise SegmentUnknown(f"no segment {segment}", path="segment")
    users = await documents_naming(call, segment)
    if users:
        found = [problem(one, "SEGMENT_NAMED", where) for one, where in users.items()]
        raise SegmentInUse(f"rules name segment {segment}", path="segment", problems=found)
    gone = await repository.members(call.connection, call.tenant, segment)
    await call.feed.put(MEMBERSHIPS, [(one, segment) for one in gone], deleted=True)
    await call.feed.put(SEGMENTS, [(segment, before["title"])], deleted=True)
    told = {"title": before["title"], "members_count": before["members_count"]}
    call.record("segments.delete", "segment", segment, before=told)


async def documents_naming(call: Call, segment: str) -> dict[str, str]:
    """Document → where it is live: ACTIVE, or in a release in force or to come."""
    assets = await declared_assets(call.connection, tenant=call.tenant)
    active = list((await active_documents(call.connection, call.tenant, None)).values())
    released = await repository.live_documents(call.connection, call.tenant, call.now)

    def look() -> dict[str, str]:
        found: dict[str, str] = {}
        for version, document in reversed(released):
            rules = read_documents(load_documents(document.decode(), bytes_max=len(document)))
            found |= dict.fromkeys(users_of(rules, "customer.segment", segment), f"release {version} names it")
        rules = read_with_assets(active, assets)
        return found | dict.fromkeys(users_of(rules, "customer.segment", segment), "it is ACTIVE")

    return await asyncio.to_thread(look)


async def change_members(call: Call, *, segment: str, add: Sequence[int], remove: Sequence[int]) -> int:
    """Add and remove many customers of one segment; how many changed. Raises SegmentUnknown, CustomerUnknown."""
    await call.feed.lock()
    await require_segments(call, [segment])
    wanted = set(add) - set(remove)
    known = await repository.known_customers(call.connection, call.tenant, sorted(wanted))
    if wanted - known:
        found = [problem("add", "CUSTOMER_UNKNOWN", f"no customer {one}") for one in sorted(wanted - known)]
        raise CustomerUnknown("some customers do not exist; nothing was changed", path="add", problems=found)
    return await change(call, segment, wanted, set(remove))


async def upload_members(
    call: Call, pepper: bytes, *, segment: str, found: Bulk[MemberIn], mode: Mode, all_or_nothing: bool
) -> tuple[int, int]:
    """(customers named, memberships changed). Rows nobody stands behind become wrong ones of ``found``. Raises
    SegmentUnknown, FileRefused.
    """
    await call.feed.lock()
    add, remove = await members_to_change(
        call, pepper, segment=segment, found=found, mode=mode, all_or_nothing=all_or_nothing
    )
    named_count = len(remove) if mode is Mode.REMOVE else len(add)
    return named_count, await change(call, segment, add, remove, found)


async def members_to_change(
    call: Call, pepper: bytes, *, segment: str, found: Bulk[MemberIn], mode: Mode, all_or_nothing: bool
) -> tuple[set[int], set[int]]:
    """Customers a list adds and removes, as memberships are now. Raises SegmentUnknown, FileRefused."""
    await require_segments(call, [segment])
    named = await _customers_of(call, pepper, found)
    if all_or_nothing:
        found.require_all()
    if mode is Mode.REMOVE:
        return set(), named
    if mode is Mode.ADD:
        return named, set()
    return named, set(await repository.members(call.connection, call.tenant, segment)) - named


async def _customers_of(call: Call, pepper: bytes, found: Bulk[MemberIn]) -> set[int]:
    """Customers the rows name; a row that names nobody becomes a wrong one."""
    by_card = [row.card_number for row in found.rows.values() if row.card_number is not None]
    hashes = await asyncio.to_thread(lambda: {number: card_hash(pepper, number) for number in by_card})
    cards = await repository.customers_of_cards(call.connection, call.tenant, list(hashes.values()))
    by_id = [row.customer_id for row in found.rows.values() if row.customer_id is not None]
    known = await repository.known_customers(call.connection, call.tenant, by_id)
    named: set[int] = set()
    for key, row in list(found.rows.items()):
        if row.card_number is None:
            assert row.customer_id is not None
            if row.customer_id in known:
                named.add(row.customer_id)
            else:
                found.drop(key, problem("customer_id", "CUSTOMER_UNKNOWN", "no such customer"))
            continue
        hashed = hashes[row.card_number]
        customer_id = cards.get(hashed)
        if customer_id is not None:
            named.add(customer_id)
        elif hashed in cards:
            found.drop(key, problem("card_number", "CARD_ANONYMOUS", "the card is nobody's yet"))
        else:
            found.drop(key, problem("card_number", "CARD_UNKNOWN", "no such card"))
    return named


async def change(
    call: Call, segment: str, add: Iterable[int], remove: Iterable[int], found: Bulk[MemberIn] | None = None
) -> int:
    """Write the memberships and tell of it; how many changed."""
    added, removed = sorted(add), sorted(remove)
    before_count = await repository.members_count(call.connection, call.tenant, segment)
    changed = await call.feed.put(MEMBERSHIPS, [(one, segment) for one in added]) if added else 0
    changed += await call.feed.put(MEMBERSHIPS, [(one, segment) for one in removed], deleted=True) if removed else 0
    if changed:
        after_count = await repository.members_count(call.connection, call.tenant, segment)
        told = {
            "members_count": after_count,
            "changed_count": changed,
            "added": added[:IDS_TOLD_MAX],
            "removed": removed[:IDS_TOLD_MAX],
            **({} if found is None else found.counts()),
        }
        call.record("segments.change_members", "segment", segment, before={"members_count": before_count}, after=told)
    return changed


async def require_segments(call: Call, segments: Sequence[str]) -> None:
    """Raises SegmentUnknown."""
    known = await repository.known_segments(call.connection, call.tenant, segments)
    for segment in segments:
        if segment not in known:
            raise SegmentUnknown(f"no segment {segment}; make it with PUT /v1/segments/{segment}", path="segments")
