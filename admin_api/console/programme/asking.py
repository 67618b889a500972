"""Calls of the API made by a page: what was typed goes in by the call's own types, as it would over HTTP.

Invariants: the call's checks are the only ones; a value that cannot be taken is told with the name of its field. It
must never open a call that the visitor's rights do not: the page's route asks for them, by the call's own mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from inspect import Parameter, signature
from typing import Any, get_type_hints

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.responses import Response

from altyn.admin_api.console.pages import Visit
from altyn.admin_api.console.programme.things import ApiCall
from altyn.admin_api.edge.problems import invalid_from
from altyn.admin_api.edge.rights import ANYWHERE, Place
from altyn.admin_api.edge.routes import Needs


async def ask(visit: Visit, call: ApiCall, given: Mapping[str, Any], body: Mapping[str, Any] | None = None) -> Any:
    """What the call answers. ``given`` by name; what is empty is left out, and what the call does not know is not said.
    Raises Invalid and what the call raises.
    """
    known: dict[str, Any] = {}
    for name, (adapter, _) in parameters_of(call).items():
        if name == "call":
            known[name] = visit.call
        elif name == "office":
            known[name] = visit.office
        elif name == "request":
            known[name] = visit.upload.request if visit.upload else visit.request
        elif name == "response":
            known[name] = Response()
        elif name == "body":
            known[name] = _read(adapter, body or {}, ())
        elif given.get(name) not in (None, ""):
            known[name] = _read(adapter, given[name], (name,))
    return await call(**known)


async def read(visit: Visit, call: ApiCall, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a reading call answers, as plain values."""
    answer = await ask(visit, call, given)
    assert isinstance(answer, BaseModel)
    return answer.model_dump()


def takes(call: ApiCall, name: str) -> bool:
    return name in parameters_of(call)


def body_of(call: ApiCall) -> type[BaseModel] | None:
    """The shape of the call's body."""
    found = parameters_of(call).get("body")
    return found[1] if found else None


def defaults_of(call: ApiCall) -> dict[str, Any]:
    """What the call takes for what is not said in its body."""
    shape = body_of(call)
    fields = shape.model_fields.items() if shape else ()
    return {name: one.default for name, one in fields if not one.is_required() and one.default_factory is None}


async def may(visit: Visit, needs: Needs, keys: Mapping[str, str]) -> bool:
    """Whether the API would let the visitor in, here."""
    visitor = visit.shell.visitor
    reach = visitor.caller.rights.get(needs.scope) if visitor and visitor.may(needs.scope) else None
    if reach is None:
        return False
    if reach.is_network or needs.scope in ANYWHERE or needs.place is Place.OWN:
        return True
    if needs.place is not Place.PATH or "store_id" not in keys:
        return False
    region = await visit.call.connection.fetchval(
        "SELECT region FROM stores WHERE tenant = $1 AND store_id = $2 AND valid_to = 'infinity' AND NOT deleted",
        visit.call.tenant,
        keys["store_id"],
    )
    return region is not None and reach.covers(keys["store_id"], region)


@cache
def parameters_of(call: ApiCall) -> dict[str, tuple[TypeAdapter[Any], Any]]:
    """By name: how it is read, and its type."""
    types = get_type_hints(call, include_extras=True)
    found: dict[str, tuple[TypeAdapter[Any], Any]] = {}
    for name, one in signature(call).parameters.items():
        assert one.kind is Parameter.POSITIONAL_OR_KEYWORD
        plain = name in ("call", "office", "request", "response")
        found[name] = (TypeAdapter(object if plain else types[name]), types[name])
    return found


def _read(adapter: TypeAdapter[Any], value: Any, place: tuple[str, ...]) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        found = [{**one, "loc": (*place, *one["loc"])} for one in error.errors()]
        raise invalid_from(RequestValidationError(found)) from None
