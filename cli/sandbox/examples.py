"""The sandbox's examples: requests, the replies a till gets, and how the two are compared.

``examples.yaml`` holds requests, ``replies.json`` the replies by title; the documentation is made of both. What
differs from day to day is left out of a reply: times, tokens, places in the journal, the release, ids of customers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import grpc
import grpc.aio
import yaml
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from altyn.cli.sandbox import world
from altyn.pos.v1 import pos_service_pb2

HEAD = {
    "store_id": world.STORE,
    "register_id": world.REGISTERS[0],
    "shift_number": 1,
    "receipt_number": 100,
    "currency": world.CURRENCY,
    "exponent": world.EXPONENT,
}
PLACE = {"store_id": world.STORE, "register_id": world.REGISTERS[0]}
VOLATILE = frozenset(
    (
        *("server_time_us", "seq", "calc_token", "rules_version", "version"),
        *("customer_id", "expires_at_us", "hold_expires_at_us"),
    )
)
OF_EXAMPLE = frozenset({"title", "says", "call", "key_of"})


@dataclass(frozen=True, slots=True)
class Example:
    """One call. ``request`` is as written in JSON; ``op_id`` in it is a letter."""

    title: str
    says: str
    call: str
    key_of: str
    request: Mapping[str, Any]

    def message(self, run: str) -> Message:
        """The request as sent; its op_id depends on the letter and the run."""
        request = dict(self.request)
        letter = request.pop("op_id", "")
        found: Message = json_format.ParseDict(request, getattr(pos_service_pb2, f"{self.call}Request")())
        if letter:
            found.op_id = uuid5(NAMESPACE_OID, f"{run}/{letter}").bytes  # type: ignore[attr-defined]
        return found


@cache
def examples() -> tuple[Example, ...]:
    """In the order in which they must be sent: later ones see what the earlier have done."""
    rows = yaml.safe_load(files("altyn.cli.sandbox").joinpath("examples.yaml").read_text("utf-8"))
    return tuple(_example(row) for row in rows)


@cache
def replies() -> dict[str, dict[str, Any]]:
    """What the examples are answered, by title."""
    found: dict[str, dict[str, Any]] = json.loads(
        files("altyn.cli.sandbox").joinpath("replies.json").read_text("utf-8")
    )
    return found


async def ask(channel: grpc.aio.Channel, key: str, example: Example, run: str) -> dict[str, Any]:
    """Send it; the reply as the documentation shows it."""
    method: Any = channel.unary_unary(f"/altyn.pos.v1.PosService/{example.call}")
    metadata = (("authorization", f"Bearer {key}"),)
    try:
        reply = await method(example.message(run).SerializeToString(), timeout=10.0, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        return shown_error(error)
    return shown(getattr(pos_service_pb2, f"{example.call}Response").FromString(reply))


def shown(message: Message) -> dict[str, Any]:
    """Fields that are set, enums by name, without what is volatile."""
    return {
        field.name: [_value(field, item) for item in value] if field.is_repeated else _value(field, value)
        for field, value in message.ListFields()
        if field.name not in VOLATILE
    }


def shown_error(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """The gRPC status, its reason, and the field at fault."""
    told: dict[str, Any] = {"code": error.code().name}
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
                if detail.Unpack(info):
                    told["reason"] = info.reason
                if detail.Unpack(bad):
                    told["field"] = bad.field_violations[0].field
    return {"error": told}


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return shown(value)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return value.hex() if isinstance(value, bytes) else value


def _example(row: Mapping[str, Any]) -> Example:
    request = {name: value for name, value in row.items() if name not in OF_EXAMPLE}
    if "receipt" in request:
        request["receipt"] = HEAD | request["receipt"]
    else:
        request = PLACE | request
    return Example(row["title"], row["says"], row["call"], row.get("key_of", world.REGISTERS[0]), request)
