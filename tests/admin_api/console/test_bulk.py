"""One act on several promotions: each is told by itself, and a double submit does nothing twice."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.console.test_reviewing import People, people
from tests.admin_api.desk import TEN, Desk
from tests.admin_api.test_publishing import CompilerHere

__all__ = ["people"]

ASK = "/console/promotion-acts"


async def lay(desk: Desk, *names: str, state: str = "DRAFT", **more: Any) -> None:
    for name in names:
        made = await desk.post(f"/v1/promotions?state={state}", json={**TEN, "promotion": name, **more})
        assert made.status_code == 201, made.text


async def states(desk: Desk) -> dict[str, str]:
    found = (await desk.get("/v1/promotions")).json()["promotions"]
    return {one["promotion_id"]: one["state"] for one in found}


async def ask(browser: Browser, act: str, *names: str) -> Page:
    return await browser.get(f"{ASK}/{act}?" + "&".join(f"pick={name}" for name in names))


async def do(browser: Browser, act: str, *names: str, **typed: str) -> Page:
    page = await ask(browser, act, *names)
    assert page.status == 200, page.text
    return await browser.post(f"{ASK}/{act}", page.changed(typed))


def told(page: Page) -> list[str]:
    """What happened to each."""
    rows = page.html.partition("<tbody>")[2].partition("</tbody>")[0].split("</tr>")[:-1]
    cells = [re.sub(r"<[^>]*>", " ", re.findall(r"<td>(.*?)</td>", row, re.DOTALL)[1]) for row in rows]
    return [" ".join(one.split()) for one in cells]


async def test_list_offers_acts_of_ones_rights(people: People, desk: Desk) -> None:
    await lay(desk, "a", "b")
    for login, offered in {
        "mary": {"submit", "withdraw", "draft", "archive"},
        "sam": {"suspend"},
        "dora": {
            *("submit", "withdraw", "approve", "reject", "publish", "unschedule", "resume"),
            *("suspend", "draft", "archive"),
        },
    }.items():
        page = await people[login].get("/console/promotions")
        assert set(re.findall(r'formaction="/console/promotion-acts/(\w+)"', page.html)) == offered
    assert (await ask(people["sam"], "submit", "a")).status == 403
    refused = await people["sam"].post(f"{ASK}/archive", (await ask(people["mary"], "archive", "a")).fields)
    assert refused.status == 403 and set((await states(desk)).values()) == {"DRAFT"}


async def test_each_goes_its_way_to_the_tills_and_they_make_one_release(people: People, desk: Desk) -> None:
    await lay(desk, "a", "b", "c")
    await lay(desk, "old", state="ARCHIVED")
    page = await ask(people["mary"], "submit", "a", "b", "old")
    assert page.text.count("Yes") == 2 and "No: it will be left as it is" in page.text
    page = await do(people["mary"], "submit", "a", "b", "old")
    assert told(page)[:2] == ["Done", "Done"] and "OUT_OF_ORDER" in told(page)[2]
    assert "2 promotions were changed" in page.text
    await do(people["mary"], "submit", "c")
    page = await do(people["dora"], "approve", "a", "b")
    assert told(page) == ["Done", "Done"]
    page = await do(people["dora"], "publish", "a", "b", "c")
    assert told(page)[:2] == ["Done", "Done"] and "OUT_OF_ORDER" in told(page)[2] and "Release 1" in page.text
    assert await states(desk) == {"a": "ACTIVE", "b": "ACTIVE", "c": "REVIEW", "old": "ARCHIVED"}
    page = await do(people["sam"], "suspend", "a", "b", "c", reason="wrong price")
    assert told(page)[:2] == ["Done", "Done"] and "OUT_OF_ORDER" in told(page)[2]
    page = await do(people["dora"], "resume", "a", "b")
    assert told(page) == ["Done", "Done"]
    assert len((await desk.get("/v1/releases")).json()["releases"]) == 3
    deeds = await desk.deeds()
    assert [deeds.count(f"promotions.{verb}") for verb in ("submit", "approve", "publish", "suspend", "resume")] == [
        *(3, 2, 2, 2, 2)
    ]


async def test_double_submit_gets_the_same_page_and_acts_once(browser: Browser, desk: Desk) -> None:
    await lay(desk, "a", "b")
    page = await ask(browser, "archive", "a", "b")
    answers = await asyncio.gather(*(browser.send(f"{ASK}/archive", page.fields) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {200} and len({answer.text for answer in answers}) == 1
    assert (await desk.deeds()).count("promotions.archived") == 2
    again = await do(browser, "archive", "a", "b")
    assert told(again) == ["It was so already"] * 2


async def test_somebody_elses_change_is_not_overrun_except_by_a_stop(browser: Browser, desk: Desk) -> None:
    desk.office.compiler = CompilerHere()
    await lay(desk, "a", "b", state="ACTIVE")
    await desk.post("/v1/releases", json={})
    for act, typed in (("archive", {}), ("suspend", {"reason": "wrong price"})):
        page = await ask(browser, act, "a", "b")
        found = await desk.get("/v1/promotions/a")
        changed = {**TEN, "promotion": "a", "priority": len(act)}
        assert (
            await desk.put("/v1/promotions/a", json=changed, headers={"if-match": found.headers["etag"]})
        ).status_code == 200
        page = await browser.post(f"{ASK}/{act}", page.changed(typed))
        if act == "archive":
            assert "REVISION_DIFFERS" in told(page)[0] and told(page)[1] == "Done"
        else:
            assert told(page)[0] == "Done"
    assert await states(desk) == {"a": "SUSPENDED", "b": "ARCHIVED"}


async def test_reason_is_asked_for_and_what_was_picked_is_kept(people: People, desk: Desk) -> None:
    await lay(desk, "a", "b")
    await do(people["mary"], "submit", "a", "b")
    refused = await do(people["dora"], "reject", "a", "b", reason=" ")
    assert refused.status == 422 and [name for name, _ in refused.fields].count("pick") == 2
    page = await people["dora"].post(f"{ASK}/reject", refused.changed({"reason": "too deep"}))
    assert told(page) == ["Done", "Done"] and set((await states(desk)).values()) == {"DRAFT"}


async def test_each_is_looked_at_beside_those_before_it(people: People, desk: Desk) -> None:
    """Each could go alone; together their groups contradict one another."""
    group = {"name": "week", "mode": "BEST"}
    await lay(desk, "a", group=group)
    await lay(desk, "b", group={"name": "week", "mode": "FIRST"})
    await do(people["mary"], "submit", "a", "b")
    assert told(await do(people["dora"], "approve", "a", "b")) == ["Done", "Done"]
    page = await do(people["dora"], "publish", "a", "b")
    assert told(page)[0] == "Done" and "b:group.mode" in told(page)[1]
    assert await states(desk) == {"a": "ACTIVE", "b": "APPROVED"}


async def test_release_that_is_refused_leaves_all_as_they_were(people: People, desk: Desk) -> None:
    await lay(desk, "a", "b")
    await do(people["mary"], "submit", "a", "b")
    await do(people["dora"], "approve", "a", "b")
    before, compiler = await desk.deeds(), desk.office.compiler
    page = await ask(people["dora"], "publish", "a", "b")
    desk.office.compiler = OnlyLooks()
    page = await people["dora"].post(f"{ASK}/publish", page.fields)
    desk.office.compiler = compiler
    assert page.status == 200 and ["RELEASE_INVALID" in one for one in told(page)] == [True, True]
    assert set((await states(desk)).values()) == {"APPROVED"} and await desk.deeds() == before
    assert not (await desk.get("/v1/releases")).json()["releases"]


class OnlyLooks(CompilerHere):
    """Compiles what is looked at; a release is refused."""

    async def compile(self, version: int, document: bytes, timeout_s: float = 0) -> Any:
        return await super().compile(version, document if version == 0 else b"nonsense")


async def test_nothing_and_too_many_are_told(browser: Browser, desk: Desk) -> None:
    assert "Nothing is picked" in (await ask(browser, "archive")).text
    assert "Nothing is picked" in (await ask(browser, "archive", "nobody", "%00")).text
    await lay(desk, *(f"p{number}" for number in range(3)))
    page = await ask(browser, "archive", "p0")
    many = [one for one in page.fields if one[0] != "pick"] + [("pick", f"1 p{number}") for number in range(51)]
    refused = await browser.post(f"{ASK}/archive", many)
    assert refused.status == 422 and "Too many promotions" in refused.text
    for value in ("p0", "x p0", ""):
        odd = [one for one in page.fields if one[0] not in ("pick", "once")] + [("pick", value), ("once", "o" + value)]
        assert (await browser.post(f"{ASK}/archive", odd)).status == 422
    assert set((await states(desk)).values()) == {"DRAFT"}
