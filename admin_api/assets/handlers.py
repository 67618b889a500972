"""The HTTP face of assets."""

from __future__ import annotations

from altyn.admin_api.assets import repository, service
from altyn.admin_api.assets.errors import AssetUnknown
from altyn.admin_api.assets.schemas import AssetIn, AssetOut, AssetPage
from altyn.admin_api.edge.fields import Id
from altyn.admin_api.edge.routes import CurrentCall, area_router, needs

router = area_router("assets")


@router.get("/assets")
@needs("catalogue:read")
async def list_assets(call: CurrentCall) -> AssetPage:
    """All points currencies."""
    rows = await repository.list_assets(call.connection, call.tenant)
    return AssetPage(assets=[AssetOut(**row) for row in rows])


@router.get("/assets/{asset}")
@needs("catalogue:read")
async def get_asset(call: CurrentCall, asset: Id) -> AssetOut:
    """One points currency."""
    row = await repository.find_asset(call.connection, call.tenant, asset)
    if row is None:
        raise AssetUnknown(f"no asset {asset}", path="asset")
    return AssetOut(**row)


@router.put("/assets/{asset}")
@needs("catalogue:write")
async def put_asset(call: CurrentCall, asset: Id, body: AssetIn) -> AssetOut:
    """Declare an asset, or change its title, step or life of points. The scale never changes."""
    await service.put_asset(call, asset=asset, **body.model_dump())
    return await get_asset(call, asset)
