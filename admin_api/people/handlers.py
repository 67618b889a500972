"""The HTTP face of people, of signing in, and of one's own sign-in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import Path, Query, Request, Response

from altyn.admin_api.edge.fields import PageSize
from altyn.admin_api.edge.rights import network_rights
from altyn.admin_api.edge.routes import (
    CurrentCall,
    CurrentOffice,
    area_router,
    needs,
    open_to_all,
    request_id_of,
)
from altyn.admin_api.people import repository, schemas, service, sessions, totp
from altyn.admin_api.people.errors import PersonUnknown
from altyn.admin_api.people.roles import CONFLICTS, KEYS_ONLY, ROLES, needs_second_factor

SIGN_IN_BYTES_MAX = 4_096
ISSUER = "Altyn"

router = area_router("people")

PersonId = Annotated[str, Path(pattern="^[a-z][a-z0-9._-]{1,39}$")]


@router.post("/sessions", status_code=201)
@open_to_all(body_bytes_max=SIGN_IN_BYTES_MAX)
async def sign_in(request: Request, office: CurrentOffice, body: schemas.SignInIn) -> schemas.SignedInOut:
    """Sign in: the token is sent as a key is. Half an hour unused, or 12 h, end it. Refusals do not tell what was
    wrong.
    """
    made = await sessions.sign_in(
        office, login=body.login, password=body.password, code=body.code, request_id=request_id_of(request)
    )
    return schemas.SignedInOut(
        token=made.token, person_id=made.person.person_id, owes=made.person.owes, expires_at=made.expires_at
    )


@router.get("/me")
@needs("own:read")
async def get_me(call: CurrentCall) -> schemas.MeOut:
    """Who is signed in, with which roles, and their live sessions."""
    person = call.signed_in()
    rows = await repository.live_sessions(call.connection, call.tenant, person.person_id, call.now, sessions.IDLE)
    return schemas.MeOut(
        person_id=person.person_id,
        name=person.name,
        grants=[schemas.GrantOut(**asdict(one)) for one in person.grants],
        scopes=sorted(person.rights),
        owes=person.owes,
        recovery_codes_count=await repository.recovery_codes_left(call.connection, call.tenant, person.person_id),
        sessions=[schemas.SessionOut(is_this=row["session_id"] == person.session_id, **row) for row in rows],
    )


@router.put("/me/password", status_code=204)
@needs("own:write")
async def change_password(call: CurrentCall, office: CurrentOffice, body: schemas.PasswordIn) -> Response:
    """Change one's own password; other sessions end."""
    await service.change_own_password(call, office, present=body.present, new=body.new)
    return Response(status_code=204)


@router.post("/me/second-factor", status_code=201)
@needs("own:write")
async def begin_second_factor(
    call: CurrentCall, office: CurrentOffice, body: schemas.EnrolmentIn
) -> schemas.EnrolmentOut:
    """The secret of a new second factor, shown this once; it counts when a code has confirmed it."""
    secret = await service.begin_second_factor(call, office, password=body.password)
    uri = totp.enrolment_uri(secret, call.signed_in().person_id, ISSUER)
    return schemas.EnrolmentOut(secret=totp.text_of(secret), uri=uri)


@router.post("/me/second-factor/confirm", status_code=204)
@needs("own:write")
async def confirm_second_factor(call: CurrentCall, office: CurrentOffice, body: schemas.CodeIn) -> Response:
    """Confirm the second factor with a code of now."""
    await service.confirm_second_factor(call, office.pepper, code=body.code)
    return Response(status_code=204)


@router.post("/me/recovery-codes", status_code=201)
@needs("own:write")
async def make_recovery_codes(
    call: CurrentCall, office: CurrentOffice, body: schemas.EnrolmentIn
) -> schemas.RecoveryCodesOut:
    """Ten codes for the day the second factor is lost, shown this once; older ones open nothing any more."""
    return schemas.RecoveryCodesOut(codes=await service.make_recovery_codes(call, office, password=body.password))


@router.delete("/me/sessions", status_code=204)
@needs("own:write")
async def sign_out(call: CurrentCall, everywhere: bool = False) -> Response:
    """Sign out here, or everywhere."""
    await service.sign_out(call, everywhere=everywhere)
    return Response(status_code=204)


@router.get("/roles")
@needs("people:read")
async def list_roles(call: CurrentCall) -> schemas.RolesOut:
    """The table of roles: who may do what."""
    return schemas.RolesOut(
        roles=[
            schemas.RoleOut(
                role=role,
                scopes=sorted(scopes),
                needs_second_factor=needs_second_factor(network_rights(scopes)),
                conflicts_with=sorted(other for pair in CONFLICTS if role in pair for other in pair - {role}),
            )
            for role, scopes in ROLES.items()
        ],
        keys_only=sorted(KEYS_ONLY),
    )


@router.get("/people")
@needs("people:read")
async def list_people(
    call: CurrentCall, after: Annotated[str, Query(max_length=64)] = "", limit: PageSize = 100
) -> schemas.PersonPage:
    """Everybody who has a login, by login."""
    rows = await repository.list_people(call.connection, call.tenant, after, limit + 1)
    grants = await repository.grants_of(call.connection, call.tenant, [row["person_id"] for row in rows])
    shown = [schemas.PersonOut(**service.person_out(row, grants[row["person_id"]])) for row in rows[:limit]]
    return schemas.PersonPage(people=shown, next_after=shown[-1].person_id if len(rows) > limit else None)


@router.post("/people", status_code=201)
@needs("people:write")
async def add_person(call: CurrentCall, body: schemas.PersonIn, response: Response) -> schemas.PasswordGivenOut:
    """Let somebody in. The password is shown this once; they change it at the first sign-in."""
    grants = [one.grant() for one in body.grants]
    password = await service.add_person(call, person_id=body.person_id, name=body.name, grants=grants, email=body.email)
    response.headers["location"] = f"/v1/people/{body.person_id}"
    return schemas.PasswordGivenOut(person_id=body.person_id, password=password)


@router.get("/people/{person_id}")
@needs("people:read")
async def get_person(call: CurrentCall, person_id: PersonId) -> schemas.PersonOut:
    """One person and their roles."""
    row = await repository.find_person(call.connection, call.tenant, person_id)
    if row is None:
        raise PersonUnknown(f"nobody has the login {person_id}", path="person_id")
    grants = await repository.grants_of(call.connection, call.tenant, [person_id])
    return schemas.PersonOut(**service.person_out(row, grants[person_id]))


@router.put("/people/{person_id}/grants")
@needs("people:write")
async def change_grants(call: CurrentCall, person_id: PersonId, body: schemas.GrantsIn) -> schemas.PersonOut:
    """Make these somebody's roles; at once, in their open sessions too. Not one's own."""
    await service.change_grants(call, person_id=person_id, grants=[one.grant() for one in body.grants])
    return await get_person(call, person_id)


@router.put("/people/{person_id}/email")
@needs("people:write")
async def change_email(call: CurrentCall, person_id: PersonId, body: schemas.EmailIn) -> schemas.PersonOut:
    """Make this the address an identity provider finds somebody by; what it knew of them is forgotten. Their sessions
    end.
    """
    await service.change_email(call, person_id=person_id, email=body.email)
    return await get_person(call, person_id)


@router.put("/people/{person_id}/state")
@needs("people:write")
async def change_state(call: CurrentCall, person_id: PersonId, body: schemas.StateIn) -> schemas.PersonOut:
    """BLOCKED ends every session at once; ACTIVE lets them in again."""
    await service.change_state(call, person_id=person_id, state=body.state)
    return await get_person(call, person_id)


@router.post("/people/{person_id}/password", status_code=201)
@needs("people:write")
async def reset_password(call: CurrentCall, person_id: PersonId) -> schemas.PasswordGivenOut:
    """A new password for somebody, shown this once; their sessions end."""
    password = await service.reset_password(call, person_id=person_id)
    return schemas.PasswordGivenOut(person_id=person_id, password=password)


@router.delete("/people/{person_id}/second-factor", status_code=204)
@needs("people:write")
async def reset_second_factor(call: CurrentCall, person_id: PersonId) -> Response:
    """Forget a second factor that was lost; their sessions end."""
    await service.reset_second_factor(call, person_id=person_id)
    return Response(status_code=204)


@router.delete("/people/{person_id}/sessions", status_code=204)
@needs("people:write")
async def end_sessions(call: CurrentCall, person_id: PersonId) -> Response:
    """Sign somebody out everywhere."""
    await service.end_sessions(call, person_id=person_id)
    return Response(status_code=204)
