"""The catalogue of texts: two languages, the same keys, and nothing said outside of it."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime
from pathlib import Path

import pytest

from altyn.admin_api.console import cards, shape, views
from altyn.admin_api.console.texts import FORMS, LANGUAGES, texts_in, wanted_language
from altyn.core.rules.definition import load_documents

FOLDER = Path(__file__).parents[3] / "admin_api" / "console"
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
NAMED = re.compile(r"""\bt(?:\.count)?\(["']([a-z_]+(?:\.[A-Za-z0-9_]+)+)["'][,)]""")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name} if "{{" not in text else set()


def test_both_languages_have_the_same_keys_and_places() -> None:
    english, russian = texts_in("en").entries, texts_in("ru").entries
    assert set(english) == set(russian)
    differ = {key for key in english if FORMS not in english[key] and places(english[key]) != places(russian[key])}
    assert not differ
    assert all(value.strip() for value in (*english.values(), *russian.values()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_is_written_twice(language: str) -> None:
    assert load_documents((FOLDER / "texts" / f"{language}.yaml").read_text())


def test_counted_texts_have_all_forms_of_their_language() -> None:
    counted = {key for key, text in texts_in("ru").entries.items() if FORMS in text}
    assert counted
    assert all(len(texts_in("ru").entries[key].split(FORMS)) == 3 for key in counted)
    assert all(len(texts_in("en").entries[key].split(FORMS)) == 2 for key in counted)


def test_every_text_a_template_or_module_names_exists() -> None:
    sources = [*TEMPLATES, *FOLDER.glob("*.py")]
    missing = {
        f"{path.name}: {key}"
        for path in sources
        for key in NAMED.findall(path.read_text())
        if not texts_in("en").has(key)
    }
    assert not missing


def test_every_word_of_the_form_has_a_text() -> None:
    texts = texts_in("en")
    blocks = {**shape.CONDITIONS, **shape.REWARDS, "limit": shape.LIMIT}
    for block in blocks:
        assert texts.has(f"kind.{block}")
    every = [(block, one) for block, fields in blocks.items() for one in fields]
    every += [("", one) for one in (*shape.TITLE, *shape.STACKING, *shape.MESSAGES, *shape.GOODS)]
    for block, one in every:
        if one.kind == "chosen":
            assert texts.has(f"field.{block}.{one.key}.any_of") and texts.has(f"field.{block}.{one.key}.none_of")
        else:
            assert texts.has(f"field.{one.key}") or texts.has(f"field.{block}.{one.key}"), (block, one.key)
        for option in one.options:
            areas = ("option", f"option.{one.key}", f"option.{block}.{one.key}", "weekday")
            assert any(texts.has(f"{area}.{option}") for area in areas), (block, one.key, option)
    for card in cards.cards():
        assert texts.has(f"card.{card}.title") and texts.has(f"card.{card}.says")
    for name in views.FILTERS:
        assert texts.has(f"filter.{name}")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_say_nothing_of_their_own(path: Path) -> None:
    text = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", path.read_text(), flags=re.DOTALL)
    text = re.sub(r"<!doctype html>|<[^>]*>", " ", text)
    assert not re.findall(r"[A-Za-zА-Яа-я]+", text)


def test_numbers_money_and_times_are_written_as_the_language_does() -> None:
    english, russian = texts_in("en"), texts_in("ru")
    assert english.decimal(123456789, 2) == "1,234,567.89"
    assert russian.decimal(123456789, 2) == "1\u202f234\u202f567,89"
    assert english.decimal(-5, 2) == "\u22120.05" and russian.decimal(7, 0) == "7"
    assert english.written("1000.00") == "1,000" and russian.written("0.50") == "0,5"
    assert english.written("ABC-1") == "ABC-1"
    assert [russian.count("form.problems", n).split()[-1] for n in (1, 2, 5, 11, 21)] == [
        "место",
        "места",
        "мест",
        "мест",
        "место",
    ]
    at = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
    assert russian.moment(at, "Europe/Moscow") == "23.11.2026 00:30"


def test_language_is_one_there_is() -> None:
    assert wanted_language("xx", "fr-FR, de;q=0.5") == "en"
    assert wanted_language(None, "fr, ru-RU;q=0.9, en;q=0.8") == "ru"
    assert {wanted_language(one, "") for one in LANGUAGES} == set(LANGUAGES)
