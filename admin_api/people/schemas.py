"""What is taken in and given out about people."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, model_validator

from altyn.admin_api.edge.fields import Attribute, Shape, Title
from altyn.admin_api.edge.rights import Grant, Owes
from altyn.admin_api.people.roles import ReachKind, Role

GRANTS_MAX = 50

Login = Annotated[str, Field(pattern="^[a-z][a-z0-9._-]{1,39}$", description="for ever: the audit log names it")]
Email = Annotated[str, AfterValidator(str.lower), Field(pattern=r"^([^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189})?$")]
Secret = Annotated[str, Field(min_length=1, max_length=200, repr=False)]
Code = Annotated[str, Field(pattern="^[0-9]{6}$")]


class GrantIn(Shape):
    """A role, and where it holds: ``place`` is a region or a store, empty for the whole network."""

    role: Role
    reach: ReachKind = ReachKind.NETWORK
    place: Attribute = ""

    @model_validator(mode="after")
    def _placed(self) -> GrantIn:
        if (self.reach is ReachKind.NETWORK) != (self.place == ""):
            raise ValueError("REGION and STORE have a place, NETWORK has none")
        return self

    def grant(self) -> Grant:
        return Grant(self.role.value, self.reach.value, self.place)


class GrantOut(BaseModel):
    role: str
    reach: ReachKind
    place: str


Grants = Annotated[list[GrantIn], Field(max_length=GRANTS_MAX)]


class PersonIn(Shape):
    """``email``: by which an identity provider finds them; empty: it does not."""

    person_id: Login
    name: Title = ""
    email: Email = ""
    grants: Grants = Field([])


class GrantsIn(Shape):
    grants: Grants


class EmailIn(Shape):
    """Empty: no provider finds them any more."""

    email: Email


class StateIn(Shape):
    state: Annotated[str, Field(pattern="^(ACTIVE|BLOCKED)$")]


class PersonOut(BaseModel):
    """``seen_at``: when a session of theirs was last used; ``has_provider``: an identity provider has let them in."""

    person_id: str
    name: str
    email: str
    has_provider: bool
    state: str
    grants: list[GrantOut]
    has_second_factor: bool
    password_is_given: bool
    created_at: datetime
    created_by: str
    seen_at: datetime | None


class PersonPage(BaseModel):
    people: list[PersonOut]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: str | None = None


class PasswordGivenOut(BaseModel):
    """``password`` is shown this once, and must be changed at the first sign-in."""

    person_id: str
    password: str


class RoleOut(BaseModel):
    """``scopes`` say what the role may do; ``needs_second_factor``: nothing before one is set up."""

    role: Role
    scopes: list[str]
    needs_second_factor: bool
    conflicts_with: list[Role]


class RolesOut(BaseModel):
    """The whole table. ``keys_only``: scopes that no role has."""

    roles: list[RoleOut]
    keys_only: list[str]


class SessionOut(BaseModel):
    session_id: str
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    is_this: bool


class MeOut(BaseModel):
    """``scopes``: everything that is open somewhere. ``owes``: what must be done before anything else is open."""

    person_id: str
    name: str
    grants: list[GrantOut]
    scopes: list[str]
    owes: Owes
    #: How many recovery codes are not used.
    recovery_codes_count: int
    sessions: list[SessionOut]


class SignInIn(Shape):
    """``code``: the second factor's, once it is set up, or a recovery code."""

    login: Annotated[str, Field(min_length=1, max_length=100)]
    password: Secret
    code: Annotated[str, Field(max_length=16)] = ""


class SignedInOut(BaseModel):
    """``token`` is shown this once: send it as a key is sent."""

    token: str
    person_id: str
    owes: Owes
    expires_at: datetime


class PasswordIn(Shape):
    present: Secret
    new: Secret


class CodeIn(Shape):
    code: Code


class EnrolmentIn(Shape):
    password: Secret


class EnrolmentOut(BaseModel):
    """``secret`` is shown this once, ``uri`` as a QR code; confirm with a code."""

    secret: str
    uri: str


class RecoveryCodesOut(BaseModel):
    """``codes`` are shown this once; each opens once in place of the second factor's."""

    codes: list[str]
