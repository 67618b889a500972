"""The rules a backtest tries: documents alone or laid over the newest release, compiled once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.backtests.work import Draft
from altyn.admin_api.promotions.schemas import Kind
from altyn.admin_api.promotions.service import read_with_assets
from altyn.core.rules.compile import CompileError, compile_ruleset
from altyn.core.rules.definition import DocumentError
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.errors import Trouble
from altyn.infra.zones import EPOCH, MICROSECOND

_RELEASE = "SELECT version, document FROM rules_release WHERE tenant = $1 ORDER BY version DESC LIMIT 1"
# When memberships of a segment were first written down; a segment nobody was ever in has its own first day.
_SINCE = """
SELECT name, (SELECT min(valid_from) FROM customer_segments WHERE tenant = $1 AND segment = name) AS since
  FROM unnest($2::text[]) AS name
"""
PROBLEMS_TOLD = 20
NEVER_US = 1 << 62


class DraftRefused(Trouble):
    """The documents cannot be tried."""


async def draft_of(
    connection: asyncpg.Connection[Any],
    tenant: str,
    documents: Sequence[Any],
    *,
    name: str,
    on_release: bool = False,
    stores: frozenset[str] | None = None,
) -> tuple[Draft, int]:
    """The draft of documents, which errors call by `name`, and the release it is laid over, 0: none. DraftRefused: what
    is wrong, by path.
    """
    try:
        base = 0
        if on_release:
            base, documents = await _laid_over(connection, tenant, documents)
        rules = read_with_assets(documents, await declared_assets(connection, tenant=tenant))
        image = await asyncio.to_thread(
            compile_ruleset, rules.promotions, rules.assets, rules.limits, rules.roundings, version=0
        )
    except DocumentError as error:
        told = [f"{one.path}: {one.code}: {one.message}" for one in error.problems[:PROBLEMS_TOLD]]
        raise DraftRefused("\n".join([f"{name} cannot be tried:", *told])) from None
    except CompileError as error:
        raise DraftRefused(f"{name} cannot be tried: {error.path}: {error.code}: {error.message}") from None
    return Draft(image, await _since(connection, tenant, Ruleset(image).read_set.get("segments", [])), stores), base


async def _laid_over(
    connection: asyncpg.Connection[Any], tenant: str, documents: Sequence[Any]
) -> tuple[int, Sequence[Any]]:
    """The newest release with these documents in place of, or beside, its own; nothing under them before the first."""
    row = await connection.fetchrow(_RELEASE, tenant)
    if row is None:
        return 0, documents
    kept = {_key_of(one): one for one in orjson.loads(row["document"])}
    return row["version"], list((kept | {_key_of(one): one for one in documents}).values())


def _key_of(document: Any) -> tuple[str, str]:
    """What the document is, and its id; whether both are right is said when it is read."""
    kind = next((kind for kind in Kind if isinstance(document, dict) and kind in document), None)
    return (str(kind), str(document[kind])) if kind else ("", repr(document))


async def _since(connection: asyncpg.Connection[Any], tenant: str, segments: Sequence[str]) -> int:
    """From which instant on all these segments have a history; that of one without any never began."""
    rows = await connection.fetch(_SINCE, tenant, sorted(segments))
    return max(((row["since"] - EPOCH) // MICROSECOND if row["since"] else NEVER_US for row in rows), default=0)
