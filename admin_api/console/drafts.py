"""The draft a visitor works on: read from a form or from YAML, checked as the JSON calls check it, given an id."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.console.acts import act_on
from altyn.admin_api.console.fields import Typed, read_fields
from altyn.admin_api.console.pages import Visit
from altyn.admin_api.edge.problems import Problem, problem
from altyn.admin_api.promotions import repository
from altyn.admin_api.promotions.service import Checked, check_documents, problems_of
from altyn.core.rules.definition import DocumentError, canonical_json, load_documents

ID_CHARS_MAX = 48
SAME_IDS_MAX = 50
UNNAMED = "new-promotion"
_CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщыэюя"
_LATIN = "a b v g d e e zh z i y k l m n o p r s t u f h c ch sh sch y e yu ya"
LATIN = dict(zip(_CYRILLIC, _LATIN.split(), strict=True)) | {"ъ": "", "ь": ""}


def read_draft(visit: Visit) -> Typed:
    """What was typed, with the button's act carried out; in YAML it is the one document of the text."""
    if visit.field("mode") == "yaml":
        return read_source(visit.field("source").replace("\r\n", "\n"))
    typed = read_fields(visit.fields)
    if act := visit.field("act"):
        act_on(typed.document, act)
    return typed


def read_source(text: str) -> Typed:
    """The one promotion or limit of a text."""
    try:
        documents: list[dict[str, Any]] = load_documents(text)
    except DocumentError as error:
        return Typed({}, list(problems_of(error)))
    if len(documents) != 1 or not {"promotion", "limit"} & set(documents[0]):
        told = "one promotion or limit is needed"
        return Typed({}, [problem("documents", "REQUIRED", told)])
    return Typed(documents[0])


async def check_draft(visit: Visit, typed: Typed) -> Checked:
    """Everything that is wrong with a draft, as the JSON call tells it; an id is not missed yet."""
    if typed.problems:
        return Checked(tuple(typed.problems))
    document = named(typed.document)
    try:
        text = canonical_json([document]).decode()
    except DocumentError as error:
        return Checked(problems_of(error))
    assets = await declared_assets(visit.call.connection, tenant=visit.call.tenant)
    found = await asyncio.to_thread(check_documents, text, assets)
    # There is one document: its id before every place would only be in the way.
    owner = str(document.get("promotion") or document.get("limit")) + ": "
    return replace(
        found, problems=tuple(Problem({**one, "path": one["path"].removeprefix(owner)}) for one in found.problems)
    )


def named(document: dict[str, Any], name: str = UNNAMED) -> dict[str, Any]:
    """The document with an id, its own or the given one; the id stands first."""
    if document.get("promotion") or document.get("limit"):
        return document
    kind = "limit" if "cap" in document or "payment" in document else "promotion"
    return {kind: name, **{key: value for key, value in document.items() if key != kind}}


async def new_id(visit: Visit, document: dict[str, Any]) -> str:
    """An id nobody has, made of the title."""
    title = document.get("title")
    texts = title if isinstance(title, dict) else {}
    stem = slug(str(texts.get("en") or texts.get("ru") or "")) or UNNAMED
    for number in range(1, SAME_IDS_MAX):
        name = stem if number == 1 else f"{stem}-{number}"
        if await repository.find_promotion(visit.call.connection, visit.call.tenant, name) is None:
            return name
    return f"{stem}-{visit.call.now:%y%m%d%H%M%S}"


def slug(text: str) -> str:
    """A title as an id: small Latin letters, digits and hyphens."""
    latin = "".join(LATIN.get(letter, letter) for letter in text.lower())
    return re.sub(r"[^a-z0-9]+", "-", latin)[:ID_CHARS_MAX].strip("-")
