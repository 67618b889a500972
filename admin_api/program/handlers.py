"""The HTTP face of the program."""

from __future__ import annotations

from altyn.admin_api.assets.repository import list_assets
from altyn.admin_api.assets.schemas import AssetOut
from altyn.admin_api.edge.routes import CurrentCall, area_router, needs
from altyn.admin_api.program import repository, schemas, service

router = area_router("program")


@router.get("/program")
@needs("catalogue:read")
async def get_program(call: CurrentCall) -> schemas.ProgramOut:
    """The loyalty program: title, zone of its dates, money, points currencies."""
    row = await repository.find_program(call.connection, call.tenant)
    assets = await list_assets(call.connection, call.tenant)
    return schemas.ProgramOut(**row, assets=[AssetOut(**asset) for asset in assets])


@router.put("/program")
@needs("program:write")
async def put_program(call: CurrentCall, body: schemas.ProgramIn) -> schemas.ProgramOut:
    """Change the program's title and money; its zone never changes."""
    await service.put_program(call, asked=body)
    return await get_program(call)


@router.get("/program/limits")
@needs("catalogue:read")
async def get_limits(call: CurrentCall) -> schemas.ProgramLimits:
    """What registers may let customers spend offline, returns without a receipt, decisions one person makes alone."""
    return await service.read_limits(call)


@router.put("/program/limits")
@needs("program:write")
async def put_limits(call: CurrentCall, body: schemas.ProgramLimits) -> schemas.ProgramLimits:
    """Change them, in force at the servers within seconds; allowances that registers hold stand to their end."""
    await service.put_limits(call, asked=body)
    return await service.read_limits(call)
