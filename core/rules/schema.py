"""JSON Schema (draft 2020-12) of a rules document, made from the tables the reader uses.

Invariant: whatever the reader takes, the schema takes; the schema is laxer where a rule needs arithmetic or another key
(contradictions, ranges of decimals written as text). Editors use it for completion; the reader alone decides.
"""

from __future__ import annotations

from typing import Any

from altyn.core.rules.read.conditions import CONDITION, LEAVES
from altyn.core.rules.read.documents import ASSET, PROMOTION
from altyn.core.rules.read.limits import LIMIT_DOCUMENT
from altyn.core.rules.read.products import PRODUCT_SET
from altyn.core.rules.read.rewards import KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def document_schema() -> dict[str, Any]:
    """Schema of one document; a file is a stream or a list of such documents."""
    promotion = PROMOTION.schema()
    # A promotion of points or messages alone needs no stage, which the reader decides by the rewards.
    promotion["required"] = [name for name in promotion["required"] if name != "stage"]
    return {
        "$schema": DIALECT,
        "title": "A document of Altyn's rules",
        "type": "object",
        "oneOf": [{"$ref": "#/$defs/promotion"}, {"$ref": "#/$defs/asset"}, {"$ref": "#/$defs/limit"}],
        "$defs": {
            "promotion": promotion,
            "asset": ASSET.schema(),
            "limit": LIMIT_DOCUMENT.schema(),
            "condition": CONDITION.schema(),
            "product_set": PRODUCT_SET.schema(),
            **{name: form.schema() for name, form in LEAVES.items()},
            **{name: form.schema() for name, form in KINDS.items()},
        },
    }
