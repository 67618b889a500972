"""JSON Schema (draft 2020-12) of a rules document, made from the tables the reader uses.

Invariant: whatever the reader takes, the schema takes; the schema is laxer where a rule needs arithmetic or another key
(contradictions, ranges of decimals written as text). Editors use it for completion, with a description and examples at
every key; the reader alone decides.
"""

from __future__ import annotations

from typing import Any

from altyn.core.rules.read.conditions import CONDITION, LEAVES
from altyn.core.rules.read.documents import ASSET, PROMOTION
from altyn.core.rules.read.limits import LIMIT_DOCUMENT
from altyn.core.rules.read.products import PRODUCT_SET
from altyn.core.rules.read.rewards import ACCRUAL_KINDS, KINDS, NOTICE_KINDS, RATE_KINDS
from altyn.core.rules.read.roundings import ROUNDING
from altyn.core.rules.schema_texts import DEFINITIONS, text_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS = ("promotion", "asset", "limit", "rounding")
# Definitions whose keys are definitions again, which speak for themselves.
KINDS_OF = {"condition": tuple(LEAVES), "promotion.reward": tuple(KINDS)}
UNSTAGED = ACCRUAL_KINDS | NOTICE_KINDS | RATE_KINDS
# A promotion of points, messages or multipliers alone needs no stage, which the reader decides by the rewards.
STAGE_OR_UNPRICED = [
    {"required": ["stage"]},
    {"properties": {"reward": {"items": {"anyOf": [{"required": [kind]} for kind in sorted(UNSTAGED)]}}}},
]


def document_schema() -> dict[str, Any]:
    """Schema of one document; a file is a stream or a list of such documents."""
    promotion = PROMOTION.schema()
    promotion["required"] = [name for name in promotion["required"] if name != "stage"]
    definitions = {
        "promotion": promotion,
        "asset": ASSET.schema(),
        "limit": LIMIT_DOCUMENT.schema(),
        "rounding": ROUNDING.schema(),
        "condition": CONDITION.schema(),
        "product_set": PRODUCT_SET.schema(),
        **{name: form.schema() for name, form in LEAVES.items()},
        **{name: form.schema() for name, form in KINDS.items()},
    }
    described = {name: _described(name, schema) for name, schema in definitions.items()}
    described["promotion"]["anyOf"] = STAGE_OR_UNPRICED
    return {
        "$schema": DIALECT,
        "title": "A document of Altyn's rules",
        "description": "What a marketer writes: a promotion, a points currency, a limit, or a rounding.",
        "examples": [DEFINITIONS[name][1] for name in DOCUMENTS],
        "type": "object",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in DOCUMENTS],
        "$defs": described,
    }


def _described(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    description, example = DEFINITIONS[name]
    return {**_with_texts(name, schema), "description": description, "examples": [example]}


def _with_texts(path: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with a description and examples at every key below it."""
    made = dict(schema)
    if "properties" in schema:
        made["properties"] = {key: _key(f"{path}.{key}", path, one) for key, one in schema["properties"].items()}
    if "items" in schema:
        made["items"] = _with_texts(path, schema["items"])
    if "anyOf" in schema:
        made["anyOf"] = [_with_texts(path, one) for one in schema["anyOf"]]
    return made


def _key(path: str, parent: str, schema: dict[str, Any]) -> dict[str, Any]:
    made = _with_texts(path, schema)
    name = path.rpartition(".")[2]
    if name in KINDS_OF.get(parent, ()):
        return made
    found = text_of(path)
    if found is None:
        return made
    description, examples = found
    return {**made, "description": description, "examples": examples}
