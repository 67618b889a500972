"""The list and the constructor: what is typed is stored once, shown again when it is wrong, and never overwrites."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.admin_api.console.browser import Browser, Page
from tests.admin_api.desk import TEN, Desk

LONG: dict[str, Any] = {
    "promotion": "long",
    "stage": "item",
    "group": {"name": "week", "mode": "BEST"},
    "when": {"all": [{"schedule": {"from": "2020-01-01", "to": "2020-02-01"}}]},
    "reward": [{"percent": {"rate": "5", "of": {"category": "tea"}}}],
}


async def stored(desk: Desk, promotion_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await desk.get(f"/v1/promotions/{promotion_id}")).json()
    return found


async def test_list_filters_by_what_the_address_says(browser: Browser, desk: Desk) -> None:
    coming = {**LONG, "promotion": "coming", "when": {"schedule": {"from": "2999-01-01"}}, "group": "other"}
    cap = {"limit": "cap", "title": {"en": "The cap"}, "cap": {"per": "receipt", "percent": "50"}}
    for document, state in ((TEN, "ACTIVE"), (LONG, "DRAFT"), (coming, "DRAFT"), (cap, "ACTIVE")):
        assert (await desk.post(f"/v1/promotions?state={state}", json=document)).status_code == 201
    for query, names in {
        "": {"ten", "long", "coming", "cap"},
        "state=DRAFT": {"long", "coming"},
        "stage=item&state=ACTIVE": {"ten"},
        "group=week": {"long"},
        "group=other": {"coming"},
        "validity=over": {"long"},
        "validity=coming": {"coming"},
        "validity=now": {"ten", "cap"},
        "kind=limit": {"cap"},
        "text=ТЕН": set(),
        "text=the+cap": {"cap"},
        "state=NONSENSE&text=%00": {"ten", "long", "coming", "cap"},
    }.items():
        page = await browser.get(f"/console/promotions?{query}")
        shown = {one for one in ("ten", "long", "coming", "cap") if f'href="/console/promotions/{one}"' in page.html}
        assert shown == names, query


async def test_list_is_paged_on_the_server_and_keeps_the_filters(browser: Browser, desk: Desk) -> None:
    for number in range(30):
        made = await desk.post("/v1/promotions", json={**TEN, "promotion": f"p{number:02}"})
        assert made.status_code == 201
    first = await browser.get("/console/promotions?stage=item")
    assert "promotions/p24" in first.html and "promotions/p25" not in first.html
    assert "/console/promotions?stage=item&amp;after=p24" in first.html
    second = await browser.get("/console/promotions?stage=item&after=p24")
    assert "promotions/p25" in second.html and "promotions/p24" not in second.html and "To the beginning" in second.text


async def test_promotion_is_made_from_a_card(browser: Browser, desk: Desk) -> None:
    page = await browser.get("/console/promotions/new?card=small-receipt-points")
    name = "doc.when.all.0.customer.segment.any_of|list"
    page = await browser.post("/console/promotions", page.changed({"doc.title.en|text": "Tea & points", name: "a, b"}))
    assert page.path == "/console/promotions/tea-points?saved=1" and "Saved." in page.text
    found = await stored(desk, "tea-points")
    assert found["state"] == "DRAFT" and found["revision"] == 1
    assert found["document"]["when"]["all"][0] == {"customer": {"has_card": True, "segment": {"any_of": ["a", "b"]}}}
    assert found["document"]["title"]["en"] == "Tea & points"
    assert await desk.deeds() == ["promotions.create"]


async def test_double_submit_makes_one_promotion(browser: Browser, desk: Desk) -> None:
    page = await browser.get("/console/promotions/new?card=points-percent")
    answers = await asyncio.gather(*(browser.send("/console/promotions", page.fields) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len((await desk.get("/v1/promotions")).json()["promotions"]) == 1


async def test_same_name_gets_an_id_of_its_own(browser: Browser, desk: Desk) -> None:
    for _ in range(2):
        page = await browser.get("/console/promotions/new?card=points-percent")
        await browser.post("/console/promotions", page.fields)
    listed = (await desk.get("/v1/promotions")).json()["promotions"]
    assert [one["promotion_id"] for one in listed] == [
        "3-in-points-on-every-purchase",
        "3-in-points-on-every-purchase-2",
    ]


async def test_wrong_fields_are_told_where_they_stand_and_kept(browser: Browser, desk: Desk) -> None:
    page = await browser.get("/console/promotions/new?card=small-receipt-points")
    below, percent = "doc.when.all.1.receipt_sum.below|word", "doc.reward.0.points.percent|word"
    page = await browser.post(
        "/console/promotions", page.changed({below: "abc", percent: "", "doc.title.en|text": "Mine"})
    )
    assert page.status == 422
    assert page.value(below) == "abc" and page.value("doc.title.en|text") == "Mine"
    assert "is not a sum" in page.text and "give one of percent, fixed, tiers" in page.text
    assert page.html.count("is-invalid") == 1 and "invalid-feedback" in page.html and "2 things to mend" in page.text
    assert (await desk.get("/v1/promotions")).json()["promotions"] == []
    page = await browser.post("/console/promotions", page.changed({below: "900", percent: "0.7"}))
    assert page.status == 200 and (await stored(desk, "mine"))["document"]["reward"][0]["points"]["percent"] == "0.7"


async def test_unchanged_form_makes_no_revision(browser: Browser, desk: Desk) -> None:
    document = {**LONG, "when": {"store": {"format": "super"}, "schedule": {"weekdays": "sat"}}, "group": "week"}
    await desk.post("/v1/promotions", json=document)
    page = await browser.get("/console/promotions/long")
    await browser.post("/console/promotions/long", page.fields)
    found = await stored(desk, "long")
    assert found["revision"] == 1 and found["document"] == document


async def test_two_editors_notice_each_other(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    mine = await browser.get("/console/promotions/ten")
    theirs = await browser.get("/console/promotions/ten")
    rate = "doc.reward.0.percent.rate|word"
    await browser.post("/console/promotions/ten", theirs.changed({rate: "20"}))
    page = await browser.post("/console/promotions/ten", mine.changed({rate: "30"}))
    assert page.status == 409 and "changed this promotion" in page.text and "first key" in page.text
    assert page.value(rate) == "30" and page.value("revision") == "2"
    assert (await stored(desk, "ten"))["document"]["reward"][0]["percent"]["rate"] == "20"
    page = await browser.post("/console/promotions/ten", page.fields)
    assert page.status == 200 and (await stored(desk, "ten"))["document"]["reward"][0]["percent"]["rate"] == "30"


async def test_form_becomes_yaml_and_form_again(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions", json={**LONG, "multiplier_like": "x"} | {"promotion": "no"})
    await desk.post("/v1/promotions", json=LONG)
    page = await browser.get("/console/promotions/long")
    part = await browser.part("/console/promotions/form", page.changed({"face": "yaml"}))
    source = part.value("source")
    assert part.value("mode") == "yaml" and "promotion: long" in source and "category" in source
    hidden = [one for one in page.fields if one[0] in ("token", "once", "revision")]
    part = await browser.part("/console/promotions/form", [*hidden, *part.changed({"face": "form"})])
    assert part.value("doc.reward.0.percent.rate|word") == "5"
    source = source.replace("\r", "")
    broken = source.replace("rate:", "rte:")
    part = await browser.part(
        "/console/promotions/form", [*hidden, ("mode", "yaml"), ("source", broken), ("face", "form")]
    )
    assert part.value("source").replace("\r", "") == broken and "rte" in part.text and part.value("mode") == "yaml"
    saved = await browser.post("/console/promotions/long", [*hidden, ("mode", "yaml"), ("source", broken)])
    assert saved.status == 422 and saved.value("source").replace("\r", "") == broken
    changed = source.replace("rate: 5", "rate: 6")
    hidden = [one for one in saved.fields if one[0] in ("token", "once", "revision")]
    await browser.post("/console/promotions/long", [*hidden, ("mode", "yaml"), ("source", changed)])
    assert (await stored(desk, "long"))["document"]["reward"][0]["percent"]["rate"] == "6"


async def test_yaml_is_one_document_and_its_id_stays(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    page = await browser.get("/console/promotions/ten")
    kept = [one for one in page.fields if one[0] in ("token", "once", "revision")] + [("mode", "yaml")]
    for source, says in (
        ("promotion: other\nstage: item\nreward: [{percent: {rate: 1}}]", "stays for ever"),
        ("asset: x", "one promotion or limit"),
        ("", "one promotion or limit"),
        ("a: [", "line"),
    ):
        page = await browser.post("/console/promotions/ten", [*kept, ("source", source)])
        assert page.status == 422 and says in page.text, source


async def test_text_of_a_promotion_is_never_markup(browser: Browser, desk: Desk) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=y>"
    document = {**TEN, "title": {"en": evil}, "messages": {"slip": {"en": evil}}, "group": evil[:20].replace("/", "")}
    made = await desk.post("/v1/promotions?state=ACTIVE", json=document)
    assert made.status_code in (201, 422)
    if made.status_code == 422:
        document.pop("group")
        assert (await desk.post("/v1/promotions?state=ACTIVE", json=document)).status_code == 201
    page = await browser.get("/console/promotions/ten")
    pages = [
        page,
        await browser.get("/console/promotions"),
        await browser.get("/console/promotions/ten/history"),
        await browser.get("/console/releases/new?checked=1"),
        await browser.get("/console/products/hits?sku=x"),
        await browser.part("/console/promotions/try", page.changed({"try.line.price": "100", "try.line.sku": evil})),
    ]
    for one in pages:
        assert one.status == 200
        assert "<script>alert" not in one.html and "<img src=x" not in one.html
        assert "&lt;script&gt;" in one.html
    assert page.value("doc.title.en|text") == evil


async def test_document_too_large_is_refused_with_a_word(browser: Browser) -> None:
    page = await browser.get("/console/promotions/new?card=blank")
    kept = [*page.fields, ("mode", "yaml")]
    document = "promotion: x\ntitle: {en: " + "a" * (2 << 20) + "}"
    refused = await browser.post("/console/promotions", [("mode", "yaml"), *kept[:3], ("source", document)])
    assert refused.status == 422 and "at most 1048576" in refused.text
    refused = await browser.post("/console/promotions", [*kept, ("source", "a" * (5 << 20))])
    assert refused.status == 413 and "larger than one form may be" in refused.text
    refused = await browser.post("/console/promotions", [*kept, *(("a", "b") for _ in range(20_001))])
    assert refused.status == 413


async def test_states_are_turned_by_buttons_and_history_tells(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    page = await browser.get("/console/promotions/ten")
    token = [one for one in page.fields if one[0] == "token"][:1]
    for number, state in enumerate(("ACTIVE", "ARCHIVED"), 1):
        seen = [*token, ("once", f"s{number}"), ("revision", str(number))]
        page = await browser.post("/console/promotions/ten/state", [*seen, ("state", state)])
        assert page.status == 200 and (await stored(desk, "ten"))["state"] == state
    assert "Save and publish" not in page.text
    refused = await browser.post(
        "/console/promotions/ten/state", [*token, ("once", "s9"), ("revision", "3"), ("state", "ACTIVE")]
    )
    assert refused.status == 409 and "Make it a draft first" in refused.text
    page = await browser.get("/console/promotions/ten/history")
    assert "Revision 3" in page.text and "Active → Archived" in page.text and "Created" in page.text


async def test_history_shows_what_a_revision_changed(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    page = await browser.get("/console/promotions/ten")
    await browser.post("/console/promotions/ten", page.changed({"doc.reward.0.percent.rate|word": "12"}))
    history = await browser.get("/console/promotions/ten/history")
    assert (
        "reward[0].percent.rate" in history.text and "<del>10</del>" in history.html and "<ins>12</ins>" in history.html
    )


async def test_copy_begins_as_a_new_promotion(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=LONG)
    page = await browser.get("/console/promotions/new?from=long")
    assert page.value("doc.group.name|word") == "week"
    page = await browser.post("/console/promotions", page.changed({"doc.title.en|text": "Copy"}))
    copied = (await stored(desk, "copy"))["document"]
    assert copied["reward"] == LONG["reward"] or copied["reward"][0]["percent"]["rate"] == "5"


async def test_acts_redraw_the_form_and_keep_what_was_typed(browser: Browser) -> None:
    page = await browser.get("/console/promotions/new?card=blank")
    typed = page.changed({"doc.title.en|text": "Half", "act": "condition when store"})
    part = await browser.part("/console/promotions/form", typed)
    assert part.value("doc.title.en|text") == "Half"
    assert part.value("doc.when.all.0.store.format.none_of|list") == ""
    part = await browser.part(
        "/console/promotions/form", [*typed[:0], *_kept(page), *part.fields, ("act", "reward - percent")]
    )
    assert part.value("doc.reward.0.percent.rate|word") == "10"


def _kept(page: Page) -> list[tuple[str, str]]:
    return [one for one in page.fields if one[0] in ("token", "once")]


async def test_what_hits_a_product(browser: Browser, desk: Desk) -> None:
    products = [
        {"sku": "milk", "title": "Milk", "group_id": "dairy"},
        {"sku": "bread", "title": "Bread", "group_id": "bakery"},
    ]
    lines = "\n".join(json.dumps(one) for one in products)
    loaded = await desk.post("/v1/products/import", content=lines, headers={"content-type": "application/x-ndjson"})
    assert loaded.status_code < 300, loaded.text
    every = {
        "milk-off": {"reward": [{"percent": {"rate": "5", "of": {"category": "dairy"}}}]},
        "all-off": {"reward": [{"percent": {"rate": "5"}}]},
        "bread-for-milk": {
            "when": {"quantity": {"of": {"sku": "milk"}, "from": "1"}},
            "reward": [{"percent": {"rate": "5", "of": {"category": "bakery"}}}],
        },
        "others": {"reward": [{"percent": {"rate": "5", "of": {"brand": "acme"}}}]},
    }
    for name, document in every.items():
        made = await desk.post("/v1/promotions?state=ACTIVE", json={"promotion": name, "stage": "item", **document})
        assert made.status_code == 201, made.text
    for sku, names in {
        "milk": {"milk-off", "all-off", "bread-for-milk"},
        "bread": {"all-off", "bread-for-milk"},
        "nothing": {"all-off"},
    }.items():
        page = await browser.get(f"/console/products/hits?sku={sku}&price=10.50")
        assert {name for name in every if f'href="/console/promotions/{name}"' in page.html} == names, sku
    assert (await browser.get("/console/products/hits?sku=milk&price=abc")).status == 422


async def test_any_two_revisions_are_compared(browser: Browser, desk: Desk) -> None:
    await desk.post("/v1/promotions", json=TEN)
    for priority in (7, 8, 9):
        etag = (await desk.get("/v1/promotions/ten")).headers["etag"]
        await desk.put("/v1/promotions/ten", json={**TEN, "priority": priority}, headers={"if-match": etag})
    address = "/console/promotions/ten/history"
    assert 'id="compare"' in (await browser.get(address)).html

    async def compared(query: str) -> str:
        page = await browser.get(f"{address}?{query}")
        assert page.status == 200, page.text
        return page.html.partition('id="compare"')[2].partition("</section>")[0]

    assert "<del>7</del>" in (found := await compared("before=2&after=4")) and "<ins>9</ins>" in found
    assert "<del>9</del>" in (found := await compared("before=4&after=2")) and "<ins>7</ins>" in found
    assert "They mean the same" in await compared("before=3&after=3")
    assert (await browser.get(f"{address}?before=1&after=99")).status == 404
    assert (await browser.get(f"{address}?before=x&after=1")).status == 422


async def test_state_is_not_turned_over_somebody_elses_change(browser: Browser, desk: Desk) -> None:
    made = await desk.post("/v1/promotions", json=TEN)
    page = await browser.get("/console/promotions/ten")
    changed = {**TEN, "priority": 7}
    assert (await desk.put("/v1/promotions/ten", json=changed, headers={"if-match": made.headers["etag"]})).is_success
    keys = [(name, page.value(name)) for name in ("token", "once", "revision")]
    refused = await browser.post("/console/promotions/ten/state", [*keys, ("state", "ARCHIVED")])
    assert refused.status == 412 and "faster" in refused.text and (await stored(desk, "ten"))["state"] == "DRAFT"
    page = await browser.get("/console/promotions/ten")
    keys = [(name, page.value(name)) for name in ("token", "once", "revision")]
    await browser.post("/console/promotions/ten/state", [*keys, ("state", "ARCHIVED")])
    assert (await stored(desk, "ten"))["state"] == "ARCHIVED"
