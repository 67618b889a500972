"""Trying rules on a sample receipt: the same core, the same facts, nothing kept and nothing booked.

What a line leaves out is taken from the catalogue, as at the till. A release's ruleset is compiled once and kept
while it is asked for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from altyn.admin_api.assets.service import declared_assets
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import problem
from altyn.admin_api.promotions import repository
from altyn.admin_api.promotions.errors import NothingToEvaluate, PromotionUnknown, ReceiptInvalid
from altyn.admin_api.promotions.schemas import EvaluateIn
from altyn.admin_api.promotions.service import invalid, problems_of, read_with_assets
from altyn.admin_api.releases.compiling import Compiler
from altyn.admin_api.releases.repository import find_document, version_in_force
from altyn.core.evaluate import ReceiptError, evaluate
from altyn.core.facts.zones import Zones
from altyn.core.rules.compile import CompileError, compile_ruleset
from altyn.core.rules.definition import DocumentError, load_documents
from altyn.core.rules.promotion import Asset
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.zones import EPOCH, MICROSECOND, ensure_zone

RULESETS_KEPT_MAX = 4
FLAGS = ("no_discount", "no_redeem", "no_accrual", "no_threshold", "marked", "gift", "excise")

_kept: OrderedDict[tuple[str, bytes], Ruleset] = OrderedDict()


async def evaluate_receipt(call: Call, compiler: Compiler, *, asked: EvaluateIn) -> tuple[int, dict[str, Any]]:
    """(rules_version, outcome). Raises DocumentInvalid, PromotionUnknown, NothingToEvaluate, ReceiptInvalid."""
    given = [asked.documents, asked.promotion_ids, asked.rules_version]
    if sum(one is not None for one in given) > 1:
        raise ReceiptInvalid("give one of documents, promotion_ids, rules_version", path="documents")
    if asked.documents is not None:
        version, ruleset = 0, await _compile_documents(call, _documents_in(asked.documents))
    elif asked.promotion_ids is not None:
        version, ruleset = 0, await _compile_documents(call, await _stored(call, asked.promotion_ids))
    else:
        version, ruleset = await _released(call, compiler, asked.rules_version)
    return version, await outcome_of(call, ruleset, asked)


async def outcome_of(call: Call, ruleset: Ruleset, asked: EvaluateIn) -> dict[str, Any]:
    """The receipt under these rules. Raises ReceiptInvalid."""
    store = await _store_of(call, asked)
    receipt = await _with_catalogue(call, asked.receipt)
    customer = None if asked.customer is None else asked.customer.model_dump()
    held = None if customer is None else {"history": customer.pop("history")}
    try:
        at = asked.at or call.now
        clock = wall_clock(store.pop("zone"), at)
        instant_us = (at - EPOCH) // MICROSECOND
        outcome: dict[str, Any] = evaluate(
            ruleset, receipt, store, customer, clock, asked.explain, held, instant_us=instant_us
        )
    except ReceiptError as error:
        found = [problem(error.path, error.code, error.message)]
        raise ReceiptInvalid(str(error), path=error.path, problems=found) from None
    except (TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ReceiptInvalid(f"the receipt has a value of the wrong type: {error}", path="receipt") from None
    return outcome


def wall_clock(zone: str, at: datetime) -> tuple[int, int, int]:
    """A store's wall clock at an aware instant, and the gap near it. ReceiptError: no such zone."""
    zones = Zones()
    try:
        number = ensure_zone(zones, zone)
    except KeyError as error:
        raise ReceiptError("store.zone", "BAD_FORMAT", str(error.args[0])) from None
    clock = zones.wall_clock_at(number, (at - EPOCH) // MICROSECOND)
    return clock.wall_us, clock.gap_from_wall_us, clock.gap_us


def _documents_in(text: str) -> list[dict[str, Any]]:
    try:
        return load_documents(text)
    except DocumentError as error:
        raise invalid(problems_of(error)) from None


async def _stored(call: Call, promotion_ids: Sequence[str]) -> list[dict[str, Any]]:
    found = await repository.documents_of(call.connection, call.tenant, promotion_ids)
    for promotion_id in promotion_ids:
        if promotion_id not in found:
            raise PromotionUnknown(f"no promotion {promotion_id}", path="promotion_ids")
    return [found[promotion_id] for promotion_id in sorted(set(promotion_ids))]


async def _compile_documents(call: Call, documents: Sequence[dict[str, Any]]) -> Ruleset:
    assets = await declared_assets(call.connection, tenant=call.tenant)
    return await asyncio.to_thread(_compile, documents, assets)


def _compile(documents: Sequence[dict[str, Any]], assets: Sequence[Asset]) -> Ruleset:
    try:
        rules = read_with_assets(documents, assets)
        return Ruleset(compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=0))
    except DocumentError as error:
        raise invalid(problems_of(error)) from None
    except CompileError as error:
        raise invalid([problem(error.path, error.code, error.message)]) from None


async def _released(call: Call, compiler: Compiler, version: int | None) -> tuple[int, Ruleset]:
    if version is None:
        version = await version_in_force(call.connection, call.tenant, call.now)
    found = await find_document(call.connection, call.tenant, version) if version else None
    if not version or found is None:
        raise NothingToEvaluate("there is no such release", path="rules_version")
    key = (f"{call.tenant} {version}", found["sha256"])
    if key not in _kept:
        compiled = await compiler.compile(version, found["document"])
        if compiled.problems:
            raise invalid(compiled.problems)
        _kept[key] = Ruleset(compiled.image)
        while len(_kept) > RULESETS_KEPT_MAX:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return version, _kept[key]


async def _store_of(call: Call, asked: EvaluateIn) -> dict[str, Any]:
    """Attributes of the place, from the request or from the facts."""
    if asked.store is not None:
        return asked.store.model_dump()
    store_id = asked.receipt.get("store_id")
    if not isinstance(store_id, str) or not store_id:
        raise ReceiptInvalid("name receipt.store_id, or give store", path="receipt.store_id")
    row = await repository.store_attributes(call.connection, call.tenant, store_id)
    if row is None:
        raise ReceiptInvalid(f"no store {store_id[:64]}", path="receipt.store_id")
    return {name: row[name] for name in ("store_id", "region", "format", "cluster", "zone")}


async def _with_catalogue(call: Call, receipt: dict[str, Any]) -> dict[str, Any]:
    """The receipt with what its lines leave out."""
    lines = receipt.get("lines")
    if not isinstance(lines, list):
        return receipt
    skus = {line["sku"] for line in lines if isinstance(line, dict) and isinstance(line.get("sku"), str)}
    known = await repository.product_attributes(call.connection, call.tenant, sorted(skus))
    return {**receipt, "lines": [_resolved(line, known) for line in lines]}


def _resolved(line: Any, known: dict[str, Any]) -> Any:
    product = (
        known.get(line.get("sku", "")) if isinstance(line, dict) and isinstance(line.get("sku", ""), str) else None
    )
    if product is None:
        return line
    flags = {name: True for bit, name in enumerate(FLAGS) if product["flags"] >> bit & 1}
    taken = {
        name: line.get(name) or product[name] for name in ("group_id", "brand_id", "supplier_id", "min_price_minor")
    }
    own = line.get("flags") or {}
    taken["attributes"] = dict(pair.split("=", 1) for pair in product["attributes"])
    return {**line, **taken, "flags": {**own, **flags} if isinstance(own, dict) else own}
