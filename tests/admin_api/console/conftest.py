"""A console for a test, with somebody signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from altyn.admin_api.app import create_app
from tests.admin_api.console.browser import Browser
from tests.admin_api.desk import Desk


@pytest.fixture
async def stranger(desk: Desk) -> AsyncIterator[Browser]:
    """A browser nobody has signed in with."""
    transport = httpx.ASGITransport(create_app(desk.office), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        yield Browser(client)


@pytest.fixture
async def browser(stranger: Browser, desk: Desk) -> Browser:
    """Signed in with the first key, which may do everything."""
    page = await stranger.post("/console/sign-in", [("key", desk.key), ("back", "/console/promotions")])
    assert page.status == 200, page.text
    return stranger
