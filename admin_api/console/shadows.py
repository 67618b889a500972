"""Shadows: a candidate release beside the live one, its differences while they are found, with links to receipts.

``altyn.admin_api.shadows`` compares; here its numbers get words. Nothing is added up and no amount is decided here.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from altyn.admin_api.console.jobs import UNFINISHED, job_number
from altyn.admin_api.console.pages import Pages, Visit
from altyn.admin_api.console.rails import PERCENT, PERCENT_DIGITS
from altyn.admin_api.console.trying import decimal_of
from altyn.admin_api.console.value import number_of
from altyn.admin_api.edge.problems import Invalid, Problem, invalid_from
from altyn.admin_api.promotions.repository import documents_of
from altyn.admin_api.shadows import service
from altyn.admin_api.shadows.schemas import ShadowIn
from altyn.core.backtest.depths import STEPS_PPM

PROMOTIONS_SHOWN_MAX = 10

pages = Pages()


@pages.act("/shadows", "backtests:write")
async def begin(visit: Visit) -> Response:
    """The candidate of a review, or everything that is switched on."""
    problems: list[Problem] = []
    share_ppm = decimal_of(visit.field("share").strip(), PERCENT, PERCENT_DIGITS, "share_ppm", problems)
    if problems:
        raise Invalid(problems[0]["message"], path="share_ppm", problems=problems)
    minutes = number_of(visit.field("minutes").strip(), "minutes")
    ids = [value for name, value in visit.fields if name == "promotion_id"]
    try:
        asked = ShadowIn(promotion_ids=ids, share_ppm=share_ppm, minutes=minutes)
    except ValidationError as error:
        raise invalid_from(RequestValidationError(error.errors())) from None
    return visit.go(f"/console/shadows/{await service.begin(visit.call, asked=asked)}")


@pages.get("/shadows/{job_id}", "backtests:read")
async def show_shadow(visit: Visit) -> Response:
    """What was found so far; asked again and again while it runs."""
    job = await service.find(visit.call, job_number(visit))
    template = "shadow_found.html" if visit.shell.is_part else "shadow.html"
    told = await told_of(visit, job["result"])
    return visit.show(template, job=job, given=job["given"], told=told, is_moving=job["state"] in UNFINISHED)


async def told_of(visit: Visit, report: Any) -> dict[str, Any] | None:
    """A report for the page; None when there is none."""
    if not report:
        return None
    moved = {name: after - before for name, (before, after) in report["promotions"].items() if after != before}
    names = sorted(moved, key=lambda name: (-abs(moved[name]), name))[:PROMOTIONS_SHOWN_MAX]
    documents = await documents_of(visit.call.connection, visit.call.tenant, names) if names else {}
    return {
        **report,
        "rows": list(zip(_labels(visit), report["steps"], strict=True)),
        "most": max(report["steps"]) or 1,
        "moved": [(name, visit.t.of(documents.get(name, {}).get("title"), name), moved[name]) for name in names],
    }


def _labels(visit: Visit) -> list[str]:
    """How far discounts move, from much less to much more, in percent of the receipt."""
    bounds = [visit.t.written(f"{ppm / 10_000:g}") for ppm in (0, *STEPS_PPM)]
    away = [f"{low}–{high} %" for low, high in pairwise(bounds)] + [f"> {bounds[-1]} %"]
    return [f"\u2212 {one}" for one in reversed(away)] + [visit.t("shadow.same")] + [f"+ {one}" for one in away]
