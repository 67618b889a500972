"""Messages that Python reads: a register's own, of the store and register its credential is bound to."""

from __future__ import annotations

from typing import Protocol, TypeVar

from google.protobuf.message import DecodeError, Message

from altyn.core.engine import CallRefused, Scope


class OwnMessage(Protocol):
    """A request that says whose it is."""

    store_id: str
    register_id: str


Own = TypeVar("Own", bound=OwnMessage)


def read_own(kind: type[Own], request: bytes, scope: Scope) -> Own:
    """The message in these bytes. CallRefused: they are none of this kind, or another register's."""
    assert issubclass(kind, Message)
    call = kind()
    try:
        call.ParseFromString(request)
    except DecodeError as error:
        raise CallRefused("INVALID_ARGUMENT", "MALFORMED", "", "these bytes are not a message of this call") from error
    for field, told, bound in (
        ("store_id", call.store_id, scope.store_id),
        ("register_id", call.register_id, scope.register_id),
    ):
        if told != bound:
            raise CallRefused("PERMISSION_DENIED", "FOREIGN_REGISTER", field, "the credential belongs to another one")
    return call
