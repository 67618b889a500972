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

from altyn.core.rules.accumulations import accumulation_named
from altyn.core.rules.condition import Balance
from altyn.core.rules.gate import FAVOURITES, SYMBOL_KINDS, Gate, gate_of
from altyn.core.rules.promotion import AppliedReward, Asset, Limit, Notice, Points, Promotion, Rounding
from altyn.core.rules.rates import Factor, MultiplyError, factors_of
from altyn.core.rules.read.conditions import walk
from altyn.core.rules.rows import ONE, ImageError, RowWriter
from altyn.core.rules.rule_rows import READS_BIRTHDAY, RuleWriter
from altyn.core.rules.symbols import build_table
from altyn.core.rules.words import GroupMode, GroupScope, Stage

__all__ = ["CompileError", "compile_accumulations", "compile_ruleset"]

MAGIC = b"ALTYNRUL"
FORMAT = 6
HASHED_FROM = 48
PROMOTIONS_MAX = 262_144
ASSETS_MAX = 64
CAPS_MAX = 64
PAYMENTS_MAX = 256
ROUNDINGS_MAX = 256
ACCUMULATIONS_MAX = 1_024

PROMOTION_ROW = struct.Struct("<5iI2q6i")
GROUP_ROW = struct.Struct("<8i")
ASSET_ROW = struct.Struct("<q4i")
SUMMARY_ROW = struct.Struct("<2q2I2q2I")
PATH_ROW = struct.Struct("<2i")
SLOT_BYTES = 32


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


def compile_ruleset(
    promotions: Iterable[Promotion],
    assets: Iterable[Asset] = (),
    limits: Iterable[Limit] = (),
    roundings: Iterable[Rounding] = (),
    *,
    version: int,
) -> bytes:
    """One image of all documents, for `Ruleset`. Raises CompileError for contradictions between documents."""
    lanes = order_lanes(list(promotions))
    ordered = order_limits(limits)
    known = known_assets(assets, lanes, ordered)
    rows = RowWriter({asset.asset: number for number, asset in enumerate(known)})
    writer = RuleWriter(rows)
    sections: dict[str, list[bytes]] = {name: [] for name in ("promotions", "groups", "assets")}
    try:
        factors = factors_of([promotion for lane in lanes for promotion in lane.members])
        for lane in lanes:
            write_lane(rows, writer, sections, lane, factors)
        write_limits(rows, writer, ordered, {asset.asset: asset for asset in known})
        write_roundings(rows, writer, roundings)
    except (ImageError, MultiplyError) as error:
        raise CompileError(error.path, error.code, error.message) from None
    check_history(rows, lanes)
    for asset in known:
        sections["assets"].append(ASSET_ROW.pack(asset.step_points, *rows.text(asset.asset), asset.scale, 0))
    return assemble(rows, writer, sections, read_set_of(rows, writer, known, lanes, ordered), version)


def compile_accumulations(names: Iterable[str]) -> bytes:
    """An image that measures these accumulations, in this order, and has no rules. ValueError: a name is none."""
    rows = RowWriter({})
    writer = RuleWriter(rows)
    try:
        for name in names:
            rows.accumulation(accumulation_named(name))
    except ImageError as error:
        raise CompileError(error.path, error.code, error.message) from None
    sections: dict[str, list[bytes]] = {name: [] for name in ("promotions", "groups", "assets")}
    return assemble(rows, writer, sections, read_set_of(rows, writer, [], [], []), 0)


def order_limits(limits: Iterable[Limit]) -> list[Limit]:
    """By (priority, id); ids differ, and there are no more than a calculation can walk."""
    ordered = sorted(limits, key=lambda limit: (limit.priority, limit.limit_id.encode()))
    seen: set[str] = set()
    for limit in ordered:
        if limit.limit_id in seen:
            raise CompileError(f"{limit.limit_id}:limit", "DUPLICATE_ID", "this id is used twice")
        seen.add(limit.limit_id)
    caps = sum(limit.cap is not None for limit in ordered)
    payments = sum(len(limit.payment) for limit in ordered)
    if caps > CAPS_MAX or payments > PAYMENTS_MAX:
        message = f"{caps} caps and {payments} payment rules, at most {CAPS_MAX} and {PAYMENTS_MAX}"
        raise CompileError("", "TOO_MANY_LIMITS", message)
    return ordered


def write_limits(rows: RowWriter, writer: RuleWriter, limits: list[Limit], assets: Mapping[str, Asset]) -> None:
    rows.knows_net = False
    for limit in limits:
        rows.owner = limit.limit_id
        if limit.cap is not None:
            writer.cap(limit.limit_id, limit.cap)
        for place, rule in enumerate(limit.payment):
            writer.payment(limit.limit_id, place, rule, assets[rule.asset])


def write_roundings(rows: RowWriter, writer: RuleWriter, roundings: Iterable[Rounding]) -> None:
    """In order of (priority, id), the order in which stage 10 asks them."""
    ordered = sorted(roundings, key=lambda one: (one.priority, one.rounding_id.encode()))
    if len(ordered) > ROUNDINGS_MAX:
        raise CompileError("", "TOO_MANY_ROUNDINGS", f"{len(ordered)} roundings, at most {ROUNDINGS_MAX}")
    seen: set[str] = set()
    for rounding in ordered:
        rows.owner = rounding.rounding_id
        if rounding.rounding_id in seen:
            raise CompileError(f"{rounding.rounding_id}:rounding", "DUPLICATE_ID", "this id is used twice")
        seen.add(rounding.rounding_id)
        writer.rounding(rounding)


def check_history(rows: RowWriter, lanes: list[Lane]) -> None:
    """Promotions whose first use is asked for are of these documents; no customer has more numbers than can be kept."""
    known = {promotion.promotion_id for lane in lanes for promotion in lane.members}
    for path, promotion_id in rows.first_uses:
        if promotion_id not in known:
            message = f"there is no promotion {promotion_id}: name one of this release, or this"
            raise CompileError(path, "UNKNOWN_PROMOTION", message)
    if len(rows.accumulations) > ACCUMULATIONS_MAX:
        message = (
            f"conditions ask for {len(rows.accumulations)} numbers of earlier purchases, at most {ACCUMULATIONS_MAX}"
        )
        raise CompileError("", "TOO_MANY_ACCUMULATIONS", message)


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
    if mode not in known_modes(first.stage):
        modes = ", ".join(known.name for known in known_modes(first.stage))
        message = f"group {name}: stage {first.stage.name.lower()} knows the modes {modes}, not {mode.name}"
        raise CompileError(f"{said_by['mode']}:group.mode", "GROUP_MODE_NOT_ALLOWED", message)
    scope = default_scope(first.stage) if declared["scope"] is None else GroupScope(declared["scope"])
    if first.stage != Stage.ACCRUAL and mode is not GroupMode.BEST:
        scope = GroupScope.RECEIPT
    if mode is GroupMode.OPTIMAL:
        check_optimal(name, members)
    smallest = min(promotion.priority for promotion in members)
    priority = smallest if declared["priority"] is None else declared["priority"]
    return Lane(name, first.stage, mode, scope, priority, tuple(members))


def known_modes(stage: Stage) -> tuple[GroupMode, ...]:
    """Messages have no amounts that could compete, and points no buyer who would want the least."""
    if stage == Stage.MESSAGE:
        return (GroupMode.CASCADE,)
    unknown = {GroupMode.MIN} if stage == Stage.ACCRUAL else set()
    unknown |= {GroupMode.OPTIMAL} if stage != Stage.SET else set()
    return tuple(mode for mode in GroupMode if mode not in unknown)


def check_optimal(name: str, members: Iterable[Promotion]) -> None:
    """Members of an OPTIMAL group are applied so and so often: one set reward each that is made of applications."""
    for promotion in members:
        giving = [reward for reward in promotion.rewards if not isinstance(reward, Notice)]
        if len(giving) != 1 or not isinstance(giving[0], AppliedReward):
            path = giving[1].path if len(giving) > 1 else giving[0].path if giving else "reward"
            message = f"group {name}: in mode OPTIMAL a promotion has one of multi_buy, bundle, buy_get and no more"
            raise CompileError(f"{promotion.promotion_id}:{path}", "REWARD_NOT_OPTIMAL", message)


def spell(value: object) -> str:
    return value.name if isinstance(value, GroupMode | GroupScope) else str(value)


def known_assets(assets: Iterable[Asset], lanes: list[Lane], limits: list[Limit]) -> list[Asset]:
    """Declared assets and those that rules name, by id."""
    known: dict[str, Asset] = {}
    for asset in assets:
        if asset.asset in known:
            raise CompileError(f"{asset.asset}:asset", "DUPLICATE_ID", "this asset is declared twice")
        known[asset.asset] = asset
    rewards = (reward for lane in lanes for promotion in lane.members for reward in promotion.rewards)
    named = [reward.asset for reward in rewards if isinstance(reward, Points)]
    named += [rule.asset for limit in limits for rule in limit.payment]
    for lane in lanes:
        for promotion in lane.members:
            for when in promotion.conditions:
                named += [one.asset for one in walk(when) if isinstance(one, Balance)]
    for name in named:
        known.setdefault(name, Asset(name, {}))
    if len(known) > ASSETS_MAX:
        raise CompileError("", "TOO_MANY_ASSETS", f"{len(known)} assets, at most {ASSETS_MAX}")
    return sorted(known.values(), key=lambda asset: asset.asset.encode())


def write_lane(
    rows: RowWriter,
    writer: RuleWriter,
    sections: Mapping[str, list[bytes]],
    lane: Lane,
    factors: Mapping[str, list[Factor]],
) -> None:
    promotions = sections["promotions"]
    begin = len(promotions)
    for promotion in lane.members:
        rows.owner = promotion.promotion_id
        rows.knows_net = promotion.stage in (Stage.ACCRUAL, Stage.MESSAGE)
        number, rules_begin = len(promotions), len(writer.rules)
        # That of a promotion of stage rate stands with the promotions it multiplies, at whose turns it is tested.
        is_rate = promotion.stage is Stage.RATE
        condition = -1 if promotion.when is None or is_rate else rows.condition(promotion.when)
        others = factors.get(promotion.promotion_id, ())
        writer.multipliers_of(promotion, others)
        for reward_no, reward in enumerate(promotion.rewards):
            writer.rule(reward, number, reward_no, promotion.stage)
        floor = promotion.floor
        promotions.append(
            PROMOTION_ROW.pack(
                len(sections["groups"]),
                rules_begin,
                len(writer.rules),
                condition,
                promotion.stage,
                writer.promotion_flags(promotion),
                -1 if floor.price_minor is None else floor.price_minor,
                -1 if floor.rate_ppm is None else floor.rate_ppm,
                *rows.text(promotion.promotion_id),
                promotion.priority,
                *writer.limits_of(promotion, number),
                writer.speech_of(promotion),
            )
        )
        if not is_rate:
            others_when = [one.owner.when for one in others if one.owner.when is not None]
            add_gate(rows, gate_of(promotion, others_when), number)
    sections["groups"].append(
        GROUP_ROW.pack(lane.mode, lane.scope, lane.stage, lane.priority, begin, len(promotions), *rows.text(lane.name))
    )


def add_gate(rows: RowWriter, gate: Gate | None, promotion: int) -> None:
    if gate is None:
        rows.always.append(promotion)
        return
    for kind, text in gate.keys:
        symbol = rows.symbol(kind, text)
        rows.postings.setdefault(symbol, []).append(promotion)


def assemble(
    rows: RowWriter,
    writer: RuleWriter,
    sections: Mapping[str, list[bytes]],
    read_set: Mapping[str, list[str]],
    version: int,
) -> bytes:
    """Header, table, sections, hash."""
    postings = list(rows.always)
    symbols: list[tuple[int, bytes, int, int, int]] = []
    kinds = 0
    for (kind, text), symbol in rows.symbols.items():
        gated = rows.postings.get(symbol, [])
        place = (gated[0], ONE) if len(gated) == 1 else (len(postings), len(postings) + len(gated))
        if len(gated) > 1:
            postings.extend(gated)
        symbols.append((kind, text, rows.text(text)[0] if len(text) > 14 else 0, *place))
        kinds |= 1 << kind
    slots, filter_bits = build_table(symbols)
    summary = SUMMARY_ROW.pack(
        0,
        len(rows.always),
        kinds,
        rows.bases,
        len(slots) // SLOT_BYTES - 1,
        len(filter_bits) // 8 - 1,
        writer.flags,
        writer.kinds,
    )
    facts = json.dumps(read_set, sort_keys=True, separators=(",", ":")).encode()
    body = [
        (summary, 1),
        (bytes(rows.texts), len(rows.texts)),
        (b"".join(PATH_ROW.pack(*place) for place in rows.path_places), len(rows.path_places)),
        joined(sections["promotions"]),
        joined(writer.rules),
        joined(sections["groups"]),
        joined(rows.conditions),
        joined(rows.sets),
        (struct.pack(f"<{len(rows.lists)}i", *rows.lists), len(rows.lists)),
        joined(rows.schedules),
        (slots, len(slots) // SLOT_BYTES),
        (filter_bits, len(filter_bits) // 8),
        (struct.pack(f"<{len(postings)}i", *postings), len(postings)),
        joined(sections["assets"]),
        (facts, len(facts)),
        joined(writer.set_rewards),
        joined(writer.parts),
        (struct.pack(f"<{len(writer.numbers)}q", *writer.numbers), len(writer.numbers)),
        joined(writer.tiers),
        joined(writer.limits),
        joined(writer.caps),
        joined(writer.payments),
        joined(writer.speeches),
        joined(writer.messages),
        joined(writer.translations),
        joined(writer.issues),
        joined(writer.roundings),
        joined(writer.multipliers),
        joined(rows.accumulations),
        joined(writer.gifts),
    ]
    return sealed(body, version)


def joined(rows: list[bytes]) -> tuple[bytes, int]:
    return b"".join(rows), len(rows)


def sealed(body: list[tuple[bytes, int]], version: int) -> bytes:
    """Sections (bytes, rows) behind header and hash, each at a multiple of 64."""
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


def read_set_of(
    rows: RowWriter, writer: RuleWriter, assets: list[Asset], lanes: list[Lane], limits: list[Limit]
) -> dict[str, list[str]]:
    """Which facts beside the receipt a decision of these rules may read."""
    by_kind: dict[int, list[str]] = {}
    for kind, text in rows.symbols:
        by_kind.setdefault(kind, []).append(text.decode())
    names = ("customer.card_type", "customer.id", "customer.segment", "customer.tier", "customer.tier_from")
    customer = [name.split(".")[1] for name in names if SYMBOL_KINDS[name] in by_kind]
    if rows.reads_card:
        customer.append("has_card")
    if writer.flags & READS_BIRTHDAY:
        customer.append("birthday")
    attributes = by_kind.get(SYMBOL_KINDS["attribute"], [])
    if FAVOURITES in attributes:
        customer.append("favourites")
    bases = ("GROSS", "STAGE_ENTRY", "RUNNING", "NET")
    limited = [promotion.promotion_id for lane in lanes for promotion in lane.members if promotion.limits]
    return {
        "accumulations": list(rows.accumulation_numbers),
        "assets": [asset.asset for asset in assets],
        "attributes": sorted({text.partition("=")[0] for text in attributes if text != FAVOURITES}),
        "balance": sorted(rows.balances),
        "bases": [name for bit, name in enumerate(bases) if rows.bases >> bit & 1],
        "customer": sorted(customer),
        "grants": sorted(by_kind.get(SYMBOL_KINDS["grant"], [])),
        "limits": sorted(limited),
        "payment": sorted({rule.asset for limit in limits for rule in limit.payment}),
        "segments": sorted(by_kind.get(SYMBOL_KINDS["customer.segment"], [])),
        "series": sorted(by_kind.get(SYMBOL_KINDS["coupon_series"], [])),
        "store": [
            name.split(".")[1] for name, kind in SYMBOL_KINDS.items() if name.startswith("store.") and kind in by_kind
        ],
    }
