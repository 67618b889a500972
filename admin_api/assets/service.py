"""Use cases of assets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import asyncpg
import orjson

from altyn.admin_api.assets import repository
from altyn.admin_api.assets.errors import AssetInvalid, AssetUnknown, KindFixed, RateUnknown, ScaleFixed
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.admin_api.facts import ASSET_RATES, ASSETS
from altyn.admin_api.program.repository import find_program
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
    kind: str | None = None,
    adjust_points_max: int | None = None,
    adjust_day_points_max: int | None = None,
) -> int:
    """Declare an asset or change all but its scale and kind; its number. Raises AssetInvalid, ScaleFixed,
    KindFixed."""
    try:
        read_documents(asset_documents([Asset(asset, title, scale, step_points)]))
    except DocumentError as error:
        found = [problem(one.path, one.code, one.message) for one in error.problems]
        raise AssetInvalid("rules could not name this asset", path=found[0]["path"], problems=found) from None
    await call.feed.lock()
    before = await repository.find_asset(call.connection, call.tenant, asset)
    if before is not None and before["scale"] != scale:
        raise ScaleFixed(f"asset {asset} has scale {before['scale']} for ever", path="scale")
    kind = kind or (before["kind"] if before else "POINTS")
    if before is not None and before["kind"] != kind:
        raise KindFixed(f"asset {asset} is {before['kind']} for ever", path="kind")
    program = await find_program(call.connection, call.tenant) if kind == "MONEY" else None
    if program is not None and program["exponent"] != scale:
        raise AssetInvalid(f"the program's money has {program['exponent']} digits after the point", path="scale")
    asset_no = before["asset_no"] if before else await repository.next_number(call.connection, call.tenant)
    limits = (adjust_points_max, adjust_day_points_max)
    row = (asset, asset_no, scale, step_points, orjson.dumps(title).decode(), expire_after_days, str(kind), *limits)
    if await call.feed.put(ASSETS, [row]):
        after = dict(zip(ASSETS.columns, row, strict=True)) | {"title": title}
        told = {name: before[name] for name in ASSETS.columns} if before else None
        call.record("assets.put", "asset", asset, before=told, after=after)
    return int(asset_no)


async def put_rate(call: Call, *, asset: str, to_asset: str, from_points: int, to_points: int) -> None:
    """Set what points of one asset are worth in another. Raises AssetUnknown, AssetInvalid."""
    await call.feed.lock()
    if asset == to_asset:
        raise AssetInvalid("an asset is not converted into itself", path="to_asset")
    for name, path in ((asset, "asset"), (to_asset, "to_asset")):
        if await repository.find_asset(call.connection, call.tenant, name) is None:
            raise AssetUnknown(f"no asset {name}", path=path)
    before = await find_rate(call, asset, to_asset)
    if await call.feed.put(ASSET_RATES, [(asset, to_asset, from_points, to_points)]):
        told = {"to_asset": to_asset, "from_points": from_points, "to_points": to_points}
        call.record("assets.put_rate", "asset", asset, before=before, after=told)


async def delete_rate(call: Call, *, asset: str, to_asset: str) -> None:
    """No conversion any more. Raises RateUnknown."""
    await call.feed.lock()
    before = await find_rate(call, asset, to_asset)
    if before is None:
        raise RateUnknown(f"{asset} has no rate into {to_asset}", path="to_asset")
    row = (asset, to_asset, before["from_points"], before["to_points"])
    await call.feed.put(ASSET_RATES, [row], deleted=True)
    call.record("assets.delete_rate", "asset", asset, before=before)


async def find_rate(call: Call, asset: str, to_asset: str) -> dict[str, Any] | None:
    for row in await repository.list_rates(call.connection, call.tenant, asset):
        if row["to_asset"] == to_asset:
            return {name: row[name] for name in ("to_asset", "from_points", "to_points")}
    return None
