"""What a plain page of the programme is made of: a list, one thing of it, what is done to it, and what stands under it.

Everything names a call of the API, and that call says which right it needs, where that holds, and what it takes; so a
page cannot do or offer anything the API would not. Invariants: nothing is decided here; a table says which words a
page has, ``texts`` how they are said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from altyn.admin_api.edge.routes import Needs

ROOT = "/console"

#: A handler of an area's ``handlers.py``, called as HTTP calls it.
ApiCall = Callable[..., Awaitable[Any]]
#: Names and kinds of what is shown: text, number, money, points, moment, who, word, state, words, titles, counts,
#: truth, progress, problems.
Columns = tuple[tuple[str, str], ...]


class Answer(StrEnum):
    """What follows an act that was done."""

    GO = "GO"  # to the page it was done on
    ONE = "ONE"  # to the page of what was made
    UP = "UP"  # to the list: what it was done to is gone
    FILE = "FILE"  # the browser saves what is told this once
    SECRET = "SECRET"  # a page that shows a key this once
    REPORT = "REPORT"  # a page that tells what became of each line of a file


@dataclass(frozen=True, slots=True)
class Field:
    """One place of a form. ``path`` is a place of the call's body, or the name of another of its parameters.

    ``kind``: text, long, number, numbers, money, points (of the asset in ``asset``), truth, choice, moment, words,
    file, or rows of ``inner``. ``options`` are fixed; ``source`` names options that are read (``options.py``).
    """

    path: str
    kind: str = "text"
    options: tuple[str, ...] = ()
    source: str = ""
    inner: tuple[Field, ...] = ()
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done by a call. ``states``: of which state a thing must be, empty for any; ``unless``: what
    must not be true of it. ``given`` is said for the person; ``is_final``: it is asked twice.
    """

    name: str
    call: ApiCall
    fields: tuple[Field, ...] = ()
    picture: str = "check"
    states: tuple[str, ...] = ()
    given: Mapping[str, Any] | None = None
    answer: Answer = Answer.GO
    is_final: bool = False
    unless: str = ""

    @property
    def needs(self) -> Needs:
        return needs_of(self.call)

    @property
    def has_file(self) -> bool:
        return any(one.kind == "file" for one in self.fields)


@dataclass(frozen=True, slots=True)
class Table:
    """A list: ``rows`` of what the call answers, each known by its ``key``. ``leads``: a row has a page of its own.

    ``path`` has the names of what it stands under in braces, and begins after ``/console``. ``make`` is the form below
    it.
    """

    name: str
    path: str
    call: ApiCall
    rows: str
    key: str
    columns: Columns
    filters: tuple[Field, ...] = ()
    make: tuple[Act, ...] = ()
    acts: tuple[Act, ...] = ()
    leads: str = ""

    @property
    def needs(self) -> Needs:
        return needs_of(self.call)


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing and its page, at ``path``. ``save``: its values are a form; ``facts`` are shown above it; ``kind`` and
    ``object_id`` are its names in the audit log.
    """

    name: str
    path: str
    call: ApiCall
    title: str
    facts: Columns
    save: Act | None = None
    acts: tuple[Act, ...] = ()
    parts: tuple[Table, ...] = ()
    kind: str = ""
    object_id: str = ""
    #: The list it belongs to; its name leads back.
    above: str = ""

    @property
    def needs(self) -> Needs:
        return needs_of(self.call)


def needs_of(call: ApiCall) -> Needs:
    """What the API asks of whoever makes this call."""
    needs: Needs = call.needs  # type: ignore[attr-defined]
    return needs
