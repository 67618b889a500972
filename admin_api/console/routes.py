"""Every address of the console, put into the application."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.routing import Route as StarletteRoute

from altyn.admin_api.console import (
    adjustments,
    audit,
    backtests,
    bulk,
    by_provider,
    calendar,
    constructor,
    customer_acts,
    customer_page,
    customers,
    exceptions,
    fraud,
    jobs,
    listing,
    me,
    overlaps,
    overview,
    people,
    rails,
    receipt,
    receipt_cases,
    releasing,
    reports,
    reviewing,
    searching,
    sections,
    shadows,
    shell,
    trying,
    views,
)
from altyn.admin_api.console.assets import get_asset
from altyn.admin_api.console.navigation import menus_for
from altyn.admin_api.console.pages import Route
from altyn.admin_api.console.programme import all as programme

PARTS = (
    searching,
    me,
    overview,
    listing,
    views,
    bulk,
    calendar,
    overlaps,
    trying,
    backtests,
    bulk,
    calendar,
    constructor,
    reviewing,
    releasing,
    receipt,
    receipt_cases,
    rails,
    reports,
    exceptions,
    fraud,
    customers,
    customer_page,
    customer_acts,
    adjustments,
    jobs,
    people,
    audit,
    shadows,
    sections,
    programme,
)


def page_routes() -> list[Route]:
    """Every page that needs a session."""
    return [route for part in PARTS for route in part.pages.routes]


def add_console(app: FastAPI) -> None:
    """The console under ``/console``; the front door of the back office leads there."""
    open_to_all = [
        StarletteRoute("/", shell.front),
        StarletteRoute("/console", shell.front),
        StarletteRoute("/console/", shell.front),
        StarletteRoute("/console/sign-in", shell.sign_in_page, methods=["GET"]),
        StarletteRoute("/console/sign-in", shell.sign_in, methods=["POST"]),
        StarletteRoute("/console/sign-in/oidc", by_provider.begin, methods=["GET"]),
        StarletteRoute("/console/sign-in/oidc/back", by_provider.finish, methods=["GET"]),
        StarletteRoute("/console/sign-out", shell.sign_out, methods=["POST"]),
        StarletteRoute("/console/choose/{what}/{value}", shell.choose),
        StarletteRoute("/console/static/{hash}/{name}", get_asset),
    ]
    app.state.menus_for = menus_for  # it knows the pages, which know the frame: the frame cannot import it
    kept = [StarletteRoute(one.path, one.answer, methods=[one.method]) for one in page_routes()]
    app.router.routes.extend([*open_to_all, *kept, StarletteRoute("/console/{rest:path}", shell.nowhere)])
