"""Compiles all promotions into one ruleset image.

Decides the order of evaluation and the layout. Invariants: equal input gives equal bytes, and a promotion's number is
its place in (stage, group priority, group id, priority, id). What one document cannot know is checked here: groups
that agree, ids used once, bases a stage does not have. Must never read a clock, a file or a setting: it runs in
another process.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from altyn.core.rules.gate import SYMBOL_KINDS, Gate, gate_of
from altyn.core.rules.promotion import (
    Amount,
    AmountSpread,
    Asset,
    Expiry,
    GroupMode,
    GroupScope,
    Percent,
    Points,
    Promotion,
    Reward,
    Stage,
)
from altyn.core.rules.rows import ImageError, RowWriter
from altyn.core.rules.symbols import build_table

__all__ = ["CompileError", "compile_ruleset"]

MAGIC = b"ALTYNRUL"
FORMAT = 1
HASHED_FROM = 48
PROMOTIONS_MAX = 262_144
ASSETS_MAX = 64

PROMOTION_ROW = struct.Struct("<5iI2q6i")
RULE_ROW = struct.Struct("<4iqiI4i2q")
GROUP_ROW = struct.Struct("<8i")
ASSET_ROW = struct.Struct("<q4i")
SUMMARY_ROW = struct.Struct("<2q2I2q")
PATH_ROW = struct.Struct("<2i")
SLOT_BYTES = 32

ALLOW_FREE, COST_FLOOR, NAMES_COUPON, LINE_RULES = 1, 2, 4, 8
EXCLUDE_POINTS_PAID, SKIP_IF_PAID_WITH_POINTS = 1, 2
POINTS_PERCENT, POINTS_FIXED = 4, 5
AMOUNT_KINDS = {AmountSpread.UNIT: 1, AmountSpread.LINE: 2, AmountSpread.RECEIPT: 3}


class CompileError(ValueError):
    """Documents that are right one by one and contradict each other. `path` is `promotion-id:place`."""

    def __init__(self, path: str, code: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[CompileError], tuple[str, str, str]]:
        return CompileError, (self.path, self.code, self.message)


@dataclass(frozen=True, slots=True)
class Lane:
    """A group as its members agreed on it."""

    name: str
    stage: Stage
    mode: GroupMode
    scope: GroupScope
    priority: int
    members: tuple[Promotion, ...]


def compile_ruleset(promotions: Iterable[Promotion], assets: Iterable[Asset] = (), *, version: int) -> bytes:
    """One image of all promotions, for `Ruleset`. Raises CompileError for contradictions between documents."""
    lanes = order_lanes(list(promotions))
    known = known_assets(assets, lanes)
    rows = RowWriter()
    asset_numbers = {asset.asset: number for number, asset in enumerate(known)}
    sections: dict[str, list[bytes]] = {name: [] for name in ("promotions", "rules", "groups", "assets")}
    for lane in lanes:
        try:
            write_lane(rows, sections, lane, asset_numbers)
        except ImageError as error:
            raise CompileError(error.path, error.code, error.message) from None
    for asset in known:
        sections["assets"].append(ASSET_ROW.pack(asset.step_points, *rows.text(asset.asset), asset.scale, 0))
    return assemble(rows, sections, known, version)


def order_lanes(promotions: list[Promotion]) -> list[Lane]:
    """Groups in order of evaluation, members in theirs."""
    if len(promotions) > PROMOTIONS_MAX:
        raise CompileError("", "TOO_MANY_PROMOTIONS", f"{len(promotions)} promotions, at most {PROMOTIONS_MAX}")
    seen: set[str] = set()
    grouped: dict[str, list[Promotion]] = {}
    lanes = []
    for promotion in promotions:
        if promotion.promotion_id in seen:
            raise CompileError(f"{promotion.promotion_id}:promotion", "DUPLICATE_ID", "this id is used twice")
        seen.add(promotion.promotion_id)
        if promotion.group is not None:
            grouped.setdefault(promotion.group.name, []).append(promotion)
        else:
            scope = default_scope(promotion.stage)
            lanes.append(
                Lane(
                    promotion.promotion_id,
                    promotion.stage,
                    GroupMode.CASCADE,
                    scope,
                    promotion.priority,
                    (promotion,),
                )
            )
    for lane in lanes:
        if lane.name in grouped:
            message = "this promotion has no group and another promotion's group has its id as name"
            raise CompileError(f"{lane.name}:promotion", "GROUP_NAME_TAKEN", message)
    lanes.extend(agree(name, members) for name, members in grouped.items())
    lanes.sort(key=lambda lane: (lane.stage, lane.priority, lane.name.encode()))
    return lanes


def default_scope(stage: Stage) -> GroupScope:
    return GroupScope.LINE if stage == Stage.ACCRUAL else GroupScope.RECEIPT


def agree(name: str, members: list[Promotion]) -> Lane:
    """What the members of a group declare together; raises CompileError where they contradict one another."""
    members = sorted(members, key=lambda promotion: (promotion.priority, promotion.promotion_id.encode()))
    first = members[0]
    declared: dict[str, int | None] = {"mode": None, "scope": None, "priority": None}
    said_by: dict[str, str] = {}
    for promotion in members:
        if promotion.stage != first.stage:
            message = f"group {name}: stage {promotion.stage.name.lower()}, but {first.promotion_id} has another"
            raise CompileError(f"{promotion.promotion_id}:stage", "GROUP_DISAGREES", message)
        for key in declared:
            value = getattr(promotion.group, key)
            if value is None:
                continue
            if declared[key] is None:
                declared[key], said_by[key] = value, promotion.promotion_id
            elif declared[key] != value:
                message = f"group {name}: {key} {spell(value)}, but {said_by[key]} says {spell(declared[key])}"
                raise CompileError(f"{promotion.promotion_id}:group.{key}", "GROUP_DISAGREES", message)
    mode = GroupMode.CASCADE if declared["mode"] is None else GroupMode(declared["mode"])
    scope = default_scope(first.stage) if declared["scope"] is None else GroupScope(declared["scope"])
    smallest = min(promotion.priority for promotion in members)
    priority = smallest if declared["priority"] is None else declared["priority"]
    return Lane(name, first.stage, mode, scope, priority, tuple(members))


def spell(value: object) -> str:
    return value.name if isinstance(value, GroupMode | GroupScope) else str(value)


def known_assets(assets: Iterable[Asset], lanes: list[Lane]) -> list[Asset]:
    """Declared assets and those that rules name, by id."""
    known: dict[str, Asset] = {}
    for asset in assets:
        if asset.asset in known:
            raise CompileError(f"{asset.asset}:asset", "DUPLICATE_ID", "this asset is declared twice")
        known[asset.asset] = asset
    for lane in lanes:
        for promotion in lane.members:
            for reward in promotion.rewards:
                if isinstance(reward, Points) and reward.asset not in known:
                    known[reward.asset] = Asset(reward.asset, {})
    if len(known) > ASSETS_MAX:
        raise CompileError("", "TOO_MANY_ASSETS", f"{len(known)} assets, at most {ASSETS_MAX}")
    return sorted(known.values(), key=lambda asset: asset.asset.encode())


def write_lane(rows: RowWriter, sections: Mapping[str, list[bytes]], lane: Lane, assets: Mapping[str, int]) -> None:
    promotions, rules = sections["promotions"], sections["rules"]
    group_number = len(sections["groups"])
    begin = len(promotions)
    for promotion in lane.members:
        rows.owner = promotion.promotion_id
        rows.accrual = promotion.stage == Stage.ACCRUAL
        number, rules_begin = len(promotions), len(rules)
        condition = -1 if promotion.when is None else rows.condition(promotion.when)
        for reward_no, reward in enumerate(promotion.rewards):
            rules.append(rule_row(rows, reward, number, reward_no, assets))
        floor = promotion.floor
        promotions.append(
            PROMOTION_ROW.pack(
                group_number,
                rules_begin,
                len(rules),
                condition,
                promotion.stage,
                promotion_flags(rows, promotion),
                -1 if floor.price_minor is None else floor.price_minor,
                -1 if floor.rate_ppm is None else floor.rate_ppm,
                *rows.text(promotion.promotion_id),
                promotion.priority,
                0,
                0,
                0,
            )
        )
        add_gate(rows, gate_of(promotion), number)
    sections["groups"].append(
        GROUP_ROW.pack(lane.mode, lane.scope, lane.stage, lane.priority, begin, len(promotions), *rows.text(lane.name))
    )


def promotion_flags(rows: RowWriter, promotion: Promotion) -> int:
    flags = (ALLOW_FREE if promotion.allow_free else 0) | (COST_FLOOR if promotion.cost_floor else 0)
    if rows.names_coupon:
        flags |= NAMES_COUPON
        rows.names_coupon = False
    line_rules = all(
        isinstance(reward, Percent)
        or (isinstance(reward, Amount) and reward.spread != AmountSpread.RECEIPT)
        or (isinstance(reward, Points) and reward.rate_ppm is not None)
        for reward in promotion.rewards
    )
    return flags | (LINE_RULES if line_rules else 0)


def rule_row(rows: RowWriter, reward: Reward, promotion: int, reward_no: int, assets: Mapping[str, int]) -> bytes:
    if isinstance(reward, Points) != rows.accrual:
        message = "points belong to stage accrual, discounts to the others"
        raise ImageError(f"{rows.owner}:{reward.path}", "REWARD_IN_WRONG_STAGE", message)
    targets, path = rows.products(reward.of), rows.path(reward.path)
    if not isinstance(reward, Points):
        if isinstance(reward, Percent):
            kind, value = 0, reward.rate_ppm
        else:
            kind, value = AMOUNT_KINDS[reward.spread], reward.off_minor
        return RULE_ROW.pack(promotion, kind, targets, reward_no, value, -1, 0, 0, 0, 0, path, 0, 0)
    if reward.rate_ppm is not None:
        kind, value = POINTS_PERCENT, reward.rate_ppm
    else:
        kind, value = POINTS_FIXED, reward.fixed_points or 0
    flags = (EXCLUDE_POINTS_PAID if reward.exclude_points_paid else 0) | (
        SKIP_IF_PAID_WITH_POINTS if reward.skip_if_paid_with_points else 0
    )
    expiry, expiry_value = expiry_of(reward.expiry)
    return RULE_ROW.pack(
        promotion,
        kind,
        targets,
        reward_no,
        value,
        assets[reward.asset],
        flags,
        reward.active_after_days,
        expiry,
        expiry_value,
        path,
        0,
        0,
    )


def expiry_of(expiry: Expiry) -> tuple[int, int]:
    if expiry.days is not None:
        return 1, expiry.days
    if expiry.date is not None:
        return 2, expiry.date
    if expiry.end_of_month is not None:
        return 3, expiry.end_of_month
    return 0, 0


def add_gate(rows: RowWriter, gate: Gate | None, promotion: int) -> None:
    if gate is None:
        rows.always.append(promotion)
        return
    for kind, text in gate.keys:
        symbol = rows.symbol(kind, text)
        rows.postings.setdefault(symbol, []).append(promotion)


def assemble(rows: RowWriter, sections: Mapping[str, list[bytes]], assets: list[Asset], version: int) -> bytes:
    """Header, table, sections, hash."""
    postings = list(rows.always)
    symbols: list[tuple[int, bytes, int, int, int]] = []
    kinds = 0
    for (kind, text), symbol in rows.symbols.items():
        begin = len(postings)
        postings.extend(rows.postings.get(symbol, ()))
        symbols.append((kind, text, rows.text(text)[0] if len(text) > 14 else 0, begin, len(postings)))
        kinds |= 1 << kind
    slots, filter_bits = build_table(symbols)
    summary = SUMMARY_ROW.pack(
        0, len(rows.always), kinds, rows.bases, len(slots) // SLOT_BYTES - 1, len(filter_bits) * 8 - 1
    )
    read_set = json.dumps(read_set_of(rows, assets), sort_keys=True, separators=(",", ":")).encode()
    body = [
        (summary, 1),
        (bytes(rows.texts), len(rows.texts)),
        (b"".join(PATH_ROW.pack(*place) for place in rows.path_places), len(rows.path_places)),
        *((b"".join(sections[name]), len(sections[name])) for name in ("promotions", "rules", "groups")),
        (b"".join(rows.conditions), len(rows.conditions)),
        (b"".join(rows.sets), len(rows.sets)),
        (struct.pack(f"<{len(rows.lists)}i", *rows.lists), len(rows.lists)),
        (b"".join(rows.schedules), len(rows.schedules)),
        (slots, len(slots) // SLOT_BYTES),
        (filter_bits, len(filter_bits) // 8),
        (struct.pack(f"<{len(postings)}i", *postings), len(postings)),
        (b"".join(sections["assets"]), len(sections["assets"])),
        (read_set, len(read_set)),
    ]
    table, parts = [], []
    place = HASHED_FROM + 16 + 16 * len(body)
    place += -place % 64
    start = place
    for data, count in body:
        padded = data + bytes(-len(data) % 64)
        table.append(struct.pack("<2q", place, count))
        parts.append(padded)
        place += len(padded)
    header = struct.pack("<2q", version, place) + b"".join(table)
    header += bytes(start - HASHED_FROM - len(header))
    hashed = b"".join([header, *parts])
    return MAGIC + struct.pack("<2I", FORMAT, 0) + hashlib.sha256(hashed).digest() + hashed


def read_set_of(rows: RowWriter, assets: list[Asset]) -> dict[str, list[str]]:
    """Which facts beside the receipt a decision of these rules may read."""
    by_kind: dict[int, list[str]] = {}
    for kind, text in rows.symbols:
        by_kind.setdefault(kind, []).append(text.decode())
    names = ("customer.card_type", "customer.id", "customer.segment")
    customer = [name.split(".")[1] for name in names if SYMBOL_KINDS[name] in by_kind]
    if rows.reads_card:
        customer.append("has_card")
    bases = ("GROSS", "STAGE_ENTRY", "RUNNING", "NET")
    return {
        "assets": [asset.asset for asset in assets],
        "bases": [name for bit, name in enumerate(bases) if rows.bases >> bit & 1],
        "customer": sorted(customer),
        "segments": sorted(by_kind.get(SYMBOL_KINDS["customer.segment"], [])),
        "store": [
            name.split(".")[1] for name, kind in SYMBOL_KINDS.items() if name.startswith("store.") and kind in by_kind
        ],
    }
