"""As much of JSON Schema as the contract uses: whether a value fits. An unknown keyword is an error, not a pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
SILENT = {"title", "description", "default", "format", "examples", "x-schema"}
CHECKED = {
    *("$ref", "anyOf", "allOf", "type", "enum", "const", "pattern", "minLength", "maxLength", "items", "minItems"),
    *("maxItems", "properties", "required", "additionalProperties", "propertyNames", "patternProperties"),
    "maxProperties",
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
}


def complaints(value: Any, schema: Any, named: dict[str, Any], at: str = "") -> list[str]:
    """What is wrong with a value, each with its place; ``named`` are the components."""
    return list(_complaints(value, schema, named, at))


def _complaints(value: Any, schema: Any, named: dict[str, Any], at: str) -> Iterator[str]:
    unknown = set(schema) - SILENT - CHECKED
    assert not unknown, f"teach this check the keywords {unknown}"
    if "$ref" in schema:
        yield from _complaints(value, named[schema["$ref"].rpartition("/")[2]], named, at)
    for one in schema.get("allOf", ()):
        yield from _complaints(value, one, named, at)
    if "anyOf" in schema and all(complaints(value, one, named, at) for one in schema["anyOf"]):
        yield f"{at}: {value!r} fits none of the schemas"
    kind = schema.get("type")
    if kind is not None and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{at}: {value!r} is no {kind}"
        return
    if ("enum" in schema and value not in schema["enum"]) or ("const" in schema and value != schema["const"]):
        yield f"{at}: {value!r} is none of the values"
    if isinstance(value, str):
        yield from _of_text(value, schema, at)
    elif isinstance(value, dict):
        yield from _of_object(value, schema, named, at)
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1 << 30):
            yield f"{at}: {len(value)} items"
        for number, one in enumerate(value):
            yield from _complaints(one, schema.get("items", {}), named, f"{at}[{number}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _of_number(value, schema, at)


def _of_text(value: str, schema: Any, at: str) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0):
        yield f"{at}: {value!r} is too short"
    if len(value) > schema.get("maxLength", 1 << 30):
        yield f"{at}: {value!r} is too long"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: {value!r} is not of the pattern"


def _of_number(value: float, schema: Any, at: str) -> Iterator[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if (
        (low is not None and value < low)
        or (high is not None and value > high)
        or (above is not None and value <= above)
        or (below is not None and value >= below)
    ):
        yield f"{at}: {value!r} is out of range"


def _of_object(value: dict[str, Any], schema: Any, named: dict[str, Any], at: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}: {name} is missing"
    if len(value) > schema.get("maxProperties", 1 << 30):
        yield f"{at}: {len(value)} properties"
    rest, patterns = schema.get("additionalProperties", True), schema.get("patternProperties", {})
    for name, one in value.items():
        yield from _complaints(name, schema.get("propertyNames", {}), named, f"{at}.{name}")
        if name in properties:
            yield from _complaints(one, properties[name], named, f"{at}.{name}")
        elif found := [below for pattern, below in patterns.items() if re.search(pattern, name)]:
            yield from _complaints(one, found[0], named, f"{at}.{name}")
        elif rest is False:
            yield f"{at}: {name} is not known"
        elif isinstance(rest, dict):
            yield from _complaints(one, rest, named, f"{at}.{name}")
