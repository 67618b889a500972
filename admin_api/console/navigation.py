"""The header: which menus there are, what is in them, and what of it a visitor sees.

A line a page: whoever adds a page that is come to from everywhere adds its line here, and a page of ``sections.py``
names its menu itself. Invariants: nobody is shown a page they have no right to; a menu without one is not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from altyn.admin_api.console import people, watch
from altyn.admin_api.console.customer import BY_HAND, FINDING
from altyn.admin_api.console.programme.all import PROGRAMME
from altyn.admin_api.console.sections import SECTIONS
from altyn.admin_api.console.value import Tab


@dataclass(frozen=True, slots=True)
class Entry:
    """A page: ``text`` is the key of its name, ``reads`` the scope that opens it."""

    text: str
    address: str
    reads: str

    def holds(self, path: str) -> bool:
        """Whether a page is this one, or below it."""
        return path == self.address or path.startswith(self.address + "/")


@dataclass(frozen=True, slots=True)
class Menu:
    """Pages under one word, ``nav.{name}``; one that has a single page is a link to it."""

    name: str
    picture: str
    entries: tuple[Entry, ...]


def _of_tabs(*tabs: Tab) -> tuple[Entry, ...]:
    return tuple(Entry(f"value.{one.name}.short", one.address, one.reads) for one in tabs)


def _of_programme() -> tuple[Entry, ...]:
    return tuple(Entry(f"plain.{one.name}.short", "/console" + one.path, one.needs.scope) for one in PROGRAMME.tabs)


def _of_sections(menu: str) -> tuple[Entry, ...]:
    return tuple(Entry(f"value.{one.name}.short", one.address, one.reads) for one in SECTIONS if one.menu == menu)


MENUS = (
    Menu("overview", "layout-dashboard", (Entry("nav.overview", "/console/overview", "own:read"),)),
    Menu(
        "promotions",
        "discount",
        (
            Entry("list.title", "/console/promotions", "promotions:read"),
            Entry("calendar.title", "/console/calendar", "promotions:read"),
            Entry("overlap.title", "/console/overlaps", "promotions:read"),
            Entry("nav.hits", "/console/products/hits", "promotions:read"),
            Entry("case.title", "/console/receipt-cases", "promotions:read"),
            Entry("nav.releases", "/console/releases", "releases:read"),
            Entry("rails.title", "/console/rails", "promotions:read"),
            *_of_sections("promotions"),
        ),
    ),
    Menu("customers", "user-heart", (*_of_tabs(FINDING, BY_HAND), *_of_sections("customers"))),
    Menu("programme", "adjustments", (*_of_programme(), *_of_sections("programme"))),
    Menu(
        "reports",
        "chart-bar",
        (
            Entry("nav.reports", "/console/reports", "receipts:read"),
            Entry("nav.receipts", "/console/receipts", "receipts:read"),
        ),
    ),
    Menu(
        "operations",
        "activity",
        (
            *_of_tabs(*watch.TABS),
            Entry("nav.jobs", "/console/jobs", "jobs:read"),
            *_of_sections("operations"),
        ),
    ),
    Menu("people", "key", _of_tabs(*people.TABS)),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A menu for one visitor: ``here`` is the entry they are at, None elsewhere."""

    menu: Menu
    entries: Sequence[Entry]
    here: Entry | None


def menus_for(may: Callable[[str], bool], path: str) -> list[Shown]:
    """What somebody with these rights sees at ``path``."""
    held = [one for menu in MENUS for one in menu.entries if one.holds(path)]
    here = max(held, key=lambda one: len(one.address), default=None)
    found = []
    for menu in MENUS:
        entries = [one for one in menu.entries if may(one.reads)]
        if entries:
            found.append(Shown(menu, entries, here if here in entries else None))
    return found
