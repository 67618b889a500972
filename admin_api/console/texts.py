"""What the console says, in English and Russian: one catalogue a language, the same keys in both.

Invariants: a key that is not there is an error, never an empty place; numbers, money and times are written as the
language writes them. It must never hold what a user typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import yaml

LANGUAGES = {"en": "English", "ru": "Русский"}
THIN_SPACE = "\u202f"
FORMS = " | "
_NUMBER = re.compile(r"(-?)(\d{1,15})(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language; called with a key and what stands in its places."""

    language: str
    entries: Mapping[str, str]

    def __call__(self, key: str, **given: object) -> str:
        return self.entries[key].format(**given) if given else self.entries[key]

    def has(self, key: str) -> bool:
        return key in self.entries

    def word(self, area: str, value: object) -> str:
        """The text of a value of a fixed vocabulary; one nobody knows is shown as it is."""
        return self.entries.get(f"{area}.{value}", str(value))

    def count(self, key: str, count: int, **given: object) -> str:
        """The form that goes with a number."""
        forms = self.entries[key].split(FORMS)
        return forms[_form(self.language, count)].format(count=self.number(count), **given)

    def number(self, value: int) -> str:
        return _grouped(str(abs(value)), self.language, "-" if value < 0 else "")

    def decimal(self, value: int, digits: int) -> str:
        """A whole number of smallest units: 100050 with 2 digits is 1,000.50, or 1 000,50."""
        sign, text = "\u2212" if value < 0 else "", str(abs(value)).rjust(digits + 1, "0")
        whole, rest = (text, "") if digits == 0 else (text[:-digits], text[-digits:])
        point = "," if self.language == "ru" else "."
        return _grouped(whole, self.language, sign) + (point + rest if rest else "")

    def written(self, text: object) -> str:
        """A number of a document: 1000.00 is 1,000, or 1 000; anything else stays as it is."""
        found = _NUMBER.fullmatch(str(text))
        if found is None:
            return str(text)
        rest = (found[3] or "").rstrip("0")
        whole = _grouped(found[2], self.language, "\u2212" if found[1] else "")
        return whole + (("," if self.language == "ru" else ".") + rest if rest else "")

    def moment(self, at: datetime, zone: str) -> str:
        shown = at.astimezone(ZoneInfo(zone))
        return f"{shown:%d.%m.%Y %H:%M}" if self.language == "ru" else f"{shown:%d %b %Y, %H:%M}"

    def of(self, texts: Mapping[str, Any] | None, otherwise: str = "") -> str:
        """A text by language, in this one when there is one, else in the first."""
        told = {key: str(value) for key, value in (texts or {}).items() if value}
        return told.get(self.language) or next(iter(told.values()), otherwise)


def _grouped(whole: str, language: str, sign: str) -> str:
    space = THIN_SPACE if language == "ru" else ","
    return sign + f"{int(whole):,}".replace(",", space)


def _form(language: str, count: int) -> int:
    """Which of the forms a number takes."""
    if language != "ru":
        return 0 if count == 1 else 1
    tens, ones = count % 100, count % 10
    if ones == 1 and tens != 11:
        return 0
    return 1 if 2 <= ones <= 4 and not 12 <= tens <= 14 else 2


@cache
def texts_in(language: str) -> Texts:
    """The catalogue of one of LANGUAGES."""
    source = resources.files("altyn.admin_api.console") / "texts" / f"{language}.yaml"
    # BaseLoader: every value is text, so that `on` and `no` are keys like others.
    tree = yaml.load(source.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return Texts(language, dict(_leaves(tree, "")))


def _leaves(tree: Mapping[str, Any], path: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{path}.{key}" if path else key
        found += _leaves(value, name) if isinstance(value, dict) else [(name, value)]
    return found


def wanted_language(cookie: str | None, accepted: str) -> str:
    """The chosen language, else the first one of the browser's that there is, else English."""
    if cookie in LANGUAGES:
        return cookie
    for part in accepted.split(","):
        language = part.partition(";")[0].strip()[:2].lower()
        if language in LANGUAGES:
            return language
    return "en"
