"""The HTTP face of tiers."""

from __future__ import annotations

from altyn.admin_api.edge.routes import CurrentCall, area_router, needs
from altyn.admin_api.tiers import service
from altyn.admin_api.tiers.schemas import TiersIn, TiersOut

router = area_router("tiers")


@router.get("/tiers")
@needs("catalogue:read")
async def get_tiers(call: CurrentCall) -> TiersOut:
    """What makes which tier, and for how long."""
    return TiersOut(**await service.find_tiers(call))


@router.put("/tiers")
@needs("program:write")
async def put_tiers(call: CurrentCall, body: TiersIn) -> TiersOut:
    """Set all tiers at once. What was counted so far goes on; who has a tier keeps it to its last day."""
    await service.put_tiers(call, asked=body)
    return await get_tiers(call)


@router.delete("/tiers", status_code=204)
@needs("program:write")
async def delete_tiers(call: CurrentCall) -> None:
    """Do without tiers: nothing is counted, and nobody has one."""
    await service.delete_tiers(call)
