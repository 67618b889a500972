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
    row = await repository.find_asset(call.connection, call.tenant, asset)
    if row is None:
        raise AssetUnknown(f"no asset {asset}", path="asset")
    return AssetOut(**row)


@router.put("/assets/{asset}")
@needs("catalogue:write")
async def put_asset(call: CurrentCall, asset: Id, body: AssetIn) -> AssetOut:
    """Declare an asset, or change its title or step. The scale never changes."""
    asset_no = await service.put_asset(
        call, asset=asset, title=body.title, scale=body.scale, step_points=body.step_points
    )
    return AssetOut(asset=asset, asset_no=asset_no, **body.model_dump())
