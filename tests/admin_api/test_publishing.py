"""The way of a promotion to the tills: other eyes, guard rails, dates, stops, and receipts that are watched."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.publishing.due import DueJobs
from altyn.admin_api.releases.compiling import Compiled, Compiler, compile_bytes
from tests.admin_api.desk import POINTS, RECEIPT, STORE, TEN, Desk

START = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
DEEP = TEN | {"reward": [{"percent": {"rate": "40", "of": {"sku": "milk"}}}]}
RUINOUS = TEN | {"reward": [{"percent": {"rate": "100"}}]}


@dataclass
class House:
    """A desk with people: two who write, two who approve, one who only stops."""

    desk: Desk
    tokens: dict[str, str]
    now: datetime = START

    async def act(self, login: str, verb: str, body: Any = None, promotion_id: str = "ten", **headers: str) -> Any:
        """What an act answered: its body, or the reason it was refused for."""
        answer = await self.call(
            login, "POST", f"/v1/promotions/{promotion_id}/{verb}", json={} if body is None else body, headers=headers
        )
        return answer.json() if answer.status_code == 200 else answer.json()["reason"]

    async def call(self, login: str, method: str, path: str, headers: Any = (), **given: Any) -> httpx.Response:
        sent = dict(headers) | {"authorization": f"Bearer {self.tokens[login]}"}
        return await self.desk.call(method, path, headers=sent, **given)

    async def approve(self, login: str, promotion_id: str = "ten", **body: Any) -> Any:
        etag = (await self.desk.get(f"/v1/promotions/{promotion_id}")).headers["etag"]
        return await self.act(login, "approve", body, promotion_id, **{"if-match": etag})

    async def approved(self, document: dict[str, Any] = TEN) -> None:
        """A promotion that mary wrote and dora approved."""
        made = await self.call("mary", "POST", "/v1/promotions", json=document)
        assert made.status_code == 201, made.text
        assert (await self.act("mary", "submit", promotion_id=document["promotion"]))["state"] == "REVIEW"
        assert (await self.approve("dora", document["promotion"]))["state"] == "APPROVED"

    async def state(self, promotion_id: str = "ten") -> tuple[str, int | None]:
        told = (await self.desk.get(f"/v1/promotions/{promotion_id}")).json()
        return told["state"], told["released_revision"]

    async def released(self, at: datetime | None = None) -> list[str]:
        """Ids in the release in force at a moment."""
        rows = await self.desk.rows(
            "SELECT document FROM rules_release WHERE effective_at <= $1 ORDER BY version DESC LIMIT 1", at or self.now
        )
        documents = orjson.loads(rows[0]["document"]) if rows else []
        return [one.get("promotion", one.get("limit")) for one in documents if "asset" not in one]

    async def actions(self) -> list[str]:
        return [deed for deed in await self.desk.deeds() if deed.startswith(("promotions.", "releases."))]


class CompilerHere(Compiler):
    """The same work without a process of its own: what that is for is tested with releases."""

    async def compile(self, version: int, document: bytes, timeout_s: float = 0) -> Compiled:
        return compile_bytes(version, document)


@pytest.fixture
async def house(desk: Desk) -> House:
    roles = {"mary": "MARKETER", "mark": "MARKETER", "dora": "MARKETING_DIRECTOR", "dave": "MARKETING_DIRECTOR"}
    roles |= {"sam": "SALES_DIRECTOR", "adam": "ADMINISTRATOR"}
    house = House(desk, {})
    desk.office.compiler = CompilerHere()
    desk.office.clock = lambda: house.now
    for login, role in roles.items():
        house.tokens[login] = await desk.token_of(login, Grant(role, "NETWORK"))
    await desk.put("/v1/stores/s1", json=STORE)
    return house


async def test_promotion_goes_from_draft_to_tills_by_other_eyes(house: House) -> None:
    await house.call("mary", "POST", "/v1/promotions", json=TEN)
    assert await house.act("dora", "publish") == "OUT_OF_ORDER"
    submitted = await house.act("mary", "submit", {"note": "for spring"})
    assert (submitted["state"], submitted["review"]["state"]) == ("REVIEW", "OPEN")
    assert submitted["review"]["authors"] == ["person:mary"]
    assert (submitted["review"]["expected_discount_ppm"], submitted["review"]["approvals_needed"]) == (100_000, 1)
    assert (await house.approve("dora", note="good"))["review"]["approvals"][0]["approved_by"] == "person:dora"
    published = await house.act("dora", "publish")
    assert (published["state"], published["release_version"]) == ("ACTIVE", 1)
    assert await house.released() == ["ten"]
    assert await house.desk.wake_ups() != []
    assert await house.actions() == [
        "promotions.create",
        "promotions.submit",
        "promotions.approve",
        "releases.publish",
        "promotions.publish",
    ]
    assert (await house.desk.get("/v1/audit/verify")).json()["violations"] == []


async def test_nobody_approves_what_they_wrote_or_submitted(house: House) -> None:
    await house.call("dora", "POST", "/v1/promotions", json=TEN)
    await house.act("mary", "submit")
    assert await house.approve("dora") == "FOUR_EYES", "dora wrote it, though mary submitted it"
    assert await house.approve("mary") == "SCOPE_MISSING"
    etag = {"if-match": '"2"'}
    by_key = await house.desk.post("/v1/promotions/ten/approve", json={}, headers=etag)
    assert by_key.json()["reason"] == "PERSON_NEEDED"
    assert (await house.approve("dave"))["state"] == "APPROVED"
    changed = await house.call(
        "mary", "PUT", "/v1/promotions/ten", json=TEN | {"priority": "5"}, headers={"if-match": '"3"'}
    )
    assert changed.json()["state"] == "DRAFT", "what was approved is not what it is now"
    await house.act("mary", "submit")
    assert await house.approve("dora") == "FOUR_EYES", "her words are still in it"


async def test_approval_is_of_the_revision_that_was_looked_at(house: House) -> None:
    await house.call("mary", "POST", "/v1/promotions", json=TEN)
    await house.act("mary", "submit")
    assert await house.act("dora", "approve") == "IF_MATCH_MISSING"
    assert await house.act("dora", "approve", **{"if-match": '"1"'}) == "REVISION_DIFFERS"
    house.now += timedelta(hours=72)
    house.tokens["dora"] = await house.desk.token_of("dora", Grant("MARKETING_DIRECTOR", "NETWORK"))
    assert await house.approve("dora") == "REVIEW_EXPIRED"


async def test_rejection_has_a_reason_and_makes_a_draft(house: House) -> None:
    await house.call("mary", "POST", "/v1/promotions", json=TEN)
    await house.act("mary", "submit")
    assert await house.act("dora", "reject", {"reason": ""}) == "INVALID"
    rejected = await house.act("dora", "reject", {"reason": "too early"})
    assert (rejected["state"], rejected["review"]["state"]) == ("DRAFT", "REJECTED")
    assert rejected["review"]["reason"] == "too early"
    assert (await house.act("dora", "reject", {"reason": "too early"}))["revision"] == rejected["revision"]
    assert await house.act("mark", "withdraw") == "OUT_OF_ORDER"
    assert (await house.act("mary", "submit"))["review"]["review_no"] == 2
    withdrawn = await house.act("mary", "withdraw")
    assert (withdrawn["state"], withdrawn["review"]["state"]) == ("DRAFT", "WITHDRAWN")
    assert (await house.act("mary", "withdraw"))["revision"] == withdrawn["revision"]
    reviews = (await house.desk.get("/v1/promotions/ten/reviews")).json()["reviews"]
    assert [one["state"] for one in reviews] == ["WITHDRAWN", "REJECTED"]


async def test_deep_discount_needs_two_approvals_of_two_people(house: House) -> None:
    await house.call("mary", "POST", "/v1/promotions", json=DEEP)
    submitted = await house.act("mary", "submit")
    assert (submitted["review"]["expected_discount_ppm"], submitted["review"]["approvals_needed"]) == (400_000, 2)
    assert (await house.approve("dora"))["state"] == "REVIEW"
    assert (await house.approve("dora"))["state"] == "REVIEW", "the same eyes again"
    assert len((await house.desk.get("/v1/promotions/ten/reviews")).json()["reviews"][0]["approvals"]) == 1
    assert (await house.approve("dave"))["state"] == "APPROVED"


async def test_errors_of_the_lint_block_the_promotion_that_brings_them(house: House) -> None:
    await house.call("mary", "POST", "/v1/promotions", json=RUINOUS)
    refused = await house.call("mary", "POST", "/v1/promotions/ten/submit", json={})
    assert (refused.status_code, refused.json()["reason"]) == (422, "LINT_BLOCKS")
    assert "FREE_GOODS" in {one["code"] for one in refused.json()["problems"]}
    assert await house.state() == ("DRAFT", None)
    # What another one does wrong already is not this one's fault.
    await house.desk.post("/v1/promotions?state=ACTIVE", json=RUINOUS | {"promotion": "free"})
    await house.desk.post("/v1/releases", json={})
    await house.call("mary", "POST", "/v1/promotions", json=POINTS)
    assert (await house.act("mary", "submit", promotion_id="points"))["state"] == "REVIEW"


async def test_four_eyes_off_is_told_at_every_approval(house: House) -> None:
    rules = {"four_eyes": False}
    assert (await house.call("dora", "PUT", "/v1/publishing", json=rules)).json()["reason"] == "SCOPE_MISSING"
    changed = (await house.call("adam", "PUT", "/v1/publishing", json=rules)).json()
    assert [one["code"] for one in changed["warnings"]] == ["FOUR_EYES_OFF"]
    await house.call("dora", "POST", "/v1/promotions", json=DEEP)
    await house.act("dora", "submit")
    approved = await house.approve("dora")
    assert (approved["state"], [one["code"] for one in approved["warnings"]]) == ("APPROVED", ["FOUR_EYES_OFF"])
    [deed] = (await house.desk.get("/v1/audit?action=promotions.approve")).json()["rows"]
    assert deed["after"]["four_eyes"] is False
    await house.call("adam", "PUT", "/v1/publishing", json={"four_eyes": True})
    assert (await house.desk.get("/v1/publishing")).json() == {
        "four_eyes": True,
        "second_approval_ppm": 300_000,
        "warnings": [],
    }


async def test_scheduled_promotion_waits_in_a_release_and_survives_others(house: House) -> None:
    await house.approved()
    at = START + timedelta(days=1)
    assert await house.act("dora", "publish", {"effective_at": "2020-01-01T00:00:00Z"}) == "EFFECTIVE_AT_PAST"
    scheduled = await house.act("dora", "publish", {"effective_at": at.isoformat()})
    assert (scheduled["state"], scheduled["release_version"]) == ("SCHEDULED", 1)
    assert (await house.released(), await house.released(at)) == ([], ["ten"])
    again = await house.act("dora", "publish", {"effective_at": at.isoformat()})
    assert (again["revision"], again["release_version"]) == (scheduled["revision"], None)
    assert await house.act("dora", "publish") == "OUT_OF_ORDER"
    # A key publishes something else meanwhile: what waits goes on waiting.
    await house.desk.post("/v1/promotions?state=ACTIVE", json=TEN | {"promotion": "other"})
    assert (await house.desk.post("/v1/releases", json={})).json()["promotions_count"] == 1
    assert (await house.released(), await house.released(at)) == (["other"], ["other", "ten"])
    # So it does when somebody's promotion is published between.
    await house.approved(TEN | {"promotion": "third", "stage": "receipt"})
    assert (await house.act("dora", "publish", promotion_id="third"))["state"] == "ACTIVE"
    assert (await house.released(), await house.released(at)) == (["other", "third"], ["other", "ten", "third"])
    due = DueJobs(house.desk.office)
    assert await due.turn() == 0
    house.now = at
    assert await due.turn() == 1
    state, released = await house.state()
    assert (state, released) == ("ACTIVE", scheduled["revision"] + 1)
    assert await due.turn() == 0
    assert (await house.desk.post("/v1/releases", json={"validate_only": True})).json()["promotions_count"] == 3


async def test_schedule_is_taken_back_and_what_runs_goes_on(house: House) -> None:
    await house.approved()
    await house.act("dora", "publish")
    _, running = await house.state()
    edited = TEN | {"reward": [{"percent": {"rate": "20"}}]}
    etag = (await house.desk.get("/v1/promotions/ten")).headers["etag"]
    assert (await house.call("mary", "PUT", "/v1/promotions/ten", json=edited, headers={"if-match": etag})).json()[
        "state"
    ] == "DRAFT"
    assert await house.state() == ("DRAFT", running), "a draft beside what runs"
    assert (await house.desk.post("/v1/releases", json={"validate_only": True})).json()["promotions_count"] == 1
    await house.act("mary", "submit")
    assert (await house.approve("dora"))["state"] == "APPROVED"
    at = START + timedelta(days=2)
    await house.act("dora", "publish", {"effective_at": at.isoformat()})
    later = await house.desk.rows("SELECT document FROM rules_release ORDER BY version DESC LIMIT 1")
    assert orjson.loads(later[0]["document"])[0]["reward"][0]["percent"]["rate"] == "20"
    unscheduled = await house.act("dora", "unschedule")
    assert (unscheduled["state"], unscheduled["released_revision"]) == ("APPROVED", running)
    later = await house.desk.rows("SELECT document FROM rules_release ORDER BY version DESC LIMIT 1")
    assert orjson.loads(later[0]["document"])[0]["reward"][0]["percent"]["rate"] == "10"
    assert (await house.act("dora", "unschedule"))["release_version"] is None


async def test_stop_is_one_release_without_the_promotion_and_nothing_else(house: House) -> None:
    await house.approved()
    await house.act("dora", "publish")
    await house.desk.post("/v1/promotions?state=ACTIVE", json=TEN | {"promotion": "unpublished"})
    await house.approved(TEN | {"promotion": "later", "stage": "receipt"})
    at = START + timedelta(days=1)
    await house.act("dora", "publish", {"effective_at": at.isoformat()}, promotion_id="later")
    assert await house.released(at) == ["later", "ten"]
    stop = {"reason": "the price is wrong", "emergency": True}
    assert await house.act("mary", "suspend", stop) == "SCOPE_MISSING"
    stopped = await house.act("sam", "suspend", stop)
    assert (stopped["state"], stopped["released_revision"]) == ("SUSPENDED", None)
    assert (await house.released(), await house.released(at)) == ([], ["later"])
    rows = await house.desk.rows("SELECT version, emergency FROM rules_release ORDER BY version")
    assert [row["emergency"] for row in rows] == [False, False, True, False]
    assert stopped["release_version"] == 3
    assert (await house.act("sam", "suspend", stop))["release_version"] is None, "twice is once"
    resumed = await house.act("dora", "resume")
    assert (resumed["state"], await house.released(), await house.released(at)) == (
        "ACTIVE",
        ["ten"],
        ["later", "ten"],
    )
    stopped = await house.act("sam", "suspend", {"reason": "not this either"}, promotion_id="later")
    assert (stopped["state"], await house.released(at)) == ("SUSPENDED", ["ten"]), "what waits is stopped too"
    etag = (await house.desk.get("/v1/promotions/later")).headers["etag"]
    archived = await house.call(
        "mary", "PUT", "/v1/promotions/later/state", json={"state": "ARCHIVED"}, headers={"if-match": etag}
    )
    assert archived.json()["state"] == "ARCHIVED"


async def test_stop_beside_a_draft_stops_what_runs_and_leaves_the_draft(house: House) -> None:
    await house.approved()
    await house.act("dora", "publish")
    etag = (await house.desk.get("/v1/promotions/ten")).headers["etag"]
    await house.call("mary", "PUT", "/v1/promotions/ten", json=TEN | {"priority": "7"}, headers={"if-match": etag})
    stopped = await house.act("sam", "suspend", {"reason": "a mistake"})
    assert (stopped["state"], stopped["released_revision"]) == ("DRAFT", None)
    assert await house.released() == []
    assert await house.act("sam", "suspend", {"reason": "a mistake"}) == "OUT_OF_ORDER"


async def test_rollback_takes_what_waits_off_the_schedule_and_says_so(house: House) -> None:
    await house.desk.post("/v1/releases", json={})
    await house.approved()
    at = START + timedelta(days=1)
    await house.act("dora", "publish", {"effective_at": at.isoformat()})
    rolled = (await house.desk.post("/v1/releases/1/rollback", json={})).json()
    assert [(one["path"], one["code"]) for one in rolled["warnings"]] == [("ten", "SCHEDULE_DROPPED")]
    assert await house.state() == ("APPROVED", None)
    assert await house.released(at) == []


async def test_moments_that_wait_have_an_end_but_a_stop_always_goes(house: House) -> None:
    await house.approved(TEN | {"promotion": "now", "stage": "receipt"})
    await house.act("dora", "publish", promotion_id="now")
    for number in range(6):
        await house.approved(TEN | {"promotion": f"p{number}", "priority": str(number)})
        at = (START + timedelta(days=6 - number)).isoformat()
        answer = await house.act("dora", "publish", {"effective_at": at}, promotion_id=f"p{number}")
        assert answer == "SCHEDULE_FULL" if number == 5 else answer["state"] == "SCHEDULED"
    assert (await house.act("sam", "suspend", {"reason": "stop"}, promotion_id="now"))["state"] == "SUSPENDED"
    days = [START + timedelta(days=day) for day in (2, 3, 6)]
    assert [await house.released(day) for day in days] == [["p4"], ["p3", "p4"], ["p0", "p1", "p2", "p3", "p4"]]


async def test_keys_publish_as_before_and_people_do_not_set_active(house: House) -> None:
    made = await house.desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    assert (made.json()["state"], made.json()["released_revision"]) == ("ACTIVE", 1)
    changed = await house.desk.put("/v1/promotions/ten", json=TEN | {"priority": "3"}, headers={"if-match": '"1"'})
    assert (changed.json()["state"], changed.json()["released_revision"]) == ("ACTIVE", 2)
    assert (await house.desk.post("/v1/releases", json={})).status_code == 201
    for method, path, body, etag in (
        ("POST", "/v1/promotions?state=ACTIVE", TEN | {"promotion": "mine"}, ""),
        ("PUT", "/v1/promotions/two/state", {"state": "ACTIVE"}, '"1"'),
    ):
        await house.desk.post("/v1/promotions", json=TEN | {"promotion": "two"})
        refused = await house.call("mary", method, path, json=body, headers={"if-match": etag})
        assert (refused.status_code, refused.json()["reason"]) == (409, "REVIEW_NEEDED")
    for state in ("DRAFT", "ARCHIVED"):
        refused = await house.call(
            "mary", "PUT", "/v1/promotions/ten/state", json={"state": state}, headers={"if-match": '"2"'}
        )
        assert refused.json()["reason"] == "OUT_OF_ORDER", "a person suspends what is released first"
    await house.act("mary", "submit", promotion_id="two")
    etag = (await house.desk.get("/v1/promotions/two")).headers["etag"]
    jumped = await house.desk.put("/v1/promotions/two/state", json={"state": "ACTIVE"}, headers={"if-match": etag})
    assert jumped.json()["reason"] == "OUT_OF_ORDER", "a key does not cut a review short either"
    archived = await house.desk.put("/v1/promotions/two/state", json={"state": "ARCHIVED"}, headers={"if-match": etag})
    assert archived.json()["state"] == "ARCHIVED"
    [review] = (await house.desk.get("/v1/promotions/two/reviews")).json()["reviews"]
    assert review["state"] == "WITHDRAWN"


async def test_act_sent_twice_at_once_is_done_once(house: House) -> None:
    await house.approved()
    answers = await asyncio.gather(*(house.act("dora", "publish") for _ in range(3)))
    assert len({str(one) if isinstance(one, str) else one["revision"] for one in answers} - {"BUSY"}) == 1
    assert [row["version"] for row in await house.desk.rows("SELECT version FROM rules_release")] == [1]


ORDER = {
    "submit": {"DRAFT", "REVIEW"},
    "withdraw": {"REVIEW", "APPROVED"},
    "approve": {"REVIEW", "APPROVED"},
    "reject": {"REVIEW"},
    "publish": {"APPROVED", "ACTIVE"},
    "unschedule": {"SCHEDULED", "APPROVED"},
    "suspend": {"SCHEDULED", "ACTIVE", "SUSPENDED"},
    "resume": {"SUSPENDED", "ACTIVE"},
}


async def test_act_out_of_order_is_refused_with_one_reason(house: House) -> None:
    async def reach(state: str) -> None:
        """A promotion of this name in this state."""
        document = TEN | {"promotion": state.lower()}
        key = {"promotion_id": document["promotion"]}
        await house.call("mary", "POST", "/v1/promotions", json=document)
        if state in ("DRAFT", "ARCHIVED"):
            if state == "ARCHIVED":
                await house.desk.put(
                    "/v1/promotions/archived/state", json={"state": state}, headers={"if-match": '"1"'}
                )
            return
        await house.act("mary", "submit", **key)
        if state == "REVIEW":
            return
        await house.approve("dora", document["promotion"])
        at = {"effective_at": (START + timedelta(days=1)).isoformat()} if state == "SCHEDULED" else {}
        if state != "APPROVED":
            await house.act("dora", "publish", at, **key)
        if state == "SUSPENDED":
            await house.act("dora", "suspend", {"reason": "stop"}, **key)

    for state in ("DRAFT", "REVIEW", "APPROVED", "SCHEDULED", "ACTIVE", "SUSPENDED", "ARCHIVED"):
        await reach(state)
        assert (await house.state(state.lower()))[0] == state
        for verb, allowed in ORDER.items():
            if state not in allowed:
                body = {"reason": "because"} if verb in ("reject", "suspend") else {}
                etag = (await house.desk.get(f"/v1/promotions/{state.lower()}")).headers["etag"]
                found = await house.act("dora", verb, body, state.lower(), **{"if-match": etag})
                assert found == "OUT_OF_ORDER", (state, verb)
        assert (await house.state(state.lower()))[0] == state


async def test_sample_receipt_that_would_differ_is_shown_accepted_and_recorded_anew(house: House) -> None:
    case = {"title": "Milk", "receipt": RECEIPT, "at": "2027-01-15T12:00:00+03:00"}
    put = await house.call("mary", "PUT", "/v1/receipt-cases/milk", json=case)
    assert (put.status_code, put.json()["expected"]["totals"]["discount_minor"]) == (200, 0)
    await house.call("mary", "POST", "/v1/promotions", json=TEN)
    review = (await house.act("mary", "submit"))["review"]
    assert review["cases_count"] == 1
    found = {one["path"]: (one["expected"], one["actual"]) for one in review["differences"]}
    assert found["totals.discount_minor"] == (0, 1000)
    assert {one["case_id"] for one in review["differences"]} == {"milk"}
    assert await house.approve("dora") == "CASES_DIFFER"
    assert (await house.approve("dora", accepts_differences=True))["state"] == "APPROVED"
    assert (await house.act("dora", "publish"))["state"] == "ACTIVE"
    [run] = (await house.desk.get("/v1/receipt-cases/differences")).json()["runs"]
    assert not run["is_same"]
    recorded = await house.call("mary", "POST", "/v1/receipt-cases/milk/record")
    assert recorded.json()["expected"]["totals"]["discount_minor"] == 1000
    [run] = (await house.desk.get("/v1/receipt-cases/differences")).json()["runs"]
    assert run == {"case_id": "milk", "is_same": True, "differences": []}
    assert (await house.call("mary", "DELETE", "/v1/receipt-cases/milk")).status_code == 204
    assert (await house.call("mary", "DELETE", "/v1/receipt-cases/milk")).json()["reason"] == "CASE_UNKNOWN"


async def test_difference_that_came_after_the_approval_stops_the_publication(house: House) -> None:
    await house.approved()
    case = {"receipt": RECEIPT, "at": "2027-01-15T12:00:00+03:00"}
    await house.call("mary", "PUT", "/v1/receipt-cases/milk", json=case)
    refused = await house.call("dora", "POST", "/v1/promotions/ten/publish", json={})
    assert (refused.status_code, refused.json()["reason"]) == (409, "CASES_DIFFER")
    assert "milk: totals.discount_minor" in {one["path"] for one in refused.json()["problems"]}
    assert await house.state() == ("APPROVED", None)
    assert await house.desk.rows("SELECT FROM rules_release") == []


async def test_discount_seen_with_sample_receipts_counts_for_the_second_approval(house: House) -> None:
    case = {"receipt": RECEIPT, "at": "2027-01-15T12:00:00+03:00"}
    await house.call("mary", "PUT", "/v1/receipt-cases/milk", json=case)
    half = TEN | {"reward": [{"fixed_price": {"price": "50.00", "of": {"sku": "milk"}}}]}
    made = await house.call("mary", "POST", "/v1/promotions", json=half)
    assert made.status_code == 201, made.text
    review = (await house.act("mary", "submit"))["review"]
    assert (review["expected_discount_ppm"], review["approvals_needed"]) == (500_000, 2)


async def test_case_that_cannot_be_calculated_is_recorded_as_such(house: House) -> None:
    broken = {"receipt": RECEIPT | {"store_id": "nowhere"}}
    put = await house.call("mary", "PUT", "/v1/receipt-cases/broken", json=broken)
    assert put.json()["expected"]["refused"] == "RECEIPT_INVALID"
