"""Antifraud: cases for a person to decide, and rules that one proposes and another lets act."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from starlette.responses import Response

from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.value import Act, Field, Rows, Section, add_sections, number_of
from altyn.admin_api.console.watch import TABS, Form, Listing, Row, act_on_one, key_of, show_listing, tabs_of
from altyn.admin_api.edge.fields import Id
from altyn.admin_api.edge.problems import Refusal
from altyn.admin_api.edge.rights import Place
from altyn.admin_api.fraud import repository, service
from altyn.admin_api.fraud.schemas import (
    CaseFilter,
    CaseState,
    ChangeOut,
    ChangeState,
    DecideIn,
    FraudAction,
    FraudKind,
    ProposeIn,
    RuleState,
    Verdict,
    Window,
)

ADDRESS = "/console/fraud/cases"
CHANGES_MAX = 100
ID: TypeAdapter[str] = TypeAdapter(Id)

pages = Pages()

# CASES


async def _cases(visit: Visit, given: dict[str, Any]) -> list[Row]:
    found = [service.case_out(row) for row in await service.list_cases(visit.call, asked=CaseFilter(**given))]
    when = visit.shell.moment
    kind = {one.kind: visit.t.word("value.kind", one.kind) for one in found}
    return [
        Row(
            one.case_id,
            (one.rule, kind[one.kind], one.store_id, one.register_id, one.cashier_id, when(one.recorded_at)),
            one.verdict or one.state,
        )
        for one in found
    ]


LISTING = Listing(
    name="fraud-cases",
    address=ADDRESS,
    heads=("rule", "kind", "store_id", "register_id", "cashier_id", "recorded_at"),
    choices={"state": ("OPEN", "DECIDED", "ALL"), "kind": tuple(FraudKind), "store_id": None, "cashier_id": None},
    rows=_cases,
)


@pages.get("/fraud/cases", "fraud:read", Place.OWN)
async def show_cases(visit: Visit) -> Response:
    return await show_listing(visit, LISTING)


@pages.get("/fraud/cases/{key}", "fraud:read", Place.OBJECT)
async def show_case(visit: Visit) -> Response:
    return await _page(visit)


@pages.act("/fraud/cases/{key}/decide", "fraud:decide", place=Place.OBJECT)
async def decide(visit: Visit) -> Response:
    """What was found, for good."""

    async def act() -> int:
        given = {"verdict": visit.field("choice"), "note": visit.field("note").strip()}
        await service.decide(visit.call, case_id=key_of(visit), asked=DecideIn.model_validate(given))
        return 0

    return await act_on_one(visit, f"{ADDRESS}/{key_of(visit)}", act, lambda refusal: _page(visit, refusal))


async def _page(visit: Visit, refusal: Refusal | None = None) -> Response:
    one = await service.read_case(visit.call, case_id=key_of(visit))
    is_open = one.state is CaseState.OPEN and visit.shell.may("fraud:decide")
    return visit.show(
        "fraud_case.html",
        refusal.status_code if refusal else 200,
        tabs=tabs_of(visit),
        listing=LISTING,
        one=one,
        forms=[Form("decide", "choice", tuple(Verdict))] if is_open else [],
        note=visit.field("note") if refusal else "",
        refusal=refusal,
    )


# RULES


async def _rules(visit: Visit, at: int | None) -> Rows:
    """What waits for somebody else, then the rules as they act."""
    call = visit.call
    changes = await repository.list_changes(call.connection, call.tenant, ChangeState.PROPOSED, None, CHANGES_MAX)
    waiting = [ChangeOut(**row) for row in changes]
    proposed = [
        one.value.model_dump(mode="json")
        | {"key": one.change_id, "rule": one.rule, "state": "PROPOSED", "by": one.proposed_by, "why": one.reason}
        | {"becomes": one.value.state}
        for one in waiting
        if call.now < one.proposed_at + service.PROPOSED_FOR
    ]
    acting = [
        {**row, "key": f"rule {row['rule']}", "by": "", "why": row["title"], "becomes": row["state"]}
        for row in await repository.list_rules(call.connection, call.tenant)
    ]
    return [*proposed, *acting], None


async def _propose(visit: Visit, given: dict[str, Any]) -> None:
    rule, state = ID.validate_python(given.pop("rule", "")), given.pop("becomes", RuleState.ACTIVE)
    await service.propose(visit.call, rule=rule, asked=ProposeIn(state=state, **given))


async def _approve(visit: Visit, key: str) -> None:
    await service.approve(visit.call, change_id=number_of(key, "change_id"))


async def _reject(visit: Visit, key: str) -> None:
    await service.reject(visit.call, change_id=number_of(key, "change_id"))


RULES = Section(
    name="fraud-rules",
    path="/fraud/rules",
    reads="fraud:read",
    writes="fraud:write",
    key="key",
    columns=(
        ("rule", "text"),
        ("why", "text"),
        ("kind", "word"),
        ("window", "word"),
        ("threshold", "number"),
        ("seconds", "number"),
        ("share_percent", "number"),
        ("actions", "words"),
        ("becomes", "word"),
        ("state", "state"),
        ("by", "who"),
    ),
    fields=(
        Field("rule"),
        Field("title", is_needed=False),
        Field("kind", "choice", tuple(FraudKind)),
        Field("window", "choice", tuple(Window)),
        Field("threshold", "number", is_needed=False),
        Field("seconds", "number", is_needed=False),
        Field("share_percent", "number", is_needed=False),
        Field("actions", "choices", tuple(FraudAction)),
        Field("holdback_days", "number", is_needed=False),
        Field("becomes", "choice", tuple(RuleState)),
        Field("reason"),
    ),
    rows=_rules,
    make=_propose,
    acts=(
        Act("approve", "fraud:approve", "check", ("PROPOSED",), _approve),
        Act("reject", "fraud:write", "x", ("PROPOSED",), _reject),
    ),
)
add_sections(pages, (RULES,), TABS)
