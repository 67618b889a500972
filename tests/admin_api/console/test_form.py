"""Documents and forms: nothing is lost between them, acts do what their buttons say, words name what is written."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.admin_api.console.acts import act_on
from altyn.admin_api.console.cards import PICTURES, cards
from altyn.admin_api.console.drafts import named, slug
from altyn.admin_api.console.fields import Unread, path_of, path_text, read_fields, read_part, write_part
from altyn.admin_api.console.formview import FormView
from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.pages import Shell
from altyn.admin_api.console.render import render
from altyn.admin_api.console.shape import CONDITIONS, REWARDS
from altyn.admin_api.console.texts import texts_in
from altyn.admin_api.edge.problems import problem
from altyn.core.rules.compare import compare
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import DocumentError, load_documents, read_documents
from tests.admin_api.console.browser import Reader

ROOT = Path(__file__).parents[3]
FILES = [*sorted((ROOT / "cli/demo/promotions").glob("*.yaml")), ROOT / "cli/sandbox/promotions.yaml"]
DOCUMENTS = [one for path in FILES for one in load_documents(path.read_text()) if "asset" not in one]
DOCUMENTS += load_documents("""
promotion: three-times-soft-drinks
title: {en: "Three times the discount", ru: "Тройная скидка"}
when: {customer: {segment: students}}
reward: [{multiplier: {times: 3, promotion: week-soft-drinks, of: {brand: acme}}}]
messages: {slip: {en: "Three times!"}}
---
promotion: mug
when: {receipt_sum: {from: 1000.00}}
reward: [{gift: {sku: [mug-red, mug-blue], quantity: 2, text: {en: "Hand over: {{ promotion }}"}}}]
limits: [{per: customer, window: always, times: 1}]
""")
ODD = load_documents("""
promotion: odd
title: {en: "A <b>title</b> & more", de: "Rabatt"}
stage: set
group: sets
priority: 7
floor: {percent: 50}
exclusive: {over: STAGE, scope: RECEIPT}
when:
  store: {region: msk, format: {none_of: [discounter]}}
  any:
    - schedule: {weekdays: sat, hours: ["07:00-10:00", "18:00-20:00"], days_of_month: [1, 15]}
    - none: [{customer: {segment: {any_of: [a, b], none_of: [c]}}}, {coupon: {code: "A,B"}}]
    - register: {channel: {none_of: [online]}, id: till-1}
    - balance: {asset: bonus, from: 100}
    - payment: {type: [cash, card], from_percent: 50}
    - all: [{quantity: {of: {sku: ["1,5", "2"], except: [{brand: x}, {brand: y}]}, from: 2}}]
reward:
  - bundle: {price: 500, parts: [{quantity: 1, of: {category: a}}, {quantity: 2, of: {category: b}, target: true}]}
  - message: {to: slip, text: {en: "x: {{ discount }}"}, priority: 5}
limits:
  - {per: promotion, budget: 500000.00, on_short: SKIP}
""")


def sent_back(document: dict[str, Any]) -> Any:
    """The document of a form that a browser sends back untouched."""
    texts = texts_in("ru")
    shell = Shell(texts, "light", None, currency="RUB")  # type: ignore[arg-type]
    html = render(
        "form.html",
        t=texts,
        shell=shell,
        mode="form",
        source="",
        form=FormView(document, [], texts),
        problems=[],
        conditions=list(CONDITIONS),
        rewards=list(REWARDS),
    )
    reader = Reader()
    reader.feed(html)
    return read_fields(reader.fields)


@pytest.mark.parametrize("document", [*DOCUMENTS, *ODD], ids=lambda one: one.get("promotion") or one.get("limit"))
def test_form_sent_back_untouched_means_the_same(document: dict[str, Any]) -> None:
    typed = sent_back(document)
    assert not typed.problems
    before, after = read_documents([document]), read_documents([typed.document])
    assert compare(before, after) == []
    assert before == after


def test_what_the_form_cannot_show_is_there_as_yaml() -> None:
    view = FormView(ODD[0], [], texts_in("en"))
    yaml = [one.value for box in view.rewards for one in box.inputs if one.kind == "yaml"]
    assert any("parts" in text for text in yaml)


@given(
    st.recursive(
        st.text(min_size=1, max_size=8) | st.booleans(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
        max_leaves=8,
    )
)
def test_yaml_of_a_part_is_read_back(value: Any) -> None:
    try:
        load_documents(json.dumps({"v": value}))
    except DocumentError:
        return  # a character no document may hold
    text = write_part(value)
    assert read_part(text) == value


@given(st.lists(st.text(alphabet="abc.|0123456789 ydo_-[]", max_size=20), max_size=20), st.text(max_size=10))
def test_any_fields_at_all_make_a_document(names: list[str], value: str) -> None:
    kinds = ("text", "words", "a-list", "a-map", "yaml", "rest", "each", "truth", "nonsense")
    fields = [(f"doc.{name}|{kind}", value) for name in names for kind in kinds]
    typed = read_fields(fields)
    assert isinstance(typed.document, dict)
    FormView(typed.document, typed.problems, texts_in("en"))
    Outline(typed.document, texts_in("en")).sentence  # noqa: B018


def test_yaml_that_cannot_be_read_stays_as_it_was_typed() -> None:
    typed = read_fields([("doc.promotion|word", "x"), ("doc.reward|a-list", ""), ("doc.reward.0|yaml", "a: [")])
    assert isinstance(typed.document["reward"][0], Unread)
    assert typed.problems[0]["path"] == "reward[0]" and typed.problems[0]["code"] == "BAD_SYNTAX"
    view = FormView(typed.document, typed.problems, texts_in("en"))
    assert view.rewards[0].inputs[0].value == "a: [" and view.rewards[0].inputs[0].problems


def test_problem_stands_at_the_field_it_names() -> None:
    document = {
        "promotion": "p",
        "when": {"all": [{"receipt_sum": {"below": "abc"}}]},
        "reward": [{"percent": {"rate": "200"}}],
    }
    with pytest.raises(DocumentError) as refused:
        read_documents([{**document, "stage": "item"}])
    problems = [problem(one.path.removeprefix("p: "), str(one.code), one.message) for one in refused.value.problems]
    view = FormView(document, problems, texts_in("en"))
    assert view.when is not None
    below = next(one for one in view.when.boxes[0].inputs if one.place.endswith("below"))
    rate = next(one for one in view.rewards[0].inputs if one.place.endswith("rate"))
    assert below.value == "abc" and "not a sum" in below.problems[0]
    assert "200" in rate.problems[0]
    assert view.left == []


@given(st.lists(st.integers(0, 9) | st.sampled_from(["when", "all", "of"]), min_size=1, max_size=6))
def test_place_is_read_back_from_its_text(steps: list[int | str]) -> None:
    path = ("reward", *steps)
    assert path_of(path_text(path)) == path


def test_acts_build_nested_groups() -> None:
    document: dict[str, Any] = {"when": {"customer": {"has_card": True}}}
    act_on(document, "condition when any")
    assert document["when"] == {"all": [{"customer": {"has_card": True}}, {"any": []}]}
    act_on(document, "condition when.all[1].any store")
    act_on(document, "condition when.all[1].any schedule")
    assert document["when"]["all"][1] == {"any": [{"store": {}}, {"schedule": {}}]}
    act_on(document, "turn when.all[1].any none")
    assert document["when"]["all"][1] == {"none": [{"store": {}}, {"schedule": {}}]}
    act_on(document, "drop when.all[1].none[0].store")
    assert document["when"]["all"][1] == {"none": [{"schedule": {}}]}
    act_on(document, "drop when.all[1].none[0].schedule")
    act_on(document, "drop when.all[1].none")
    act_on(document, "drop when.all[0].customer")
    assert document == {}


def test_acts_add_and_take_rewards_and_limits() -> None:
    document: dict[str, Any] = {}
    act_on(document, "reward - percent")
    act_on(document, "reward - points")
    act_on(document, "limit - -")
    assert [next(iter(one)) for one in document["reward"]] == ["percent", "points"]
    act_on(document, "drop reward[0]")
    act_on(document, "drop limits[0]")
    assert list(document) == ["reward"] and "points" in document["reward"][0]


@pytest.mark.parametrize(
    "act",
    [
        "",
        "drop",
        "drop nowhere",
        "drop reward[9]",
        "condition nowhere store",
        "condition when nonsense",
        "turn x any",
        "reward - nonsense",
        "explode everything",
        "drop 0",
        "turn when any",
    ],
)
def test_act_that_finds_nothing_leaves_the_draft(act: str) -> None:
    document: dict[str, Any] = {"reward": [{"percent": {"rate": "5"}}]}
    before = deepcopy(document)
    act_on(document, act)
    assert document == before


def test_acts_have_an_end() -> None:
    document: dict[str, Any] = {}
    for _ in range(200):
        act_on(document, "condition when store")
        act_on(document, "reward - percent")
    assert len(document["when"]["all"]) == 64 and len(document["reward"]) == 64


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "blank"])
def test_every_card_compiles_as_it_stands(name: str) -> None:
    document = named(cards()[name].document)
    rules = read_documents([document])
    compile_ruleset(rules.promotions, rules.assets, rules.limits, version=1)


@pytest.mark.parametrize(
    ("title", "made"),
    [
        ("+0.5 % points", "0-5-points"),
        ("Выпечка 3 %, утром вдвое", "vypechka-3-utrom-vdvoe"),
        ("", ""),
        ("…", ""),
        ("Щёлк", "schelk"),
    ],
)
def test_title_becomes_an_id(title: str, made: str) -> None:
    assert slug(title) == made


def test_document_in_words() -> None:
    document = cards()["small-receipt-points"].document
    assert Outline(document, texts_in("en")).sentence == (
        "Gives 0.5 % of all goods in points “bonus”, "
        "when a loyalty card is presented and the receipt sum is below 1,000."
    )
    assert Outline(document, texts_in("ru")).sentence == (
        "Даёт 0,5 % баллами «bonus» за все товары, когда предъявлена карта лояльности и сумма чека меньше 1\u202f000."
    )
    outline = Outline(ODD[0], texts_in("en"))
    assert "the store format is not discounter" in outline.asks and " or " in outline.asks
    assert outline.condition_at("when.any[0].schedule").startswith("at 07:00-10:00")
    assert outline.condition_at("when.nowhere[3]") == "when.nowhere[3]"
