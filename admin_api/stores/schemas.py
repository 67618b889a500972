"""What is taken in and given out about stores and registers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from altyn.admin_api.edge.fields import Attribute, Shape, Title, Whole, check_text
from altyn.infra.certificates import NAME_BYTES_MAX
from altyn.infra.zones import load_zone

OVERLAP_MAX_S = 30 * 86_400


def check_zone(value: str) -> str:
    try:
        load_zone(value)
    except KeyError as error:
        raise ValueError(str(error.args[0])) from None
    return value


class StoreIn(Shape):
    """``zone`` is the IANA zone of the wall clock; ``exponent`` the digits of the currency's minor unit. Without a
    currency the program's is taken.
    """

    title: Title = ""
    zone: Annotated[str, Field(max_length=64), AfterValidator(check_zone)]
    region: Attribute = ""
    format: Attribute = ""
    cluster: Attribute = ""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    exponent: Annotated[Whole, Field(ge=0, le=4)] | None = None


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
    """``last_receipt_at``: when its newest receipt was recorded, as far as the projection has come."""

    store_id: str
    register_id: str
    title: str
    last_receipt_at: datetime | None
    feed_version: int


class RegisterPage(BaseModel):
    registers: list[RegisterOut]


class CertificateIn(Shape):
    """One of the two: ``fingerprint`` is the SHA-256 of the certificate in hex, with or without colons; ``name`` a URI,
    DNS name or common name that the register's certificates carry, exactly as they carry it.
    """

    fingerprint: Annotated[str, Field(pattern="^(([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2})?$")] = ""
    name: Annotated[str, AfterValidator(check_text)] = ""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(self.fingerprint) == bool(self.name):
            raise ValueError("give a fingerprint or a name, and not both")
        if len(self.name.encode()) > NAME_BYTES_MAX:
            raise ValueError(f"a name has at most {NAME_BYTES_MAX} bytes")
        return self


class CertificateBoundOut(BaseModel):
    """The register is known by it as soon as the servers have heard of it. ``key_id`` is what revokes it."""

    key_id: str
    store_id: str
    register_id: str
    feed_version: int


class RotateIn(Shape):
    """The register's other keys stay valid for so long, that it can be given the new one in peace."""

    overlap_s: Annotated[Whole, Field(ge=0, le=OVERLAP_MAX_S)] = 86_400


class RegisterKeyOut(BaseModel):
    """``key_id`` is the key's SHA-256, a certificate's fingerprint, or the hash of ``name``. From ``expires_at`` on the
    key is unknown; null: it does not end by itself.
    """

    key_id: str
    kind: Literal["KEY", "CERTIFICATE", "CERTIFICATE_NAME"]
    name: str
    store_id: str
    register_id: str
    revoked: bool
    expires_at: datetime | None
    changed_at: datetime


class RegisterKeyPage(BaseModel):
    keys: list[RegisterKeyOut]


class RegisterKeyIssued(BaseModel):
    """``key`` is shown this once. The register sends it as ``authorization: Bearer <key>``. ``ending``: when its other
    keys end, by ``key_id``.
    """

    key: str
    key_id: str
    store_id: str
    register_id: str
    ending: dict[str, datetime] = {}
    feed_version: int
