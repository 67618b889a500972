"""The overlaps: pairs of promotions that may meet on the same goods, and what becomes of the two.

Looked at are the promotions that are released or scheduled, as they are released, or those of the state that is chosen;
or one promotion, a draft too, against them. Bounded: the page says how many were not looked at or shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import islice
from typing import Any

import asyncpg
from starlette.responses import Response

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.console import suggestions
from altyn.admin_api.console.listing import frame_of, rows_of, today
from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.views import Picture, picture_of
from altyn.admin_api.promotions import repository
from altyn.admin_api.promotions.circumstances import EPOCH, Circumstances, attributes_of, day_of, minute_of
from altyn.admin_api.promotions.errors import PromotionUnknown
from altyn.admin_api.promotions.goods import product_of, readable
from altyn.admin_api.promotions.overlaps import Overlap, Verdict, find_overlaps, skus_named
from altyn.admin_api.releases.repository import active_documents
from altyn.core.rules.checks.goods import Product
from altyn.core.rules.compile import CompileError
from altyn.core.rules.promotion import Promotion

PROMOTIONS_MAX = 300
PAIRS_MAX = 100
FOUND_MAX = 20_000
SKUS_MAX = 5_000
DAYS = {"week": 7, "month": 28, "quarter": 91}

pages = Pages()


@pages.get("/overlaps", "promotions:read")
async def show_overlaps(visit: Visit) -> Response:
    asked = {name: visit.asked(name)[:64].replace("\0", "") for name in ("of", "store", "segment", "verdict", "span")}
    asked["verdict"] = asked["verdict"] if asked["verdict"] in tuple(Verdict) else ""
    asked["span"] = asked["span"] if asked["span"] in DAYS else ""
    picture = await picture_of(visit, "overlaps", asked)
    if isinstance(picture, Response):
        return picture
    call, of = visit.call, asked["of"]
    focus = await repository.find_promotion(call.connection, call.tenant, of) if of else None
    if of and focus is None:
        raise PromotionUnknown(of)
    documents, since, is_cut = await _documents(visit, picture, focus)
    place = await repository.store_attributes(call.connection, call.tenant, asked["store"]) if asked["store"] else None
    given = Circumstances(place=attributes_of(place), segment=asked["segment"] or None)
    assets, first = await declared_assets(call.connection, tenant=call.tenant), day_of(today(visit))
    days = range(first, first + DAYS[asked["span"] or "month"])
    promotions = await asyncio.to_thread(readable, documents, assets)
    catalogue = await _catalogue(visit, promotions)
    search = partial(find_overlaps, promotions, days, of=of, given=given, since=since, catalogue=catalogue)
    found, hindrance = await asyncio.to_thread(_found, search)
    told = {verdict: [one for one in found if one.verdict is verdict] for verdict in Verdict}
    chosen = [one for verdict in Verdict if asked["verdict"] in ("", verdict) for one in told[verdict]]
    shown = chosen[:PAIRS_MAX]
    lists = await suggestions.lists(visit)
    return visit.show(
        "overlaps.html",
        pairs=[(one, _day(one.day)) for one in shown],
        skus=await _skus(visit, shown),
        outlines={name: Outline(document, visit.t) for name, document in documents.items()},
        focus=focus,
        asked=asked,
        verdicts=[(verdict, len(told[verdict]), picture.address(verdict=verdict)) for verdict in Verdict],
        everything=picture.address(verdict=""),
        without_focus=picture.address(of=""),
        left=len(chosen) - len(shown),
        promotions_max=PROMOTIONS_MAX if is_cut else 0,
        hindrance=hindrance,
        is_store_known=place is not None or not asked["store"],
        spans=DAYS,
        stores=lists["store.id"],
        segments=lists["customer.segment"],
        **await frame_of(visit, picture),
    )


async def _documents(
    visit: Visit, picture: Picture, focus: asyncpg.Record | None
) -> tuple[dict[str, dict[str, Any]], dict[str, int], bool]:
    """Documents by id, moments before which some are not in force, and whether there are more."""
    call, is_chosen = visit.call, "state" in picture.chosen
    rows = await rows_of(visit, picture, "", PROMOTIONS_MAX + 1, kind="promotion", in_force=not is_chosen)
    is_cut, rows = len(rows) > PROMOTIONS_MAX, rows[:PROMOTIONS_MAX]
    documents = {row["promotion_id"]: row["document"] for row in rows}
    since = {
        row["promotion_id"]: minute_of(row["effective_at"], visit.shell.zone) for row in rows if row["effective_at"]
    }
    if not is_chosen:  # beside a draft its released revision goes on; what is scheduled comes in its place
        beside = [row["promotion_id"] for row in rows if row["state"] != "SCHEDULED"]
        documents |= await active_documents(call.connection, call.tenant, beside)
    if focus is not None:
        documents[focus["promotion_id"]] = focus["document"]
    return documents, since, is_cut


async def _catalogue(visit: Visit, promotions: Sequence[Promotion]) -> dict[str, Product]:
    """What the catalogue knows of the SKUs that are named; beyond the bound they are taken for possible."""
    skus = list(islice(dict.fromkeys(skus_named(promotions)), SKUS_MAX))
    rows = await repository.product_attributes(visit.call.connection, visit.call.tenant, skus)
    return {sku: product_of(sku, row) for sku, row in rows.items()}


def _found(search: Callable[[], Iterator[Overlap]]) -> tuple[list[Overlap], str]:
    """What was found; or why these promotions cannot stand beside one another."""
    try:
        return list(islice(search(), FOUND_MAX)), ""
    except CompileError as error:
        return [], f"{error.path}: {error.message}"


async def _skus(visit: Visit, shown: Sequence[Overlap]) -> dict[tuple[str, str], str]:
    """A product both give on, by the ids of the two: one that is named, else one of a category that is."""
    named = sorted({one.category for one in shown if not one.sku and one.category})
    some = await repository.some_products(visit.call.connection, visit.call.tenant, named)
    return {(one.first, one.second): one.sku or some.get(one.category, "") for one in shown}


def _day(number: int) -> date:
    return EPOCH + timedelta(number)
