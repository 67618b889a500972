"""What the OpenAPI contract says beyond what the handlers say: scopes, headers, problems, and an example of every call.

Examples are answers this back office has really given, kept in ``examples.json`` and checked against it by a test;
they must never be written by hand.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import orjson

from altyn.admin_api.edge.routes import Needs

SECURITY = {"key": {"type": "http", "scheme": "bearer"}}
_TEXT = {"type": "string"}
PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "A no: `reason` is stable, `path` names the field, `problems` tells them one by one.",
    "type": "object",
    "required": ["type", "title", "status", "reason", "detail", "request_id"],
    "properties": {
        **dict.fromkeys(("type", "title", "reason", "detail", "request_id", "path"), _TEXT),
        "status": {"type": "integer"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "code", "message"],
                "properties": dict.fromkeys(("path", "code", "message"), _TEXT),
            },
        },
    },
}
_PROBLEM = {
    "description": "Refused",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": _TEXT,
    "description": "Any text of the caller's own, new for every new write; the same again gets the first answer.",
}
_WAIT = {
    "name": "wait_seq",
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 0},
    "description": "Wait up to two seconds until the tables hold this journal seq; 504 SEQ_NOT_REACHED when they do"
    " not. The header Altyn-Wait-Seq means the same.",
}


@cache
def examples() -> dict[str, Any]:
    """``METHOD /path`` → ``path``, ``request`` and ``answer``, each with its media type and value."""
    found: dict[str, Any] = orjson.loads(resources.files("altyn.admin_api.edge").joinpath("examples.json").read_bytes())
    return found


def describe(call: dict[str, Any], name: str, needs: Needs) -> None:
    """Complete one call of the contract."""
    call["x-scope"], call["security"] = needs.scope, [{"key": []}] if needs.scope else []
    if needs.scope:
        call.setdefault("parameters", []).append(_ONCE if needs.once else _WAIT)
    call["responses"].pop("422", None)  # the framework's own form of it is never sent
    call["responses"]["default"] = _PROBLEM
    example = examples().get(name)
    if example is None:
        return
    call["x-example-path"] = example["path"]
    if "request" in example:
        _put(call["requestBody"]["content"], example["request"])
    answer = example["answer"]
    told = call["responses"][str(answer["status"])]
    if "media_type" in answer:
        _put(told.setdefault("content", {}), answer)


def _put(content: dict[str, Any], example: dict[str, Any]) -> None:
    content.setdefault(example["media_type"], {})["example"] = example["value"]
