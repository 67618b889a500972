"""Documents → the values of `promotion`: the front door of reading.

A document that is read means the same for ever; what cannot be read is refused with every problem at once, each
with its exact path, a stable code and a way to mend it. Pure: no IO, no clock. Numbers pass from text to integers;
there is no float on the way. What needs several promotions together (groups that agree) is checked by `compile`,
except ids, which must be unique here. Never raises anything but DocumentError, whatever is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from altyn.core.rules.promotion import Asset, Limit, Promotion, Rounding
from altyn.core.rules.read.documents import ASSET, PROMOTION
from altyn.core.rules.read.forms import Form
from altyn.core.rules.read.limits import LIMIT_DOCUMENT
from altyn.core.rules.read.problems import Code, DocumentError, Problem, Reading, meant, shown
from altyn.core.rules.read.roundings import ROUNDING
from altyn.core.rules.read.shared import SCALE_MAX
from altyn.core.rules.read.source import DOCUMENTS_BYTES_MAX, canonical_json, dump_documents, load_documents
from altyn.core.rules.read.written import default_document

__all__ = [
    "DOCUMENTS_BYTES_MAX",
    "DOCUMENTS_MAX",
    "Code",
    "DocumentError",
    "Problem",
    "Rules",
    "canonical_json",
    "default_document",
    "default_documents",
    "dump_documents",
    "load_documents",
    "read_documents",
]

DOCUMENTS_MAX = 200_000
KINDS = ("promotion", "asset", "limit", "rounding")

Numbered = tuple[int, dict[object, object]]
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a set of documents means, in their order. Ids are unique; assets no document declares are not listed."""

    promotions: tuple[Promotion, ...]
    assets: tuple[Asset, ...]
    limits: tuple[Limit, ...] = ()
    roundings: tuple[Rounding, ...] = ()


def default_documents(rules: Rules) -> list[dict[str, Any]]:
    """Documents of all assets, limits, roundings and promotions, defaults written out; they read as equal rules."""
    values: list[Promotion | Asset | Limit | Rounding] = [
        *rules.assets,
        *rules.limits,
        *rules.roundings,
        *rules.promotions,
    ]
    return [default_document(value, rules.assets) for value in values]


def read_documents(documents: Sequence[object]) -> Rules:
    """Read plain documents, as `load_documents` gives them.

    Raises DocumentError with all problems: of assets, then of limits, roundings and promotions.
    """
    reading = Reading()
    if not isinstance(documents, list | tuple):
        reading.add("documents", Code.WRONG_TYPE, f"a list of documents is needed, not {shown(documents)!r}")
        reading.raise_found()
    if len(documents) > DOCUMENTS_MAX:
        reading.add("documents", Code.TOO_LARGE, f"{len(documents)} documents; at most {DOCUMENTS_MAX}")
        reading.raise_found()
    by_kind = _sorted_by_kind(documents, reading)
    assets = _read_assets(by_kind["asset"], reading)
    # An asset that is declared and cannot be read must not cause problems elsewhere: its scale is taken as the finest.
    reading.scales = {shown(d["asset"]): SCALE_MAX for _, d in by_kind["asset"]} | {a.asset: a.scale for a in assets}
    limits = _read_unique("limit", LIMIT_DOCUMENT, by_kind["limit"], reading)
    roundings = _read_unique("rounding", ROUNDING, by_kind["rounding"], reading)
    promotions = _read_unique("promotion", PROMOTION, by_kind["promotion"], reading)
    reading.raise_found()
    return Rules(promotions, assets, limits, roundings)


def _sorted_by_kind(documents: Sequence[object], reading: Reading) -> dict[str, list[Numbered]]:
    """Documents with their numbers, by the key that tells their kind."""
    found: dict[str, list[Numbered]] = {kind: [] for kind in KINDS}
    for number, document in enumerate(documents):
        reading.where = f"document[{number}]"
        if not isinstance(document, dict):
            reading.add("", Code.WRONG_TYPE, f"a document is a mapping, not {shown(document)!r}")
        elif kind := next((kind for kind in KINDS if kind in document), None):
            found[kind].append((number, document))
        elif document:
            first = shown(next(iter(document)))
            reading.add("", Code.REQUIRED, meant(first, KINDS, f'"{first}" is no kind of document'))
        else:
            reading.add("", Code.EMPTY, "the document is empty: remove it")
    return found


def _read_assets(documents: list[Numbered], reading: Reading) -> tuple[Asset, ...]:
    made: dict[str, Asset] = {}
    for number, document in documents:
        reading.where = _where(number, document, "asset")
        reading.scales = {}
        asset = ASSET.read(document, "", reading)
        if asset is not None and made.setdefault(asset.asset, asset) is not asset:
            reading.add("asset", Code.DUPLICATE_ID, f'asset "{asset.asset}" is declared twice: keep one document')
    return tuple(made.values())


def _read_unique(kind: str, form: Form[Made], documents: list[Numbered], reading: Reading) -> tuple[Made, ...]:
    """Documents of one kind, each id once."""
    made: list[Made] = []
    seen: set[str] = set()
    for number, document in documents:
        reading.where = _where(number, document, kind)
        one = form.read(document, "", reading)
        name = document[kind]
        if isinstance(name, str) and name in seen:
            reading.add(kind, Code.DUPLICATE_ID, f'{kind} "{shown(name)}" is written twice: ids are unique')
        if isinstance(name, str):
            seen.add(name)
        if one is not None:
            made.append(one)
    return tuple(made)


def _where(number: int, document: dict[object, object], kind: str) -> str:
    name = document[kind]
    return shown(name) if isinstance(name, str) and name else f"document[{number}]"
