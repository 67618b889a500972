"""Named views of the promotions: filters that somebody keeps, for themselves or for everybody of the programme.

Invariants: nobody sees or changes another one's own view; a shared one belongs to the programme, so whoever writes
promotions may share, rename and delete it; a name is one view's among one's own, and one view's among the shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import asyncpg
from pydantic import AfterValidator, Field

from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.fields import Shape, check_text
from altyn.admin_api.edge.problems import ScopeMissing
from altyn.admin_api.promotions.errors import TooManyViews, ViewExists, ViewUnknown

OWN_MAX = 50
SHARED_MAX = 100
SHARING = "promotions:write"
LISTED = """
SELECT view_id, name, filters, owner, is_shared,
       EXISTS (SELECT FROM default_promotion_views AS first
                WHERE first.tenant = $1 AND first.actor = $2 AND first.view_id = views.view_id) AS is_default
  FROM promotion_views AS views WHERE tenant = $1 AND (is_shared OR owner = $2)
 ORDER BY is_shared, name, view_id LIMIT $3
"""
DEFAULT = """
INSERT INTO default_promotion_views (tenant, actor, view_id) VALUES ($1, $2, $3)
ON CONFLICT (tenant, actor) DO UPDATE SET view_id = excluded.view_id
"""


class ViewName(Shape):
    """What a view is called."""

    name: Annotated[str, Field(min_length=1, max_length=60), AfterValidator(check_text)]


async def list_views(call: Call) -> list[dict[str, Any]]:
    """One's own, then the shared ones, by name."""
    rows = await call.connection.fetch(LISTED, call.tenant, call.actor, OWN_MAX + SHARED_MAX)
    return [dict(row) for row in rows]


def may_change(call: Call, view: Mapping[str, Any]) -> bool:
    """Whether the visitor may rename and delete it."""
    return SHARING in call.scopes if view["is_shared"] else view["owner"] == call.actor


async def save_view(
    call: Call, *, name: str, filters: Mapping[str, str], is_shared: bool, is_default: bool = False
) -> int:
    """Keep the filters under a name; one that has it already among one's own, or the shared, gets them. Its id. Raises
    ScopeMissing, TooManyViews.
    """
    name = ViewName(name=name).name
    if is_shared:
        _require_sharing(call)
    views = await list_views(call)
    alike = [one for one in views if one["is_shared"] == is_shared]
    same = next((one for one in alike if one["name"] == name), None)
    if same is None and len(alike) >= (SHARED_MAX if is_shared else OWN_MAX):
        raise TooManyViews(f"there are {len(alike)} such views; delete one first", path="name")
    view_id: int
    if same is None:
        view_id = await call.connection.fetchval(
            "INSERT INTO promotion_views (tenant, name, filters, owner, is_shared, changed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6) RETURNING view_id",
            *(call.tenant, name, dict(filters), call.actor, is_shared, call.now),
        )
    else:
        view_id = same["view_id"]
        await call.connection.execute(
            "UPDATE promotion_views SET filters = $3, changed_at = $4 WHERE tenant = $1 AND view_id = $2",
            *(call.tenant, view_id, dict(filters), call.now),
        )
    told = {"name": name, "filters": dict(filters), "is_shared": is_shared}
    call.record("promotion_views.save", "promotion_view", str(view_id), before=same and _told(same), after=told)
    if is_default:
        await set_default(call, view_id=view_id)
    return view_id


async def rename_view(call: Call, *, view_id: int, name: str) -> None:
    """Raises ViewUnknown, ViewExists, ScopeMissing."""
    view, name = await _to_change(call, view_id), ViewName(name=name).name
    try:
        async with call.connection.transaction():
            await call.connection.execute(
                "UPDATE promotion_views SET name = $3, changed_at = $4 WHERE tenant = $1 AND view_id = $2",
                *(call.tenant, view_id, name, call.now),
            )
    except asyncpg.UniqueViolationError:
        raise ViewExists(f"another view is called {name}", path="name") from None
    after = _told(view) | {"name": name}
    call.record("promotion_views.rename", "promotion_view", str(view_id), before=_told(view), after=after)


async def delete_view(call: Call, *, view_id: int) -> None:
    """For everybody, when it is shared. Raises ViewUnknown, ScopeMissing."""
    view = await _to_change(call, view_id)
    await call.connection.execute(
        "DELETE FROM promotion_views WHERE tenant = $1 AND view_id = $2", call.tenant, view_id
    )
    call.record("promotion_views.delete", "promotion_view", str(view_id), before=_told(view))


async def set_default(call: Call, *, view_id: int | None) -> None:
    """The view the visitor begins with; None: all promotions. Raises ViewUnknown."""
    if view_id is None:
        await call.connection.execute(
            "DELETE FROM default_promotion_views WHERE tenant = $1 AND actor = $2", call.tenant, call.actor
        )
        return
    await _seen(call, view_id)
    await call.connection.execute(DEFAULT, call.tenant, call.actor, view_id)


async def _seen(call: Call, view_id: int) -> dict[str, Any]:
    view = next((one for one in await list_views(call) if one["view_id"] == view_id), None)
    if view is None:
        raise ViewUnknown(f"no view {view_id}", path="view_id")
    return view


async def _to_change(call: Call, view_id: int) -> dict[str, Any]:
    view = await _seen(call, view_id)
    if not may_change(call, view):
        _require_sharing(call)
    return view


def _require_sharing(call: Call) -> None:
    if SHARING not in call.scopes:
        raise ScopeMissing(f"shared views need the scope {SHARING}")


def _told(view: Mapping[str, Any]) -> dict[str, Any]:
    return {name: view[name] for name in ("name", "filters", "is_shared")}
