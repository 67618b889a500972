"""What was done to one thing, from the audit log: for those who may read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from altyn.admin_api.console.pages import Visit
from altyn.admin_api.keys.repository import list_audit
from altyn.admin_api.keys.schemas import AuditFilter

DEEDS_SHOWN = 20
PATHS_SHOWN_MAX = 20
CHARS_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Change:
    """One place before and after; None: nothing stood there."""

    path: str
    before: str | None
    after: str | None


async def history_of(visit: Visit, kind: str, object_id: str) -> list[tuple[Any, list[Change]]] | None:
    """Deeds, newest first, each with what it changed; None: the visitor does not read the audit log."""
    if not kind or "audit:read" not in visit.call.scopes:
        return None
    asked = AuditFilter(object_kind=kind, object_id=object_id, limit=DEEDS_SHOWN)
    rows = await list_audit(visit.call.connection, visit.call.tenant, asked)
    return [(row, changes(row["before"], row["after"])) for row in rows[:DEEDS_SHOWN]]


def changes(before: Any, after: Any) -> list[Change]:
    """Places that differ. What only one of the two tells of is told when the other is there at all."""
    was, now = flat(before), flat(after)
    differ = [path for path in {**was, **now} if was.get(path) != now.get(path)]
    return [Change(path, was.get(path), now.get(path)) for path in differ[:PATHS_SHOWN_MAX]]


def flat(value: Any, path: str = "") -> dict[str, str]:
    """A JSON value by place; lists are told whole."""
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        for key, inner in value.items():
            found |= flat(inner, f"{path}.{key}" if path else str(key))
        return found
    if value in (None, "", []):
        return {}
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return {path: text if len(text) <= CHARS_SHOWN_MAX else text[:CHARS_SHOWN_MAX] + "…"}
