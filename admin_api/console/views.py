"""Named views on the pages that show many promotions: the list, the calendar, the overlaps have the same filters.

What is asked stands in the address, so a view is an address with a name; ``view=0`` asks for none, and nothing at all
for the one somebody begins with. It must never decide who may change a view: ``altyn.admin_api.promotions.views`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.value import number_of
from altyn.admin_api.edge.problems import invalid_from
from altyn.admin_api.promotions import views
from altyn.admin_api.promotions.schemas import Kind, State

TEXT_CHARS_MAX = 100
STAGES = ("price", "item", "set", "receipt", "coupon", "card", "accrual", "message")
VALIDITY = ("now", "coming", "over")
#: What a filter may be; None: any text.
FILTERS: Mapping[str, tuple[str, ...] | None] = {
    "text": None,
    "state": tuple(State),
    "stage": STAGES,
    "group": None,
    "validity": VALIDITY,
    "kind": tuple(Kind),
}
#: Pages with these filters, by their names.
WAYS = {"list": "/console/promotions", "calendar": "/console/calendar", "overlaps": "/console/overlaps"}
NONE = "0"

pages = Pages()


@dataclass(frozen=True, slots=True)
class Picture:
    """What the frame of such a page shows: ``way`` is where one is, ``picked`` the view that was picked."""

    way: str
    views: list[dict[str, Any]]
    picked: dict[str, Any] | None
    chosen: Mapping[str, str]
    extra: Mapping[str, str]

    @property
    def is_changed(self) -> bool:
        """Other filters are chosen than the view has."""
        return self.picked is not None and dict(self.picked["filters"]) != dict(self.chosen)

    @property
    def path(self) -> str:
        return WAYS[self.way]

    @property
    def everything(self) -> str:
        """This page without a filter or a view."""
        return address_of(self.way, {})

    def without(self, name: str) -> str:
        """This page without one of the filters."""
        return self.address(**{name: ""})

    def address(self, way: str = "", **changed: str) -> str:
        """This page, or another way to look, with the filters that are chosen; an empty value takes one away."""
        kept = {**self.chosen, **({} if way and way != self.way else self.extra), **changed}
        if self.picked is not None:
            kept["view"] = str(self.picked["view_id"])
        return address_of(way or self.way, {name: value for name, value in kept.items() if value})


def address_of(way: str, asked: Mapping[str, str]) -> str:
    """Without anything asked it says so: else the view somebody begins with would be shown."""
    return f"{WAYS[way]}?{urlencode(asked or {'view': NONE})}"


def chosen_filters(visit: Visit, prefix: str = "") -> dict[str, str]:
    """Filters of the address, or of a form under ``prefix``; what is not one of a vocabulary is left out."""
    read = visit.field if prefix else visit.asked
    found = {}
    for name, known in FILTERS.items():
        value = read(prefix + name)[:TEXT_CHARS_MAX].strip()
        if value and value.isprintable() and (known is None or value in known):
            found[name] = value
    return found


async def picture_of(visit: Visit, way: str, extra: Mapping[str, str] | None = None) -> Picture | Response:
    """The frame of a page, or on to the view the visitor begins with. ``extra`` is what the page asks besides."""
    found = await views.list_views(visit.call)
    for one in found:
        one["address"] = address_of(way, {**one["filters"], "view": str(one["view_id"])})
        one["may_change"] = views.may_change(visit.call, one)
    if not visit.request.url.query and (first := next((one for one in found if one["is_default"]), None)):
        return visit.go(first["address"])
    picked = next((one for one in found if str(one["view_id"]) == visit.asked("view")), None)
    kept = {name: value for name, value in (extra or {}).items() if value}
    return Picture(way, found, picked, chosen_filters(visit), kept)


@pages.act("/views", "own:write")
async def save(visit: Visit) -> Response:
    filters, is_shared = chosen_filters(visit, "filter."), visit.field("shared") == "1"
    try:
        view_id = await views.save_view(
            visit.call,
            name=visit.field("name").strip(),
            filters=filters,
            is_shared=is_shared,
            is_default=visit.field("default") == "1",
        )
    except ValidationError as error:
        raise invalid_from(RequestValidationError(error.errors())) from None
    return visit.go(_back(visit, {**filters, "view": str(view_id)}))


@pages.act("/views/{view_id}/rename", "own:write")
async def rename(visit: Visit) -> Response:
    try:
        await views.rename_view(visit.call, view_id=_id(visit), name=visit.field("name").strip())
    except ValidationError as error:
        raise invalid_from(RequestValidationError(error.errors())) from None
    return visit.go(_back(visit, {**chosen_filters(visit, "filter."), "view": str(_id(visit))}))


@pages.act("/views/{view_id}/delete", "own:write")
async def delete(visit: Visit) -> Response:
    await views.delete_view(visit.call, view_id=_id(visit))
    return visit.go(_back(visit, chosen_filters(visit, "filter.")))


@pages.act("/views/{view_id}/default", "own:write")
async def begin_with(visit: Visit) -> Response:
    """Begin with this view from now on; or, when one does already, with all promotions."""
    await views.set_default(visit.call, view_id=_id(visit) if visit.field("default") == "1" else None)
    return visit.go(_back(visit, {**chosen_filters(visit, "filter."), "view": str(_id(visit))}))


def _id(visit: Visit) -> int:
    return number_of(visit.request.path_params["view_id"], "view_id")


def _back(visit: Visit, asked: Mapping[str, str]) -> str:
    return address_of(visit.field("way") if visit.field("way") in WAYS else "list", asked)
