"""A validator of the JSON Schema keywords our schema uses; an unknown keyword is an error: none passes unchecked."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | Decimal) and not isinstance(value, bool),
}
SILENT = {"$schema", "$defs", "title", "description", "examples"}


def is_valid(value: Any, schema: dict[str, Any], root: dict[str, Any] | None = None) -> bool:
    root = schema if root is None else root
    return all(_holds(keyword, wanted, value, schema, root) for keyword, wanted in schema.items())


def _holds(keyword: str, wanted: Any, value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if keyword in SILENT:
        return True
    if keyword == "$ref":
        return is_valid(value, root["$defs"][wanted.removeprefix("#/$defs/")], root)
    if keyword == "type":
        return any(TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))
    if keyword == "enum":
        return value in wanted
    if keyword in ("anyOf", "oneOf", "allOf"):
        matching = sum(is_valid(value, one, root) for one in wanted)
        return matching >= {"anyOf": 1, "oneOf": 1, "allOf": len(wanted)}[keyword] and (
            keyword != "oneOf" or matching == 1
        )
    if keyword in ("pattern", "minLength", "maxLength"):
        return not isinstance(value, str) or _text_holds(keyword, wanted, value)
    if keyword in ("minimum", "maximum"):
        return not TYPES["number"](value) or (value >= wanted if keyword == "minimum" else value <= wanted)
    if keyword in ("items", "minItems", "maxItems"):
        return not isinstance(value, list) or _list_holds(keyword, wanted, value, root)
    return not isinstance(value, dict) or _mapping_holds(keyword, wanted, value, schema, root)


def _text_holds(keyword: str, wanted: Any, value: str) -> bool:
    if keyword == "pattern":
        return re.search(wanted, value) is not None
    return len(value) >= wanted if keyword == "minLength" else len(value) <= wanted


def _list_holds(keyword: str, wanted: Any, value: list[Any], root: dict[str, Any]) -> bool:
    if keyword == "items":
        return all(is_valid(one, wanted, root) for one in value)
    return len(value) >= wanted if keyword == "minItems" else len(value) <= wanted


def _mapping_holds(
    keyword: str, wanted: Any, value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any]
) -> bool:
    if keyword == "properties":
        return all(is_valid(value[name], one, root) for name, one in wanted.items() if name in value)
    if keyword == "additionalProperties":
        rest = [one for name, one in value.items() if name not in schema.get("properties", {})]
        return not rest if wanted is False else all(is_valid(one, wanted, root) for one in rest)
    if keyword == "propertyNames":
        return all(is_valid(name, wanted, root) for name in value)
    if keyword == "required":
        return all(name in value for name in wanted)
    if keyword in ("minProperties", "maxProperties"):
        return len(value) >= wanted if keyword == "minProperties" else len(value) <= wanted
    raise ValueError(f"unknown keyword {keyword}")
