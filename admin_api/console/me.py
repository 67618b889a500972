"""One's own sign-in: the roles, another password, a second factor. The acts are those of ``/v1/me``."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from altyn.admin_api.console.pages import Pages, Redrawn, Visit
from altyn.admin_api.edge.problems import Refusal
from altyn.admin_api.people import repository, service, totp
from altyn.admin_api.people.handlers import ISSUER

GROUP_CHARS = 4

pages = Pages()


@pages.get("/me", "own:read")
async def show_me(visit: Visit) -> Response:
    return await _page(visit)


@pages.act("/me/password", "own:write")
async def change_password(visit: Visit) -> Response:
    """Another password; other sessions end."""
    present, new = visit.field("present"), visit.field("new")
    if new != visit.field("again"):
        raise Redrawn(await _page(visit, 422, says=visit.t("me.differ")))
    try:
        await service.change_own_password(visit.call, visit.office, present=present, new=new)
    except Refusal as refusal:
        raise Redrawn(await _page(visit, refusal.status_code, says=_told(visit, refusal))) from None
    return visit.go("/console/me?done=password")


@pages.act("/me/second-factor", "own:write")
async def begin_second_factor(visit: Visit) -> Response:
    """The secret, shown this once."""
    visit.call.answer_is_secret = True
    try:
        secret = await service.begin_second_factor(visit.call, visit.office, password=visit.field("password"))
    except Refusal as refusal:
        raise Redrawn(await _page(visit, refusal.status_code, says=_told(visit, refusal))) from None
    text = totp.text_of(secret)
    shown = " ".join(text[at : at + GROUP_CHARS] for at in range(0, len(text), GROUP_CHARS))
    uri = totp.enrolment_uri(secret, visit.call.signed_in().person_id, ISSUER)
    return await _page(visit, secret=shown, uri=uri, picture=totp.picture_of(uri))


@pages.act("/me/second-factor/confirm", "own:write")
async def confirm_second_factor(visit: Visit) -> Response:
    try:
        await service.confirm_second_factor(visit.call, visit.office.pepper, code=visit.field("code").strip())
    except Refusal as refusal:
        raise Redrawn(await _page(visit, refusal.status_code, says=_told(visit, refusal), asks_code=True)) from None
    return visit.go("/console/me?done=factor")


@pages.act("/me/recovery-codes", "own:write")
async def make_recovery_codes(visit: Visit) -> Response:
    """The codes, shown this once."""
    visit.call.answer_is_secret = True
    try:
        codes = await service.make_recovery_codes(visit.call, visit.office, password=visit.field("password"))
    except Refusal as refusal:
        raise Redrawn(await _page(visit, refusal.status_code, says=_told(visit, refusal))) from None
    return await _page(visit, codes=codes)


async def _page(visit: Visit, status: int = 200, **given: Any) -> Response:
    person, call = visit.call.signed_in(), visit.call
    row = await repository.find_person(call.connection, call.tenant, person.person_id)
    told = {"says": "", "secret": "", "uri": "", "picture": "", "codes": (), "asks_code": bool(given.get("secret"))}
    return visit.show(
        "me.html",
        status,
        person=person,
        done=visit.asked("done"),
        has_factor=row is not None and row["factor_is_set"],
        codes_left=await repository.recovery_codes_left(call.connection, call.tenant, person.person_id),
        **told | given,
    )


def _told(visit: Visit, refusal: Refusal) -> str:
    key = f"refused.reason.{refusal.reason}"
    return visit.t(key) if visit.t.has(key) else refusal.message
