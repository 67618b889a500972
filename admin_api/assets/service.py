"""Use cases of assets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import asyncpg
import orjson

from altyn.admin_api.assets import repository
from altyn.admin_api.assets.errors import AssetInvalid, ScaleFixed
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.admin_api.facts import ASSETS
from altyn.core.rules.definition import DocumentError, default_document, read_documents
from altyn.core.rules.promotion import Asset


async def declared_assets(connection: asyncpg.Connection[Any], *, tenant: str) -> list[Asset]:
    """Assets as rules see them."""
    rows = await repository.list_assets(connection, tenant)
    return [Asset(row["asset"], row["title"], row["scale"], row["step_points"]) for row in rows]


def asset_documents(assets: Iterable[Asset]) -> list[dict[str, Any]]:
    """The documents that declare them to the compiler."""
    return [default_document(asset) for asset in assets]


async def put_asset(
    call: Call,
    *,
    asset: str,
    title: dict[str, str],
    scale: int,
    step_points: int,
    expire_after_days: int | None = None,
) -> int:
    """Declare an asset or change all but its scale; its number. Raises AssetInvalid, ScaleFixed."""
    try:
        read_documents(asset_documents([Asset(asset, title, scale, step_points)]))
    except DocumentError as error:
        found = [problem(one.path, one.code, one.message) for one in error.problems]
        raise AssetInvalid("rules could not name this asset", path=found[0]["path"], problems=found) from None
    await call.feed.lock()
    before = await repository.find_asset(call.connection, call.tenant, asset)
    if before is not None and before["scale"] != scale:
        raise ScaleFixed(f"asset {asset} has scale {before['scale']} for ever", path="scale")
    asset_no = before["asset_no"] if before else await repository.next_number(call.connection, call.tenant)
    row = (asset, asset_no, scale, step_points, orjson.dumps(title).decode(), expire_after_days)
    if await call.feed.put(ASSETS, [row]):
        after = dict(zip(ASSETS.columns, row, strict=True)) | {"title": title}
        told = {name: before[name] for name in ASSETS.columns} if before else None
        call.record("assets.put", "asset", asset, before=told, after=after)
    return int(asset_no)
