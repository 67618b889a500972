"""A customer on one page: cards, points by lot, tier, family, what was given to them, what a person should look at, and
the newest receipts and entries, which have pages of their own.

Every part needs its own right and is left out without it; of receipts, exceptions and fraud only those of stores in
reach are shown. Name and phone stay hidden until somebody asks for them, which the audit log has. A processing server
that is away is told in the place of the points; the rest of the page stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from altyn.admin_api.accounts import repository as accounts
from altyn.admin_api.accounts.handlers import entry_page
from altyn.admin_api.accounts.schemas import AdjustmentState, BalanceOut
from altyn.admin_api.accounts.server import ServerAway, ServerRefused
from altyn.admin_api.accounts.service import adjustment_out
from altyn.admin_api.assets.repository import list_assets
from altyn.admin_api.console.charts import told_day
from altyn.admin_api.console.customer import (
    ADDRESS,
    FINDING,
    Known,
    balance_of,
    known,
    number_in,
    reach_of,
    require,
    tabs_of,
)
from altyn.admin_api.console.customer_acts import DONE, acts_of, card_acts_of
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.watch import is_behind
from altyn.admin_api.customers import grants, repository, service
from altyn.admin_api.customers.errors import CustomerUnknown
from altyn.admin_api.edge.problems import NotFound, ScopeMissing
from altyn.admin_api.exceptions.repository import exceptions_of_customer
from altyn.admin_api.exceptions.service import exception_out
from altyn.admin_api.families import repository as families
from altyn.admin_api.families.schemas import ActKind, ActState
from altyn.admin_api.fraud.repository import cases_of_customer
from altyn.admin_api.fraud.service import case_out
from altyn.admin_api.promotions.repository import documents_of
from altyn.admin_api.receipts import repository as receipts
from altyn.admin_api.tiers.errors import TiersUnknown
from altyn.admin_api.tiers.schemas import Measure
from altyn.admin_api.tiers.service import find_tiers

NEWEST_MAX = 5
PAGE_SIZE = 25
LOTS_SHOWN = 8  # at once; the rest unfolds
LOTS_MAX = 500
ACTS_MAX = 5

pages = Pages()


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier in words: what they have, what this period makes, and what the next one still asks for."""

    title: str
    projected: str
    next_title: str
    missing: str
    counted: str
    counted_before: str
    since: str
    until: str


@pages.get("/customers/{customer_id}", "customers:read")
async def show_customer(visit: Visit) -> Response:
    try:
        who = await known(visit)
    except CustomerUnknown:
        return visit.go(await _merged_into(visit))
    return await _page(visit, who)


@pages.get("/customers/{customer_id}/personal", "customers:read")
@pages.get("/customers/{customer_id}/cards/{card_id}/token", "customers:read")
async def back_to_customer(visit: Visit) -> Response:
    """What was shown to who asked by a form has no address."""
    return visit.go((await known(visit)).address)


@pages.look("/customers/{customer_id}/personal", "customers:personal")
async def show_personal(visit: Visit) -> Response:
    """The page with name, phone and birthday; audited."""
    require(visit, "customers:read")
    who = await known(visit)
    try:
        personal = dict(await service.read_personal(visit.call, customer_id=who.customer.customer_id))
    except CustomerUnknown:  # nothing is kept
        personal = {"name": "", "phone": "", "birthday": None}
    return await _page(visit, who, personal)


@pages.get("/customers/{customer_id}/receipts", "customers:read")
async def show_receipts(visit: Visit) -> Response:
    """Newest first, with the sums of all."""
    reach = reach_of(visit, "receipts:read")
    if reach is None:
        raise ScopeMissing("this page needs the scope receipts:read")
    who, call, before = await known(visit), visit.call, _before(visit)
    mine = (call.connection, call.tenant, reach, who.customer.customer_id)
    rows = await receipts.of_customer(*mine, before or receipts.SEQ_END, PAGE_SIZE + 1)
    here = f"{who.address}/receipts"
    return visit.show(
        "customer_receipts.html",
        who=who,
        rows=rows[:PAGE_SIZE],
        back=await receipts.taken_back(call.connection, [row["seq"] for row in rows]),
        totals=await receipts.totals_of_customer(*mine),
        counted_max=receipts.OF_CUSTOMER_MAX,
        first=here if before else "",
        following=f"{here}?before={rows[PAGE_SIZE - 1]['seq']}" if len(rows) > PAGE_SIZE else "",
    )


@pages.get("/customers/{customer_id}/entries", "customers:read")
async def show_entries(visit: Visit) -> Response:
    """What moved on the account that holds their points."""
    require(visit, "accounts:read")
    who, before = await known(visit), _before(visit)
    page = await entry_page(visit.call, who.account_id, before, PAGE_SIZE)
    here = f"{who.address}/entries"
    return visit.show(
        "customer_entries.html",
        who=who,
        entries=page.entries,
        first=here if before else "",
        following=f"{here}?before={page.next_before_seq}" if page.next_before_seq else "",
        **await _beside_entries(visit, [one.seq for one in page.entries]),
    )


async def _page(visit: Visit, who: Known, personal: Mapping[str, Any] | None = None) -> Response:
    acts = await families.acts_of(visit.call.connection, visit.call.tenant, who.customer.customer_id, ACTS_MAX)
    is_moving = any(row["state"] == ActState.PENDING for row in acts)
    done = visit.asked("done")
    return visit.show(
        "customer.html",
        tabs=tabs_of(visit),
        listing=FINDING,
        who=who,
        personal=personal,
        favourites=(await _facts(visit, who))["favourites"],
        grants=await grants.grants_of(visit.call, customer_id=who.customer.customer_id),
        titles=await _titles(visit, who),
        acts=[row for at, row in enumerate(acts) if row["state"] == ActState.PENDING or (at == 0 and row["refusal"])],
        buttons=acts_of(visit, who),
        card_buttons={card.card_id: card_acts_of(visit, card) for card in who.customer.cards},
        done=done if done in DONE else "",
        is_behind=is_behind(visit),
        is_moving=is_moving and personal is None,
        again=visit.shell.path,
        now=visit.call.now,
        **await _points(visit, who),
        **await _watched(visit, who),
    )


async def _facts(visit: Visit, who: Known) -> Any:
    [row] = await repository.find_customers(visit.call.connection, visit.call.tenant, [who.customer.customer_id])
    return row


async def _titles(visit: Visit, who: Known) -> dict[str, str]:
    """Names of the promotions given to them, for who may read promotions."""
    if not visit.holds("promotions:read"):
        return {}
    call = visit.call
    rows = await repository.grants_of(call.connection, call.tenant, [who.customer.customer_id])
    named = await documents_of(call.connection, call.tenant, [row["promotion_id"] for row in rows])
    return {name: visit.t.of(document.get("title"), name) for name, document in named.items()}


async def _points(visit: Visit, who: Known) -> dict[str, Any]:
    """Balances, tier, the newest entries, and what waits for approval."""
    found: dict[str, Any] = {"balance": None, "tier": None, "away": None, "entries": [], "asked": [], "scales": {}}
    found |= {"sees_points": visit.holds("accounts:read"), "receipt_seqs": set()}
    found |= {"lots_shown": LOTS_SHOWN, "lots_max": LOTS_MAX}
    if not found["sees_points"]:
        return found
    call = visit.call
    page = await entry_page(call, who.account_id, None, NEWEST_MAX)
    waiting = await accounts.list_adjustments(
        call.connection, call.tenant, AdjustmentState.ASKED, who.account_id, None, NEWEST_MAX
    )
    found |= {"entries": page.entries[:NEWEST_MAX], "asked": [adjustment_out(row) for row in waiting]}
    found |= await _beside_entries(visit, [one.seq for one in found["entries"]])
    try:
        found["balance"] = await balance_of(visit, who.account_id)
    except (ServerAway, ServerRefused) as refusal:
        found["away"] = refusal
    found["tier"] = await _tier(visit, found["balance"], found["scales"])
    return found


async def _beside_entries(visit: Visit, seqs: list[int]) -> dict[str, Any]:
    """The digits of every asset, and which entries come of receipts that may be looked at."""
    assets = await list_assets(visit.call.connection, visit.call.tenant)
    sees = reach_of(visit, "receipts:read") is not None
    return {
        "scales": {row["asset"]: row["scale"] for row in assets},
        "receipt_seqs": await receipts.are_receipts(visit.call.connection, seqs) if sees and seqs else set(),
    }


async def _tier(visit: Visit, balance: BalanceOut | None, scales: Mapping[str, int]) -> Tier | None:
    """None: nothing counts towards one, or the program has none."""
    if balance is None or balance.tier is None:
        return None
    try:
        terms = await find_tiers(visit.call)
    except TiersUnknown:
        return None
    told, t = balance.tier, visit.t

    def amount(value: int) -> str:
        if terms["by"] == Measure.TURNOVER:
            return f"{visit.shell.money(value)} {visit.shell.currency}"
        return f"{t.decimal(value, scales.get(terms['asset'], 0))} {terms['asset']}"

    titles = {one["tier"]: t.of(one.get("title"), one["tier"]) for one in terms["tiers"]}
    following = next((one for one in terms["tiers"] if one["sum"] > told.counted), None)
    return Tier(
        titles.get(told.tier or "", told.tier or ""),
        titles.get(told.projected or "", told.projected or ""),
        titles[following["tier"]] if following else "",
        amount(following["sum"] - told.counted) if following else "",
        amount(told.counted),
        amount(told.counted_before),
        told_day(t, told.period_from.isoformat(), with_year=True),
        told_day(t, told.until.isoformat(), with_year=True) if told.until else "",
    )


async def _watched(visit: Visit, who: Known) -> dict[str, Any]:
    """The newest receipts, exceptions and cases of fraud, each where its right holds."""
    call, customer_id = visit.call, who.customer.customer_id
    sold, found, cases = (reach_of(visit, f"{area}:read") for area in ("receipts", "exceptions", "fraud"))
    mine = (call.connection, call.tenant)
    rows = await receipts.of_customer(*mine, sold, customer_id, receipts.SEQ_END, NEWEST_MAX) if sold else []
    return {
        "sees": {
            "receipts": sold is not None,
            "exceptions": found is not None,
            "fraud": cases is not None,
            "personal": visit.holds("customers:personal"),
        },
        "receipts": rows,
        "back": await receipts.taken_back(call.connection, [row["seq"] for row in rows]) if rows else {},
        "exceptions": [
            exception_out(row) for row in await exceptions_of_customer(*mine, found, customer_id, NEWEST_MAX)
        ]
        if found
        else [],
        "cases": [case_out(row) for row in await cases_of_customer(*mine, cases, customer_id, NEWEST_MAX)]
        if cases
        else [],
    }


async def _merged_into(visit: Visit) -> str:
    """Where a customer is now who was merged into another. Raises CustomerUnknown."""
    call, customer_id = visit.call, number_in(visit, "customer_id")
    for row in await families.acts_of(call.connection, call.tenant, customer_id, ACTS_MAX):
        if row["kind"] == ActKind.MERGE and row["state"] == ActState.DONE:
            return f"{ADDRESS}/{row['to_customer_id']}?done=merged"
    raise CustomerUnknown(f"no customer {customer_id}", path="customer_id")


def _before(visit: Visit) -> int | None:
    """Where an older page begins. Raises NotFound."""
    text = visit.asked("before")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19 and int(text) > 0):
        raise NotFound(text[:40])
    return int(text)
