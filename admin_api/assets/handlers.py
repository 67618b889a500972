"""The HTTP face of assets."""

from __future__ import annotations

from altyn.admin_api.assets import repository, service
from altyn.admin_api.assets.errors import AssetUnknown
from altyn.admin_api.assets.schemas import AssetIn, AssetOut, AssetPage, RateIn, RateOut, RatePage
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
    """Declare an asset, or change its title, step or life of points. Scale and kind never change."""
    await service.put_asset(call, asset=asset, **body.model_dump())
    return await get_asset(call, asset)


@router.get("/assets/{asset}/rates")
@needs("catalogue:read")
async def list_rates(call: CurrentCall, asset: Id) -> RatePage:
    """What the asset is converted into, and at which rates."""
    rows = await repository.list_rates(call.connection, call.tenant, asset)
    return RatePage(rates=[RateOut(**row) for row in rows])


@router.put("/assets/{asset}/rates/{to_asset}")
@needs("catalogue:write")
async def put_rate(call: CurrentCall, asset: Id, to_asset: Id, body: RateIn) -> RatePage:
    """Set a rate; conversions take it from the moment the servers know it."""
    await service.put_rate(call, asset=asset, to_asset=to_asset, **body.model_dump())
    return await list_rates(call, asset)


@router.delete("/assets/{asset}/rates/{to_asset}", status_code=204)
@needs("catalogue:write")
async def delete_rate(call: CurrentCall, asset: Id, to_asset: Id) -> None:
    """End conversions of one asset into another."""
    await service.delete_rate(call, asset=asset, to_asset=to_asset)
