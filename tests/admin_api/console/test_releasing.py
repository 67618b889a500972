"""Publishing, the rollout server by server, and one click back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.desk import POINTS, TEN, Desk


async def report(desk: Desk, server_id: str, version: int, *, seconds_ago: int = 0, refused: str = "") -> None:
    """A server tells what it runs."""
    seen = desk.office.clock() - timedelta(seconds=seconds_ago)
    async with desk.office.connected() as connection:
        await connection.execute(
            "INSERT INTO server_status (tenant, server_id, started_at, seen_at, rules_version, staged_version,"
            " feed_version, durable_seq, refused_version, refused_reason) VALUES ($1, $2, $3, $3, $4, 0, 0, 0, $5, $6)"
            " ON CONFLICT (tenant, server_id) DO UPDATE SET seen_at = $3, rules_version = $4",
            desk.office.tenant,
            server_id,
            seen,
            version,
            1 if refused else 0,
            refused,
        )


async def published(browser: Browser) -> Page:
    page = await browser.get("/console/releases/new?checked=1")
    return await browser.post("/console/releases", page.fields)


async def test_save_and_publish_leads_to_the_changes_and_to_the_release(browser: Browser, desk: Desk) -> None:
    page = await browser.get("/console/promotions/new?card=points-percent")
    page = await browser.post("/console/promotions", page.changed({"then": "publish"}))
    assert page.path == "/console/releases/new" and "/console/releases/new?checked=1" in page.html
    page = await browser.get("/console/releases/new?checked=1")
    assert "Release 1" in page.text
    assert "New 3 % in points on every purchase" in page.text and "not declared yet" in page.text
    page = await browser.post("/console/releases", page.fields)
    assert page.path == "/console/releases/1" and "In force" in page.text
    assert (await desk.get("/v1/releases")).json()["releases"][0]["version"] == 1
    assert "releases.publish" in await desk.deeds()
    assert await desk.wake_ups()
    page = await browser.get("/console/promotions/3-in-points-on-every-purchase")
    assert "Live at the tills" in page.text and "Publish" not in page.text.replace("Save and publish", "")


async def test_publishing_twice_by_a_double_click_makes_one_release(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    page = await browser.get("/console/releases/new?checked=1")
    answers = await asyncio.gather(*(browser.send("/console/releases", page.fields) for _ in range(2)))
    assert [answer.headers.get("location", answer.text) for answer in answers] == ["/console/releases/1"] * 2
    assert len((await desk.get("/v1/releases")).json()["releases"]) == 1


async def test_rollout_counts_servers_until_all_run_it(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    page = await published(browser)
    assert "No server has reported lately" in page.text
    await report(desk, "one", 1)
    await report(desk, "two", 0)
    await report(desk, "gone", 1, seconds_ago=3600)
    part = await browser.get("/console/releases/1/rollout")
    assert "Live in 1 of 2 servers" in part.text and "every 1s" in part.html and "still runs release 0" in part.text
    assert "not seen since" in part.text
    await report(desk, "two", 1)
    part = await browser.get("/console/releases/1/rollout")
    assert "Live in 2 of 2 servers" in part.text and "every 1s" not in part.html


async def test_server_that_counts_earlier_purchases_says_how_far_it_is(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    await published(browser)
    await report(desk, "one", 0)
    for change, told in (
        ("numbers_ready = 1", "counts earlier purchases first: 1 of 3 numbers are ready"),
        ("history_seq = 1200, history_until_seq = 5000", "operation 1,200 of 5,000"),
        ("numbers_ready = 3", "waits for its moment"),
    ):
        async with desk.office.connected() as connection:
            await connection.execute(f"UPDATE server_status SET staged_version = 1, numbers_asked = 3, {change}")
        part = await browser.get("/console/releases/1/rollout")
        assert told in part.text, part.text
    assert 'value="1200"' not in part.html
    [server] = (await desk.get("/v1/releases/1/servers")).json()["servers"]
    found = [server[name] for name in ("numbers_asked", "numbers_ready", "history_seq", "history_until_seq")]
    assert found == [3, 3, 1200, 5000]


async def test_server_that_refused_says_why(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    await published(browser)
    await report(desk, "one", 0, refused="<b>hash differs</b>")
    part = await browser.get("/console/releases/1/rollout")
    assert "refused it: <b>hash differs</b>" in part.text and "<b>hash" not in part.html


async def test_one_click_takes_a_release_back(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    await published(browser)
    await desk.post("/v1/promotions?state=ACTIVE", json=POINTS)
    page = await published(browser)
    assert "Take it back to release 1" in page.text and "New points" in page.text
    token = [one for one in page.fields if one[0] == "token"][:1]
    back = await browser.post("/console/releases/1/rollback", [*token, ("once", "back")])
    assert back.path.startswith("/console/releases/3") and "The rules of release 1 are back" in back.text
    assert "Taken out points" in back.text
    documents = [(await desk.get(f"/v1/releases/{version}/document")).content for version in (1, 3)]
    assert documents[0] == documents[1]
    against = await browser.get("/console/releases/3?against=1")
    assert "Nothing changes" in against.text
    listed = await browser.get("/console/releases")
    assert "Release 3" in listed.text and listed.html.count("In force</span>") == 1


async def test_changes_name_places_before_and_after(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    await published(browser)
    page = await browser.get("/console/promotions/ten")
    page = await browser.post("/console/promotions/ten", page.changed({"doc.reward.0.percent.rate|word": "15"}))
    assert "Not published yet" in page.text
    page = await browser.get("/console/releases/new?checked=1")
    assert "reward[0].percent.rate" in page.text and "<del>10</del>" in page.html and "<ins>15</ins>" in page.html


async def test_what_cannot_be_published_says_so(browser: Browser, desk: Desk) -> None:
    clash = {"stage": "item", "reward": [{"percent": {"rate": "5"}}]}
    for name, mode in (("a", "BEST"), ("b", "MIN")):
        document = {"promotion": name, "group": {"name": "g", "mode": mode}, **clash}
        assert (await desk.post("/v1/promotions?state=ACTIVE", json=document)).status_code == 201
    page = await browser.get("/console/releases/new?checked=1")
    assert page.status == 200 and "It cannot be published yet" in page.text and "RELEASE_INVALID" in page.text


async def test_moment_of_a_release_is_by_the_programs_clock(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions?state=ACTIVE", json=TEN)
    page = await browser.get("/console/releases/new?checked=1")
    refused = await browser.post("/console/releases", page.changed({"effective_at": "soon"}))
    assert refused.status == 422
    page = await browser.post("/console/releases", page.changed({"effective_at": "2999-01-01T12:00", "once": "later"}))
    assert "01 Jan 2999, 12:00" in page.text and "In force" not in page.text.replace("in force", "")
    release = (await desk.get("/v1/releases")).json()["releases"][0]
    assert release["effective_at"] == "2999-01-01T09:00:00Z" and not release["is_in_force"]
