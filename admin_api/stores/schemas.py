"""What is taken in and given out about stores and registers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from altyn.admin_api.edge.fields import Attribute, Shape, Title, Whole
from altyn.infra.zones import load_zone


def check_zone(value: str) -> str:
    try:
        load_zone(value)
    except KeyError as error:
        raise ValueError(str(error.args[0])) from None
    return value


class StoreIn(Shape):
    """``zone`` is the IANA zone of the wall clock; ``exponent`` the digits of the currency's minor unit."""

    title: Title = ""
    zone: Annotated[str, Field(max_length=64), AfterValidator(check_zone)]
    region: Attribute = ""
    format: Attribute = ""
    cluster: Attribute = ""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "RUB"
    exponent: Annotated[Whole, Field(ge=0, le=4)] = 2


class StoreOut(BaseModel):
    """``feed_version`` is the version of the facts that brought this value to the servers."""

    store_id: str
    title: str
    zone: str
    region: str
    format: str
    cluster: str
    currency: str
    exponent: int
    feed_version: int


class StorePage(BaseModel):
    stores: list[StoreOut]
    #: Give it as ``after`` for the next page; absent on the last one.
    next_after: str | None = None


class RegisterIn(Shape):
    title: Title = ""


class RegisterOut(BaseModel):
    store_id: str
    register_id: str
    title: str
    feed_version: int


class RegisterPage(BaseModel):
    registers: list[RegisterOut]


class RegisterKeyOut(BaseModel):
    """``key_id`` is the key's SHA-256."""

    key_id: str
    store_id: str
    register_id: str
    revoked: bool
    changed_at: datetime


class RegisterKeyPage(BaseModel):
    keys: list[RegisterKeyOut]


class RegisterKeyIssued(BaseModel):
    """``key`` is shown this once. The register sends it as ``authorization: Bearer <key>``."""

    key: str
    key_id: str
    store_id: str
    register_id: str
    feed_version: int
