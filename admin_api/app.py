"""The application: areas, health, the offline documentation, the console. Everything else is the edge's."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from altyn.admin_api.accounts import handlers as accounts
from altyn.admin_api.accruals import handlers as accruals
from altyn.admin_api.assets import handlers as assets
from altyn.admin_api.backtests import handlers as backtests
from altyn.admin_api.cards import handlers as cards
from altyn.admin_api.catalogue import handlers as catalogue
from altyn.admin_api.console.routes import add_console
from altyn.admin_api.console.texts import LANGUAGES, texts_in
from altyn.admin_api.coupons import handlers as coupons
from altyn.admin_api.customers import handlers as customers
from altyn.admin_api.edge.contract import PROBLEM_SCHEMA, SECURITY, describe
from altyn.admin_api.edge.docs import PAGE
from altyn.admin_api.edge.office import Office
from altyn.admin_api.edge.problems import NotFound, answer_problem
from altyn.admin_api.edge.routes import EdgeRoute, office_of, request_id_of
from altyn.admin_api.events import handlers as events
from altyn.admin_api.exceptions import handlers as exceptions
from altyn.admin_api.families import handlers as families
from altyn.admin_api.fraud import handlers as fraud
from altyn.admin_api.gift_cards import handlers as gift_cards
from altyn.admin_api.jobs import handlers as jobs
from altyn.admin_api.keys import handlers as keys
from altyn.admin_api.people import handlers as people
from altyn.admin_api.program import handlers as program
from altyn.admin_api.promotions import handlers as promotions
from altyn.admin_api.publishing import handlers as publishing
from altyn.admin_api.rails import handlers as rails
from altyn.admin_api.releases import handlers as releases
from altyn.admin_api.reports import handlers as reports
from altyn.admin_api.segments import handlers as segments
from altyn.admin_api.servers import handlers as servers
from altyn.admin_api.shadows import handlers as shadows
from altyn.admin_api.stores import handlers as stores
from altyn.admin_api.tiers import handlers as tiers

TITLE = "Altyn back office"
VERSION = "1"
READY_TIMEOUT_S = 2.0
LAG_READY_MAX_S = 60.0
AREAS = (
    program,
    assets,
    tiers,
    promotions,
    publishing,
    rails,
    releases,
    backtests,
    shadows,
    segments,
    jobs,
    coupons,
    gift_cards,
    stores,
    catalogue,
    customers,
    cards,
    accounts,
    accruals,
    events,
    families,
    exceptions,
    fraud,
    reports,
    servers,
    people,
    keys,
)


def settle() -> None:
    """Load what every page needs, and leave all that is loaded out of collections of garbage: looking through it held
    up a page in twenty for a tenth of a second. Once, before the first page.
    """
    for language in LANGUAGES:
        texts_in(language)
    gc.collect()
    gc.freeze()


def create_app(office: Office) -> FastAPI:
    """The ASGI application of one back office."""
    app = FastAPI(title=TITLE, version=VERSION, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.office = office
    for area in AREAS:
        app.include_router(area.router)
    app.add_api_route("/docs", docs_page, include_in_schema=False)
    app.add_api_route("/openapi.json", openapi_json, include_in_schema=False)
    app.add_api_route("/healthz", get_health, include_in_schema=False)
    app.add_api_route("/readyz", get_readiness, include_in_schema=False)
    app.add_exception_handler(HTTPException, not_found)
    add_console(app)
    return app


def edge_routes() -> list[EdgeRoute]:
    """Every call of every area; all of them pass the edge."""
    return [route for area in AREAS for route in area.router.routes if isinstance(route, EdgeRoute)]


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The contract, with the scope of every call, the headers the edge takes, and an example of every call."""
    if app.openapi_schema is None:
        schema = get_openapi(title=TITLE, version=VERSION, routes=app.routes)
        schema.setdefault("components", {})["securitySchemes"] = SECURITY
        schema["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
        for route in edge_routes():
            for method in route.methods or ():
                describe(schema["paths"][route.path_format][method.lower()], f"{method} {route.path}", route.needs)
        app.openapi_schema = schema
    return app.openapi_schema


async def openapi_json(request: Request) -> Response:
    return Response(orjson.dumps(openapi_of(request.app)), media_type="application/json")


async def docs_page() -> HTMLResponse:
    return HTMLResponse(PAGE, headers={"content-security-policy": "default-src 'self' 'unsafe-inline'"})


async def get_health() -> dict[str, str]:
    """The process answers."""
    return {"state": "OK"}


async def get_readiness(request: Request, response: Response) -> dict[str, object]:
    """PostgreSQL answers and the tables for people are not far behind."""
    office = office_of(request)
    try:
        async with asyncio.timeout(READY_TIMEOUT_S), office.connected() as connection:
            lag = await office.projector.lag(connection)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        response.status_code = 503
        return {"state": "NOT_READY", "reason": "PostgreSQL does not answer"}
    is_ready = lag.seconds <= LAG_READY_MAX_S
    response.status_code = 200 if is_ready else 503
    return {
        "state": "READY" if is_ready else "NOT_READY",
        "projector_lag_rows": lag.rows_count,
        "projector_lag_s": lag.seconds,
    }


async def not_found(request: Request, error: Exception) -> Response:
    """An address or method nobody answers."""
    assert isinstance(error, HTTPException)
    response = answer_problem(NotFound(f"{request.method} {request.url.path} is not here"), request_id_of(request))
    response.status_code = error.status_code
    return response
