"""What is wrong with documents: every problem has an exact path, a stable code and a way to mend it.

Invariants: reading goes on after a problem, so one run reports them all; texts of a problem are printable UTF-8 and
short; no more than PROBLEMS_MAX are kept. Never raises while collecting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

PROBLEMS_MAX = 1_000
SHOWN_MAX = 60
WHOLE_LIMIT = 10**40  # no whole number of a document comes near; longer ones are not even printed


class Code(StrEnum):
    """Stable codes of problems; a code is never renamed or reused."""

    BAD_SYNTAX = "BAD_SYNTAX"  # the text is not YAML or JSON of the kind we read
    TOO_LARGE = "TOO_LARGE"  # more bytes, documents, values or characters than allowed
    TOO_DEEP = "TOO_DEEP"
    DUPLICATE_KEY = "DUPLICATE_KEY"
    DUPLICATE_ID = "DUPLICATE_ID"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    UNKNOWN_WORD = "UNKNOWN_WORD"  # a value outside its fixed vocabulary
    REQUIRED = "REQUIRED"
    EMPTY = "EMPTY"
    WRONG_TYPE = "WRONG_TYPE"
    BAD_FORMAT = "BAD_FORMAT"
    TOO_PRECISE = "TOO_PRECISE"  # more digits after the point than can be kept exactly
    OUT_OF_RANGE = "OUT_OF_RANGE"
    CONTRADICTION = "CONTRADICTION"


@dataclass(frozen=True, slots=True)
class Problem:
    """`path` is the promotion's id and the place in its document: ``bakery: reward[0].percent.of.categry``."""

    path: str
    code: Code
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.code}: {self.message}"


class DocumentError(ValueError):
    """Documents cannot be read; `problems` holds all that is wrong with them, in order of the documents."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Reading:
    """One run over documents: collects problems, knows which document is read and the scales of the assets."""

    __slots__ = ("count", "found", "scales", "where")

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.count = 0  # counts those beyond PROBLEMS_MAX too
        self.where = ""
        self.scales: Mapping[str, int] = {}

    def add(self, path: str, code: Code, message: str) -> None:
        self.count += 1
        if self.count <= PROBLEMS_MAX:
            place = f"{self.where}: {path}" if self.where and path else self.where or path
            self.found.append(Problem(printable(place), code, printable(message)))

    def unknown_key(self, path: str, key: object, known: Iterable[str]) -> None:
        """A key nobody knows, with the one that was probably meant."""
        name = shown(key) if isinstance(key, str) else f"{shown(key)} (not text)"
        here = f"{path}.{name}" if path else name
        self.add(here, Code.UNKNOWN_KEY, meant(name, known, "unknown key"))

    def raise_found(self) -> None:
        if self.count > PROBLEMS_MAX:
            more = f"{self.count - PROBLEMS_MAX} more problems are not shown"
            self.found.append(Problem("documents", Code.TOO_LARGE, more))
        if self.found:
            raise DocumentError(self.found)


def meant(word: str, known: Iterable[str], opening: str) -> str:
    """``opening: did you mean "category"?``, or the list of known words when none is near."""
    words = list(known)
    near = get_close_matches(word, words, n=1) or [known for known in words if known.lower() == word.lower()]
    if near:
        return f'{opening}: did you mean "{near[0]}"?'
    return f"{opening}: use one of {', '.join(words)}"


def shown(value: object) -> str:
    """A value for a message: short whatever was written."""
    if isinstance(value, int) and abs(value) >= WHOLE_LIMIT:
        return "a number of more than 40 digits"
    text = value if isinstance(value, str) else type(value).__name__ if isinstance(value, dict | list) else str(value)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…"


def printable(text: str) -> str:
    """Text that every terminal and log can take: surrogates and control characters are written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
