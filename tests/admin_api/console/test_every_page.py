"""Every page of the console, as every role sees it, in a headless Chromium: no rule of axe is broken.

Pages whose address takes nothing come from the table of routes; of the others one of each kind is named here. What two
roles are shown alike is looked at once, the frame around it once for each role. Without Chromium it is skipped, except
in CI.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright

from altyn.admin_api.console.routes import page_routes
from altyn.admin_api.edge.rights import Grant
from altyn.admin_api.people import repository
from altyn.admin_api.people.roles import ROLES, Role
from altyn.admin_api.people.sessions import begin_session
from altyn.admin_api.reports.definitions import REPORTS
from altyn.infra.database import connect
from altyn.infra.settings import Settings
from tests.admin_api.console.accessible import complaints
from tests.admin_api.console.test_backtest_story import running
from tests.admin_api.console.test_story import CHROMIUM, PATIENCE_MS
from tests.admin_api.desk import TENANT

__all__ = ["running"]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium: apt-get install chromium"
)
#: What stands in an address, and one there is; a backtest has a story of its own.
ONE = {
    "promotion_id": ("fresh-bread", "coffee-week"),
    "version": ("1",),
    "seq": ("7",),
    "key": ("7-0",),
    "person_id": ("marketer",),
    "audit_no": ("1",),
    "report": tuple(REPORTS),
}
#: Parts of pages, and files.
PARTS = ("/search", "/servers", "/rollout", "/progress", ".{ending}")
TAG = re.compile(r"<(\w+)")
LAID = """
INSERT INTO exceptions (seq, exception_no, kind, status, reason, store_id, register_id, shift_number, receipt_number,
                        recorded_at)
VALUES (7, 0, 2, 1, 20, 'central', 'r1', 1, 7, now());
INSERT INTO fraud_cases (seq, case_no, rule, kind, operation_kind, store_id, register_id, shift_number, receipt_number,
                         cashier_id, count, threshold, recorded_at)
VALUES (7, 0, 'many', 1, 2, 'central', 'r1', 1, 7, 'c1', 5, 4, now());
INSERT INTO jobs (tenant, kind, subject, mode, state, reason, told, total_count, done_count, created_by, created_at,
                  updated_at)
SELECT 'demo', 'SEGMENT_MEMBERS', 'friends', 'ADD', state, 'SEGMENT_UNKNOWN', 'it was deleted', 10, 4,
       'person:marketer', now(), now() FROM unnest('{DONE,FAILED,CANCELLED}'::text[]) AS state;
INSERT INTO accrual_jobs (tenant, title, asset, points, reason, segment, expires, starts_at, state, refusal, created_by,
                          created_at, updated_at)
SELECT 'demo', 'Jubilee', 'bonus', 500, 'jubilee', 'friends', '{}', now(), state, '', 'person:marketer', now(), now()
  FROM unnest('{PROPOSED,DONE,FAILED}'::text[]) AS state;
"""


async def lay(dsn: str) -> dict[Role, str]:
    """One of each, and a session of somebody of every role."""
    connection = await connect(dsn, name="test")
    made, now = {}, datetime.now(UTC)
    await connection.execute(LAID)
    for role in Role:
        login = role.value.lower().replace("_", "-")
        await connection.execute(
            "INSERT INTO people (tenant, person_id, password_is_given, factor_salt, factor_is_set, created_at,"
            " created_by) VALUES ($1, $2, false, $3, true, $4, 'test')",
            TENANT,
            login,
            bytes(16),
            now,
        )
        await repository.put_grants(connection, TENANT, login, [Grant(role.value, "NETWORK")], "test", now)
        row = await repository.find_person(connection, TENANT, login)
        assert row is not None
        async with connection.transaction():
            made[role] = (await begin_session(connection, TENANT, row, now=now, request_id="test")).token
    await connection.close()
    return made


def addresses(role: Role) -> Iterator[str]:
    """Of every page the role may read."""
    for route in page_routes():
        if route.method != "GET" or route.needs.scope not in ROLES[role] or route.path.endswith(PARTS):
            continue
        found = re.search(r"{(\w+)}", route.path)
        if found is None:
            yield route.path
        for value in ONE.get(found[1], ()) if found else ():
            yield route.path.replace(found[0], value) if found else route.path


def test_no_page_of_any_role_breaks_a_rule_of_axe(running: tuple[str, str], settings: Settings) -> None:
    url, _ = running
    tokens = asyncio.run(lay(settings.postgres_dsn))
    wrong: dict[str, list[str]] = {}
    seen: set[tuple[str, ...]] = set()
    looked_at: set[str] = set()
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for role, token in tokens.items():
            context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
            context.set_default_timeout(PATIENCE_MS)
            context.add_cookies([{"name": "altyn_session", "value": token, "url": f"{url}/console"}])
            page = context.new_page()
            with httpx.Client(base_url=url, cookies={"altyn_session": token}, timeout=60) as client:
                for number, address in enumerate(addresses(role)):
                    answer = client.get(address, follow_redirects=True)
                    assert answer.status_code == 200, f"{role} {address}: {answer.status_code}"
                    # Roles that are shown the same tags differ in words; the first page of each is for the frame.
                    tags = TAG.findall(answer.text.partition("<main")[2].partition("</main>")[0])
                    assert tags, address
                    if (address, *tags) in seen and number:
                        continue
                    seen.add((address, *tags))
                    looked_at.add(address)
                    if found := look(page, url + address):
                        wrong[f"{role} {address}"] = found
            context.close()
        browser.close()
    assert not wrong, "\n".join(f"{address}: {one}" for address, found in wrong.items() for one in found)
    assert {"/console/people", "/console/audit/1", "/console/fraud/cases/7-0", "/console/exceptions/7-0"} <= looked_at


def look(page: Page, address: str) -> list[str]:
    page.goto(address)
    found = complaints(page)
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("something sticks out")
    return found
