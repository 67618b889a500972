"""The rules a backtest tries: documents of a file, alone or laid over the newest release, compiled once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.promotions.schemas import Kind
from altyn.admin_api.promotions.service import read_with_assets
from altyn.cli.backtest.work import Draft
from altyn.core.rules.compile import CompileError, compile_ruleset
from altyn.core.rules.definition import DocumentError, load_documents
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


async def draft_of(
    connection: asyncpg.Connection[Any], tenant: str, file: Path, *, on_release: bool = False
) -> tuple[Draft, int]:
    """The draft of a file, and the release it is laid over, 0: none. Trouble: what is wrong, by path."""
    try:
        documents: Sequence[Any] = load_documents(await asyncio.to_thread(file.read_text, "utf-8"))
        base = 0
        if on_release:
            base, documents = await _laid_over(connection, tenant, documents)
        rules = read_with_assets(documents, await declared_assets(connection, tenant=tenant))
        image = compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=0)
    except DocumentError as error:
        told = [f"{one.path}: {one.code}: {one.message}" for one in error.problems[:PROBLEMS_TOLD]]
        raise Trouble("\n".join([f"{file} cannot be tried:", *told])) from None
    except CompileError as error:
        raise Trouble(f"{file} cannot be tried: {error.path}: {error.code}: {error.message}") from None
    except UnicodeDecodeError:
        raise Trouble(f"{file}: the file is not UTF-8") from None
    return Draft(image, await _since(connection, tenant, Ruleset(image).read_set.get("segments", []))), base


async def _laid_over(
    connection: asyncpg.Connection[Any], tenant: str, documents: Sequence[Any]
) -> tuple[int, Sequence[Any]]:
    """The newest release with these documents in place of, or beside, its own."""
    row = await connection.fetchrow(_RELEASE, tenant)
    if row is None:
        raise Trouble(f"nothing has been published for {tenant} yet")
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
