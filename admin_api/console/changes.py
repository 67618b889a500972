"""What changed between two documents or two releases, in rows a page can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from altyn.admin_api.promotions.service import read_with_assets
from altyn.core.rules.compare import DocumentChange, PathChange, compare
from altyn.core.rules.definition import DocumentError, Rules, load_documents, read_documents
from altyn.core.rules.promotion import Asset

NOTHING = Rules((), ())


def changed_paths(before: dict[str, Any], after: dict[str, Any], assets: Sequence[Asset]) -> tuple[PathChange, ...]:
    """Places of one document that mean something else."""
    try:
        found = compare(read_with_assets([before], assets), read_with_assets([after], assets))
    except DocumentError:  # a document of an older version that is not read any more
        return ()
    return tuple(path for change in found for path in change.paths)


def released_rules(document: bytes | None) -> Rules:
    """What a release holds; nothing before the first one."""
    if document is None:
        return NOTHING
    return read_documents(load_documents(document.decode(), bytes_max=len(document)))


def changes_between(before: Rules, after: Rules) -> list[DocumentChange]:
    """Changes of promotions and limits."""
    return [one for one in compare(before, after) if one.kind != "asset"]


def titles_of(*rules: Rules) -> dict[str, Mapping[str, str]]:
    """Titles by id, as the last rules that have it call it."""
    return {
        **{one.limit_id: one.title for each in rules for one in each.limits},
        **{one.promotion_id: one.title for each in rules for one in each.promotions},
    }
