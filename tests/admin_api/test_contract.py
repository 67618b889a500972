"""The OpenAPI contract: every call is described and has an example that this back office has really answered.

``ALTYN_WRITE_EXAMPLES=1`` writes ``admin_api/edge/examples.json`` anew from the session below.
"""

from __future__ import annotations

import os
from base64 import b32decode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from altyn.admin_api.app import edge_routes, openapi_of
from altyn.admin_api.edge import contract
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.people import totp
from altyn.core.engine.identity import gift_card_hash
from altyn.core.rules.schema import document_schema
from tests.admin_api.desk import PEPPER, RECEIPT, STORE, TEN, Desk
from tests.admin_api.journal import Journal
from tests.admin_api.schemas import complaints
from tests.admin_api.settled import RANDOM, settled

EXAMPLES = Path(__file__).parents[2] / "admin_api" / "edge" / "examples.json"
NOW = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
ROUTES = {f"{method} {route.path}": route for route in edge_routes() for method in route.methods or ()}
SCHEMA_CALL = "GET /v1/promotions/schema"

TIERS = {
    "by": "TURNOVER",
    "period": "MONTH",
    "valid_periods": 2,
    "tiers": [
        {"tier": "silver", "rank": 1, "sum": 500_000, "title": {"en": "Silver"}},
        {"tier": "gold", "rank": 2, "sum": 2_000_000, "title": {"en": "Gold"}},
    ],
}
SERIES = {"title": "Spring", "kind": "UNIQUE", "template": "SP-########?", "starts_at": "2026-03-01T00:00:00+03:00"}
GIFT_SERIES = {
    "template": "9900################?",
    "asset": "gift",
    "currency": "RUB",
    "pin_digits": 4,
    "valid_days": 365,
}
GIFT_HASH = gift_card_hash(PEPPER, "9900000000000001")
CSV, NDJSON = "text/csv", "application/x-ndjson"


def name_of(method: str, path: str) -> str:
    """The call that answers at an address."""
    return next(
        name for name, route in ROUTES.items() if name.startswith(f"{method} ") and route.path_regex.fullmatch(path)
    )


class Session:
    """Calls a desk and keeps the first answer of every call as its example."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.examples: dict[str, Any] = {}

    async def call(
        self, method: str, path: str, body: Any = None, *, media_type: str = "", **headers: str
    ) -> httpx.Response:
        """``body``: JSON, or the text of a file."""
        given: dict[str, Any] = {"headers": {name.replace("_", "-"): value for name, value in headers.items()}}
        if media_type:
            given["content"] = body.encode()
            given["headers"]["content-type"] = media_type
        elif body is not None:
            given["json"] = body
        audited = await self._audit_head()
        answer = await self.desk.call(method, f"/v1{path}", **given)
        assert answer.status_code < 300, (method, path, answer.text)
        example: dict[str, Any] = {"path": settled(f"/v1{path}")}
        if body is not None:
            example["request"] = {"media_type": media_type or "application/json", "value": settled(body)}
        told: dict[str, Any] = {"status": answer.status_code}
        if answer.content:
            told["media_type"] = answer.headers["content-type"].partition(";")[0]
            is_json = told["media_type"] == "application/json"
            told["value"] = settled(answer.json() if is_json else answer.text)
        name = name_of(method, f"/v1{path.partition('?')[0]}")
        if ROUTES[name].needs.writes:
            assert await self._audit_head() > audited, f"{name} changed something without a word to the audit log"
        if name == SCHEMA_CALL:
            told["value"] = {"$schema": answer.json()["$schema"]}
        self.examples.setdefault(name, example | {"answer": told})
        return answer

    async def _audit_head(self) -> int:
        [row] = await self.desk.rows("SELECT max(audit_no) AS head FROM audit_log")
        head: int = row["head"]
        return head


async def play(session: Session) -> None:
    """One call of every kind, in an order a retailer could make them."""
    call, desk = session.call, session.desk
    await call("PUT", "/program", {"title": "Zerno", "currency": "RUB"})
    limits = {"receipts_max": 20, "receipt_sum_max_minor": 50_000, "sum_max_minor": 300_000, "age_max_s": 86_400}
    returned = {"sum_max_minor": 300_000, "day_sum_max_minor": 500_000}
    await call(
        "PUT", "/program/limits", {"offline": limits, "returns": returned, "decisions": {"sum_max_minor": 100_000}}
    )
    await call("GET", "/program/limits")
    await call("GET", "/program")
    await call("PUT", "/assets/bonus", {"title": {"en": "Bonus"}, "expire_after_days": 365})
    await call("GET", "/assets/bonus")
    await call("GET", "/assets")
    await call("PUT", "/tiers", TIERS)
    await call("GET", "/tiers")
    await call("DELETE", "/tiers")
    await call("PUT", "/stores/s1", STORE)
    await call("GET", "/stores/s1")
    await call("GET", "/stores?limit=2")
    await call("PUT", "/stores/s1/registers/r1", {"title": "Till 1"})
    await call("GET", "/stores/s1/registers")
    key = (await call("POST", "/stores/s1/registers/r1/keys")).json()
    await call("POST", "/stores/s1/registers/r1/keys/rotate", {"overlap_s": 3600})
    await call("POST", "/stores/s1/registers/r1/certificates", {"name": "urn:shop:s1:r1"})
    await call("GET", "/stores/s1/registers/r1")
    await call("GET", "/stores/s1/registers/r1/keys")
    await call("DELETE", f"/stores/s1/registers/r1/keys/{key['key_id']}")
    await call("DELETE", "/stores/s1/registers/r1")
    await call("PUT", "/stores/s2", STORE)
    await call("DELETE", "/stores/s2")
    goods = '{"sku": "milk", "title": "Milk", "group_id": "dairy", "attributes": {"fat": "3.2"}}\n'
    await call("POST", "/products/import", goods, media_type=NDJSON)
    await call("GET", "/products/milk")
    await call("GET", "/products?group_id=dairy")
    await call("PUT", "/product-groups/dairy", {"title": "Dairy"})
    await call("GET", "/product-groups?text=dai")
    await call("GET", "/product-groups/dairy")
    await _people(session)
    await _coupons(session)
    await _gift_cards(session)
    await _rules(session)
    journal = await Journal.open(desk.office.pool)
    sale = journal.commit(1)
    sale.evidence.fraud.trips.add(rule="many-receipts", kind=1, count=5, threshold=4, wants_case=True)
    await journal.append(sale)
    await desk.office.projector.turn()
    await call(
        "POST",
        "/accounts/7/adjustments",
        {"asset": "bonus", "points": 500, "reason": "apology"},
    )
    await call("GET", "/accounts/7/balance")
    await call("GET", "/accounts/7/entries?wait_seq=1")
    await _value(session)
    await call("GET", "/exceptions?state=OPEN&reason=SKU_UNKNOWN")
    await call("GET", "/exceptions/counts")
    await call("GET", "/exceptions/1-0")
    await call("POST", "/exceptions/1-0/resolve", {"note": "goods added"})
    await call("POST", "/exceptions/1-0/reopen", {"note": "the wrong one"})
    await call("POST", "/exceptions/1-0/decide", {"apply": True, "note": "the shop was offline"})
    await _fraud(session)
    await call("GET", "/reports")
    await call("GET", "/reports/summary?from_day=2027-01-01&to_day=2027-01-31&by=STORE")
    await call("GET", "/servers")
    await call("GET", "/servers/rules-in-force")
    await _staff(session)
    issued = (await call("POST", "/keys", {"title": "Marketer", "scopes": ["promotions:write"]})).json()
    await call("GET", "/keys")
    await call("DELETE", f"/keys/{issued['key_id']}")
    await call("GET", "/audit?object_kind=program")
    await call("GET", "/audit/verify")


async def _staff(session: Session) -> None:
    call = session.call
    await call("GET", "/roles")
    role = {"role": "MARKETER", "reach": "REGION", "place": "msk"}
    given = (await call("POST", "/people", {"person_id": "anna", "name": "Anna Petrova", "grants": [role]})).json()
    asked = {"login": "anna", "password": given["password"]}
    token = (await call("POST", "/sessions", asked)).json()["token"]
    mine = {"authorization": f"Bearer {token}"}
    fresh = "correct horse battery"
    await call("PUT", "/me/password", {"present": given["password"], "new": fresh}, **mine)
    told = (await call("POST", "/me/second-factor", {"password": fresh}, **mine)).json()
    code = totp.code_at(b32decode(told["secret"]), totp.step_at(NOW))
    await call("POST", "/me/second-factor/confirm", {"code": code}, **mine)
    await call("POST", "/me/recovery-codes", {"password": fresh}, **mine)
    await call("GET", "/me", **mine)
    await call("DELETE", "/me/sessions?everywhere=true", **mine)
    await call("GET", "/people?limit=10")
    await call("GET", "/people/anna")
    await call("PUT", "/people/anna/grants", {"grants": [{"role": "MARKETER"}]})
    await call("PUT", "/people/anna/email", {"email": "anna@example.com"})
    await call("POST", "/people/anna/password")
    await call("DELETE", "/people/anna/second-factor")
    await call("DELETE", "/people/anna/sessions")
    await call("PUT", "/people/anna/state", {"state": "BLOCKED"})


async def _people(session: Session) -> None:
    call = session.call
    await call("PUT", "/segments/regulars", {"title": "Regulars"})
    person = {
        "name": "Anna",
        "phone": "+7 916 123-45-67",
        "segments": ["regulars"],
        "card": {"number": "2900000000001234"},
    }
    await call("POST", "/customers", person)
    await call("POST", "/customers/find", {"card_number": "2900000000001234"})
    await call("GET", "/customers/1")
    await call("GET", "/customers/1/personal")
    await call("DELETE", "/customers/1/personal")
    await call("PUT", "/customers/1/segments", {"segments": []})
    await call("PUT", "/customers/1/birthday", {"birthday": "02-29"})
    await call("PUT", "/customers/1/favourites", {"favourites": ["dairy"]})
    await call("GET", "/customers/1/favourites")
    await call(
        "POST",
        "/segments/regulars/members/upload?mode=ADD",
        "customer_id\n1\n2\n",
        media_type=CSV,
    )
    removed = "customer_id\n1\n"
    made = (await call("POST", "/segments/regulars/members/jobs?mode=REMOVE", removed, media_type=CSV)).json()
    await call("GET", f"/segments/regulars/members/jobs/{made['job_id']}")
    await call("POST", f"/segments/regulars/members/jobs/{made['job_id']}/cancel")
    await call("GET", "/segments/regulars/members/jobs")
    await call("POST", f"/jobs/{made['job_id']}/go-on")
    await call("GET", f"/jobs/{made['job_id']}")
    await call("POST", f"/jobs/{made['job_id']}/cancel")
    await call("GET", "/jobs?kind=SEGMENT_MEMBERS")
    await call("GET", "/segments/regulars/members")
    await call("POST", "/segments/regulars/members", {"add": [], "remove": [1]})
    await call("GET", "/segments/regulars")
    await call("GET", "/segments")
    await call("PUT", "/segments/old", {"title": "Old"})
    await call("DELETE", "/segments/old")
    await call("PUT", "/card-series/plastic", {"title": "Plastic", "template": "2900########?"})
    await call("POST", "/card-series/plastic/batches", {"title": "First run", "count": 2})
    await call("GET", "/card-series/plastic/batches")
    await call("POST", "/card-batches/1/block", {"reason": "lost on the way"})
    await call("POST", "/card-batches/1/unblock", {"reason": "found"})
    await call("GET", "/card-batches/1")
    await call("GET", "/card-series/plastic")
    await call("GET", "/card-series")
    await session.desk.rows("SELECT setval('account_ids', 6)")  # the small server keeps account 7
    await call("POST", "/cards", {"number": "2900000000005678", "is_active": False})
    await call("GET", "/cards/4")
    await call("GET", "/cards?series=plastic&state=NEW&limit=1")
    for verb, body in (
        ("activate", None),
        ("block", {"reason": "lost"}),
        ("unblock", {"reason": "found again"}),
        ("replace", {"number": "2900000000009999", "reason": "worn out"}),
    ):
        await call("POST", f"/cards/4/{verb}", body)
    await call("POST", "/cards/3/attach", {"customer_id": 1})
    await call("POST", "/cards/2/close", {"reason": "misprint"})
    app_card = (await call("POST", "/cards", {"number": "7700000000000001", "kind": "VIRTUAL"})).json()
    await call("POST", f"/cards/{app_card['card_id']}/token")


async def _fraud(session: Session) -> None:
    call, desk = session.call, session.desk
    igor = {"authorization": f"Bearer {await desk.token_of('igor', Grant('SALES_DIRECTOR', 'NETWORK'))}"}
    rule = {"kind": "CARD_RECEIPTS", "threshold": 4, "actions": ["CASE", "DECLINE_REDEMPTION"], "reason": "seen in May"}
    made = (await call("PUT", "/fraud-rules/many-receipts", rule)).json()
    await call("GET", f"/fraud-changes/{made['change_id']}")
    await call("POST", f"/fraud-changes/{made['change_id']}/approve", **igor)
    made = (await call("PUT", "/fraud-rules/many-receipts", rule | {"state": "OFF"})).json()
    await call("POST", f"/fraud-changes/{made['change_id']}/reject")
    await call("GET", "/fraud-changes?state=APPLIED")
    await call("GET", "/fraud-rules/many-receipts")
    await call("GET", "/fraud-rules")
    await call("GET", "/fraud-cases?state=OPEN&rule=many-receipts")
    await call("GET", "/fraud-cases/1-0")
    await call("POST", "/fraud-cases/1-0/decide", {"verdict": "HONEST", "note": "a family with one card"})


async def _value(session: Session) -> None:
    call, desk = session.call, session.desk
    given = {"olga": "CALL_CENTRE", "igor": "MARKETING_DIRECTOR", "maria": "MARKETER"}
    tokens = {name: await desk.token_of(name, Grant(role, "NETWORK")) for name, role in given.items()}
    olga, igor, maria = ({"authorization": f"Bearer {tokens[name]}"} for name in given)
    await call("PUT", "/assets/money", {"title": {"en": "Money"}, "kind": "MONEY"})
    await call("PUT", "/assets/bonus/rates/money", {"from_points": 2, "to_points": 3})
    await call("GET", "/assets/bonus/rates")
    asked = {"asset": "bonus", "to_asset": "money", "points": 10, "reason": "asked for at the desk"}
    await call("POST", "/accounts/7/conversions", asked)
    await call("DELETE", "/assets/bonus/rates/money")
    for verb, body in (("approve", None), ("reject", {"reason": "given twice"})):
        points = {"asset": "bonus", "points": 900, "reason": "apology", "expires": {"end_of_year": 0}}
        made = (await call("POST", "/accounts/7/adjustments", points, **olga)).json()
        await call("POST", f"/adjustments/{made['adjustment_id']}/{verb}", body, **igor)
    await call("GET", "/adjustments?state=GIVEN&limit=1")
    await call("PUT", "/tiers", TIERS)
    await call("POST", "/accounts/7/tier", {"tier": None, "reason": "given to the wrong one"})
    for verb, body in (("approve", None), ("reject", {"reason": "for no reason"})):
        tier = {"tier": "gold", "until": "2027-12-31", "reason": "member since the first day"}
        made = (await call("POST", "/accounts/7/tier", tier, **olga)).json()
        await call("POST", f"/given-tiers/{made['given_id']}/{verb}", body, **igor)
    await call("GET", "/given-tiers?account_id=7&limit=1")
    await call("DELETE", "/tiers")
    many = {"title": "Birthday of the chain", "asset": "bonus", "points": 50, "reason": "birthday"}
    job = (await call("POST", "/accruals", many | {"segment": "regulars"}, **maria)).json()["job_id"]
    await call("GET", f"/accruals/{job}")
    await call("POST", f"/accruals/{job}/approve", **igor)
    await call("POST", f"/accruals/{job}/cancel", **maria)
    await session.desk.rows("UPDATE accrual_jobs SET state = 'FAILED', refusal = 'asset: unknown'")
    await call("POST", f"/accruals/{job}/go-on", **maria)
    await call("GET", "/accruals")
    survey = {"kind": "SURVEY", "title": "How was it?", "asset": "bonus", "points": 50, "repeats": "YEARLY"}
    await call("PUT", "/events/survey", survey | {"active_after_days": 1, "expires": {"days": 30}}, **maria)
    await call("POST", "/events/survey/approve", **igor)
    await call("POST", "/events/survey/occurrences", {"account_id": 7}, **olga)
    await call("POST", "/events/survey/stop", **maria)
    for path in ("/events", "/events/survey", "/events/survey/occurrences?limit=1"):
        await call("GET", path)
    second = (await call("POST", "/customers", {"name": "Boris"})).json()["customer_id"]
    third = (await call("POST", "/customers", {"name": "Vera"})).json()["customer_id"]
    family = (await call("POST", "/families", {"head_customer_id": 1, "title": "Petrov"})).json()["family_id"]
    members = f"/families/{family}/members"
    act = (await call("POST", members, {"customer_id": second, "reason": "asked for at the desk"})).json()
    await desk.rows("UPDATE account_acts SET state = 'DONE'")
    await desk.rows("UPDATE family_members SET state = 'MEMBER'")
    await call("GET", f"/account-acts/{act['act_id']}")
    await call("GET", f"/families/{family}")
    await call("GET", "/families")
    await call("POST", f"{members}/{second}/leave", {"reason": "moved out"})
    await call("POST", f"/customers/{third}/merge", {"into_customer_id": 1, "reason": "registered twice"})


async def _coupons(session: Session) -> None:
    call = session.call
    await call("PUT", "/coupon-series/spring", SERIES)
    await call(
        "POST",
        "/coupon-series/spring/generate",
        {"title": "Leaflet", "count": 2},
    )
    await call(
        "POST",
        "/coupon-series/spring/import?title=Partner",
        "code\nPARTNER-1\n",
        media_type=CSV,
    )
    await call("GET", "/coupon-series/spring")
    await call("GET", "/coupon-series")
    await call("GET", "/coupon-series/spring/batches?limit=1")
    await call("GET", "/coupon-series/spring/coupons?limit=1")
    await call("GET", "/coupon-series/spring/issued")
    await call("GET", "/coupon-batches/1")
    stop = {"state": "BLOCKED", "reason": "the printer lost the file"}
    await call("PUT", "/coupon-batches/1/state", stop)
    await call("POST", "/coupons/find", {"code": "partner-1"})
    await call("GET", "/coupons/3")
    await call("PUT", "/coupons/3/state", stop)


async def _gift_cards(session: Session) -> None:
    call = session.call
    await session.desk.put("/v1/assets/gift", json={"kind": "MONEY"})
    await call("PUT", "/gift-card-series/plastic", GIFT_SERIES)
    await call("GET", "/gift-card-series/plastic")
    await call("GET", "/gift-card-series")
    await call("POST", "/gift-card-series/plastic/batches", {"title": "New year", "count": 2})
    await call("GET", "/gift-card-series/plastic/batches?limit=1")
    token = await session.desk.token_of("gina", Grant("MARKETING_DIRECTOR", "NETWORK"))
    await call("POST", "/gift-card-batches/1/issue", authorization=f"Bearer {token}")
    await call("POST", "/gift-card-batches/1/block", {"reason": "lost on the way"})
    await call("POST", "/gift-card-batches/1/unblock", {"reason": "found"})
    await call("GET", "/gift-card-batches/1")
    await call("GET", "/gift-card-batches/1/cards?limit=1")
    await session.desk.rows("UPDATE gift_cards SET number_hash = $1 WHERE gift_card_id = 1", GIFT_HASH)
    await call("POST", "/gift-cards/find", {"number": "9900 0000 0000 0001"})
    await call("GET", "/gift-cards/1")
    await call("GET", "/gift-cards/1/entries?limit=2")
    await call("POST", "/gift-cards/1/block", {"reason": "stolen"})
    await call("POST", "/gift-cards/1/unblock", {"reason": "found again"})


async def _rules(session: Session) -> None:
    call = session.call
    await call("GET", "/promotions/schema")
    await call("POST", "/promotions/validate", TEN)
    await call("POST", "/promotions", TEN)
    await call("POST", "/promotions/evaluate", {"promotion_ids": ["ten"], "receipt": RECEIPT, "explain": False})
    await call("PUT", "/promotions/ten", TEN | {"priority": "50"}, if_match='"1"')
    await call("PUT", "/promotions/ten/state", {"state": "ACTIVE"}, if_match='"2"')
    await call("GET", "/promotions/ten")
    await call("GET", "/promotions/ten/revisions?limit=1")
    tried = (await call("POST", "/promotions/ten/backtests", {"days": 30, "stores": ["s1"]})).json()
    await call("GET", f"/backtests/{tried['job']['job_id']}")
    offer = {"starts_at": "2027-01-15T00:00:00+03:00", "ends_at": "2027-02-01T00:00:00+03:00", "skus": ["milk"]}
    await call("PUT", "/customers/1/grants/ten", offer)
    await call("GET", "/customers/1/grants")
    await call("DELETE", "/customers/1/grants/ten")
    listed = '{"customer_id": 1, "categories": ["dairy"]}\n'
    await call("POST", "/promotions/ten/grants/import", listed, media_type=NDJSON)
    await call("GET", "/promotions?kind=promotion&state=ACTIVE")
    await call("POST", "/releases", {})
    await call("GET", "/releases")
    await call("GET", "/releases/1/document")
    await call("POST", "/releases/1/rollback", {"emergency": False})
    await call("GET", "/releases/1/servers")
    await _publishing(session)


async def _publishing(session: Session) -> None:
    call, desk = session.call, session.desk
    tokens = [await desk.token_of(login, Grant("MARKETING_DIRECTOR", "NETWORK")) for login in ("dora", "dave")]
    dora, dave = ({"authorization": f"Bearer {token}"} for token in tokens)
    await call("PUT", "/publishing", {"four_eyes": True, "second_approval_ppm": 250_000})
    await call("GET", "/publishing")
    case = {"title": "One carton", "receipt": RECEIPT, "at": "2027-01-15T12:00:00+03:00"}
    await call("PUT", "/receipt-cases/carton", case)
    await call("GET", "/receipt-cases")
    five = {"promotion": "five", "stage": "receipt", "reward": [{"percent": {"rate": "5"}}]}
    await call("POST", "/promotions", five, **dora)
    await call("POST", "/promotions/five/submit", {"note": "for spring"}, **dora)
    await call("POST", "/promotions/five/reject", {"reason": "not in January"}, **dave)
    await call("POST", "/promotions/five/submit", {}, **dora)
    await call("POST", "/promotions/five/withdraw", **dora)
    await call("POST", "/promotions/five/submit", {}, **dora)
    seen = {"if_match": '"6"'}
    await call("POST", "/promotions/five/approve", {"note": "good", "accepts_differences": True}, **dave, **seen)
    await call("GET", "/promotions/five/reviews?limit=1")
    await call("POST", "/promotions/five/publish", {"effective_at": "2027-01-16T00:00:00+03:00"}, **dave)
    await call("POST", "/promotions/five/unschedule", **dave)
    await call("POST", "/promotions/five/publish", {}, **dave)
    await call("GET", "/receipt-cases/differences")
    await call("POST", "/promotions/five/suspend", {"reason": "wrong price", "emergency": True}, **dave)
    await call("POST", "/promotions/five/resume", **dave)
    await call("POST", "/receipt-cases/carton/record")
    await call("DELETE", "/receipt-cases/carton")
    await _rails(session, dora, dave)
    await _serials(session, dora, dave)


async def _rails(session: Session, dora: dict[str, str], dave: dict[str, str]) -> None:
    call = session.call
    await call("GET", "/rails")
    asked = {"receipt_discount_max_ppm": 600_000, "hour_budget_minor": 5_000_000, "reason": "after the sales"}
    for verb, who in (("approve", dave), ("reject", dora)):
        made = (await call("POST", "/rails-changes", asked, **dora)).json()
        await call("POST", f"/rails-changes/{made['change_id']}/{verb}", **who)
    await call("GET", "/rails-changes?limit=1")
    told = {"why": "RATIO", "found": 912_000, "allowed": 100_000, "receipts_count": 23, "discount_minor": 2_097_600}
    await session.desk.rows(
        "INSERT INTO publishing_alerts (tenant, kind, promotion_id, occasion, told, raised_at)"
        " VALUES ('demo', 'STOPPED', 'five', 'release 9', $1, $2)",
        told | {"promotion_id": "five", "release": 9},
        NOW,
    )
    alerts = (await call("GET", "/publishing-alerts?is_open=true")).json()["alerts"]
    await call("POST", f"/publishing-alerts/{alerts[0]['alert_id']}/acknowledge", **dave)
    shadow = {"promotion_ids": ["five"], "share_ppm": 200_000, "minutes": 60}
    made = (await call("POST", "/shadows", shadow)).json()
    await call("GET", f"/shadows/{made['job']['job_id']}")


async def _serials(session: Session, dora: dict[str, str], dave: dict[str, str]) -> None:
    """A batch is exported once; again, the other director agrees or does not."""
    call = session.call
    series = SERIES | {"origin": "SERIAL", "template": "MR-##########?", "on_return": "KEEP_USED"}
    await call("PUT", "/coupon-series/march", series)
    batch = (await call("POST", "/coupon-series/march/serials", {"title": "Mailing", "count": 2}, **dora)).json()
    await call("GET", "/coupon-series/march/serials?limit=1")
    path = f"/coupon-batches/{batch['batch_id']}/exports"
    first = (await call("POST", path, {"reason": "for the printer"}, **dora)).json()
    await call("POST", f"/coupon-exports/{first['export_id']}/codes", **dora)
    for verb in ("approve", "refuse"):
        again = (await call("POST", path, {"reason": "the file was lost"}, **dora)).json()
        await call("POST", f"/coupon-exports/{again['export_id']}/{verb}", **dave)
    await call("GET", f"{path}?limit=1")


async def test_examples_are_what_this_back_office_answers(desk: Desk) -> None:
    desk.office.clock = lambda: NOW
    session = Session(desk)
    await play(session)
    if os.environ.get("ALTYN_WRITE_EXAMPLES"):
        EXAMPLES.write_bytes(
            orjson.dumps(
                session.examples, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
            )
        )
    assert set(session.examples) == set(ROUTES), "a call has no example in the session"
    kept = orjson.loads(EXAMPLES.read_bytes())
    for name, example in session.examples.items():
        assert kept[name] == example, f"{name}: write the examples anew (see the head of this file) and look at them"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The contract as it is served."""
    from fastapi import FastAPI

    from altyn.admin_api.app import AREAS

    app = FastAPI(openapi_url=None)
    for area in AREAS:
        app.include_router(area.router)
    served: dict[str, Any] = orjson.loads(orjson.dumps(openapi_of(app)))
    return served


def calls(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            yield f"{method.upper()} {path}", call


def test_every_call_has_a_description_and_examples_that_fit_its_schemas(document: dict[str, Any]) -> None:
    found: list[str] = []
    for name, call in calls(document):
        if not call.get("description"):
            found.append(f"{name}: no description")
        if "x-example-path" not in call:
            found.append(f"{name}: no example")
        contents = {"request": call.get("requestBody", {}).get("content", {})}
        contents |= {
            f"answer {status}": answer.get("content", {})
            for status, answer in call["responses"].items()
            if status != "default"
        }
        for what, content in contents.items():
            if content and not any("example" in one for one in content.values()):
                found.append(f"{name}: no example of the {what}")
            for media_type, one in content.items():
                if "example" in one:
                    said = complaints(one["example"], one.get("schema", {}), document["components"]["schemas"])
                    found.extend(f"{name}: {what} {media_type}: {complaint}" for complaint in said)
    assert found == []


def test_every_parameter_of_an_example_path_is_known(document: dict[str, Any]) -> None:
    for name, call in calls(document):
        known = {one["name"] for one in call.get("parameters", ())}
        query = call["x-example-path"].partition("?")[2]
        assert {part.partition("=")[0] for part in query.split("&") if part} <= known, name


def test_examples_show_no_key_that_could_open_anything(document: dict[str, Any]) -> None:
    told = orjson.dumps(contract.examples()).decode()
    assert {found[0] for found in RANDOM.finditer(told)} <= {("0123456789abcdef" * 4)[:size] for size in (16, 32, 64)}
    assert document_schema()["$schema"] == contract.examples()[SCHEMA_CALL]["answer"]["value"]["$schema"]


@pytest.mark.parametrize(
    ("value", "schema", "said"),
    [
        ({"a": 1}, {"type": "object", "required": ["b"], "properties": {"a": {"type": "integer"}}}, "b is missing"),
        ({"a": True}, {"properties": {"a": {"type": "integer"}}}, "is no integer"),
        ({"a": 1}, {"type": "object", "properties": {}, "additionalProperties": False}, "a is not known"),
        (None, {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "fits none"),
        ("x", {"enum": ["A"]}, "is none of"),
        ("x", {"$ref": "#/components/schemas/T"}, "is too short"),
        ([1, "x"], {"type": "array", "items": {"type": "integer"}}, "[1]: 'x' is no integer"),
        (5, {"type": "integer", "maximum": 4}, "is out of range"),
    ],
)
def test_schema_check_tells_what_does_not_fit(value: Any, schema: dict[str, Any], said: str) -> None:
    [complaint] = complaints(value, schema, {"T": {"type": "string", "minLength": 2}})
    assert said in complaint
