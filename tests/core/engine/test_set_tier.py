"""A tier by hand: until its day, beside what purchases make, once, and told again by the journal alone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from altyn.core.engine import CallRefused, Scope, TierSweep, set_tier
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.snapshot import SnapshotHead, load_snapshot, write_snapshot
from altyn.journal.v1 import record_pb2 as journal
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.tier_world import (
    EPOCH,
    bought,
    day_of,
    given,
    noon,
    replayed,
    returned,
    shown,
    swept,
    tier_world,
    told,
)
from tests.core.engine.transfers import merge
from tests.core.engine.world import World, new_op_id

OPS = Scope("", "", "")


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def asked(tier: str, until: str, **fields: Any) -> ops.SetTierRequest:
    told = {"op_id": new_op_id(), "account_id": 70, "reason": "birthday of the firm", "actor": "anna"} | fields
    return ops.SetTierRequest(tier=tier, until_day=day(until) if until else 0, **told)


def give(world: World, tier: str, until: str, now: str, **fields: Any) -> ops.SetTierResponse:
    request = asked(tier, until, **fields)
    return ops.SetTierResponse.FromString(world.effect(set_tier, request.SerializeToString(), noon(now), OPS))


def proven(world: World) -> None:
    """The journal alone gives the same book."""
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_a_tier_by_hand_holds_to_its_last_day_and_is_told_to_the_till() -> None:
    world = tier_world()
    reply = give(world, "gold", "2026-11-20", "2026-11-18")
    assert (reply.applied, reply.reason, reply.seq) == (True, "", 1)
    assert [told(world, day) for day in ("2026-11-18", "2026-11-20", "2026-11-21")] == ["gold", "gold", ""]
    assert shown(world, "2026-11-20") == ("gold", "2026-11-20", 0, 0, "")
    assert given(world, "2026-11-20") == ("gold", "2026-11-20")
    assert given(world, "2026-11-21") == ("", "")
    record = journal.Record.FromString(world.records[0].body)
    assert record.kind == pos.OPERATION_KIND_SET_TIER
    said = record.request.tier
    assert (said.account_id, said.tier, said.rank, day_of(said.until_day)) == (70, "gold", 5, "2026-11-20")
    assert (said.reason, said.actor) == ("birthday of the firm", "anna")
    proven(world)


def test_the_better_of_the_two_is_the_customers_and_neither_ends_the_other() -> None:
    world = tier_world()
    give(world, "gold", "2026-11-20", "2026-11-18")
    bought(world, 1, 100, "2026-11-19")
    assert shown(world, "2026-11-19") == ("gold", "2026-11-20", 100_00, 0, "silver")
    # What purchases made meanwhile is there when the other is over.
    assert shown(world, "2026-11-21") == ("silver", "2026-12-31", 100_00, 0, "silver")
    proven(world)
    world = tier_world()
    bought(world, 1, 1000, "2026-11-18")
    give(world, "silver", "2027-05-05", "2026-11-18")
    assert shown(world, "2026-12-31") == ("gold", "2026-12-31", 0, 1000_00, "")
    assert shown(world, "2027-01-01") == ("silver", "2027-05-05", 0, 0, "")
    assert told(world, "2027-05-06") == ""
    proven(world)


def test_of_two_alike_the_later_last_day_is_shown() -> None:
    world = tier_world()
    bought(world, 1, 100, "2026-11-18")
    for until, shows in (("2026-12-30", "2026-12-31"), ("2027-01-01", "2027-01-01")):
        give(world, "silver", until, "2026-11-18")
        assert shown(world, "2026-11-18") == ("silver", shows, 100_00, 0, "silver")
    proven(world)


def test_another_takes_its_place_and_none_takes_it_away() -> None:
    world = tier_world()
    give(world, "gold", "2027-11-20", "2026-11-18")
    give(world, "silver", "2026-11-30", "2026-11-18")
    assert given(world, "2026-11-18") == ("silver", "2026-11-30")
    assert give(world, "", "", "2026-11-18").applied
    assert (told(world, "2026-11-18"), shown(world, "2026-11-18")) == ("", None)
    again = give(world, "", "", "2026-11-18")
    assert (again.applied, again.reason) == (False, "TIER_NOT_GIVEN")
    assert len(world.records) == 3
    proven(world)


def test_a_return_lowers_what_is_counted_and_leaves_a_tier_by_hand() -> None:
    world = tier_world()
    bought(world, 1, 100, "2026-11-18")
    give(world, "gold", "2026-11-30", "2026-11-18")
    returned(world, 1, 901, "2026-11-19")
    assert shown(world, "2026-11-19") == ("gold", "2026-11-30", 0, 0, "")
    proven(world)


def test_the_sweep_writes_down_what_is_over_and_forgets_who_has_nothing_else() -> None:
    world = tier_world()
    empty = state_digest(tier_world().engine.book)
    give(world, "gold", "2026-11-20", "2026-11-18")
    assert swept(world, "2026-11-20") == 0
    assert swept(world, "2026-11-21") == 1
    assert TierSweep(world.engine).end_tiers(noon("2026-11-21"), 100) is None
    assert state_digest(world.engine.book) == empty
    proven(world)


def test_what_cannot_be_given_is_declined_and_not_journalled() -> None:
    world = tier_world()
    for tier, until, reason in (
        ("platinum", "2026-11-20", "TIER_UNKNOWN"),
        ("gold", "2026-11-17", "TIER_OVER"),
        ("", "", "TIER_NOT_GIVEN"),
    ):
        reply = give(world, tier, until, "2026-11-18")
        assert (reply.applied, reply.reason, reply.seq) == (False, reason, 0)
    world.engine.facts.tiers.clear()
    assert give(world, "gold", "2026-11-20", "2026-11-18").reason == "TIER_UNKNOWN"
    assert world.records == []


def test_its_day_is_the_programmes_not_that_of_utc() -> None:
    world = tier_world()
    request = asked("gold", "2026-11-18")
    # 21:00 in UTC is midnight of the 19th.
    late_us = noon("2026-11-18") + 12 * 3_600_000_000
    reply = ops.SetTierResponse.FromString(world.effect(set_tier, request.SerializeToString(), late_us, OPS))
    assert reply.reason == "TIER_OVER"
    reply = ops.SetTierResponse.FromString(world.effect(set_tier, request.SerializeToString(), late_us - 1, OPS))
    assert reply.applied


@pytest.mark.parametrize(
    ("wrong", "field", "reason"),
    [
        ({"op_id": b"short"}, "op_id", "BAD_FORMAT"),
        ({"account_id": 0}, "account_id", "OUT_OF_RANGE"),
        ({"tier": "x" * 65}, "tier", "TOO_LARGE"),
        ({"until_day": 0}, "until_day", "OUT_OF_RANGE"),
        ({"until_day": -1}, "until_day", "OUT_OF_RANGE"),
        ({"until_day": 4_000_000}, "until_day", "OUT_OF_RANGE"),
        ({"tier": ""}, "until_day", "OUT_OF_RANGE"),
        ({"reason": ""}, "reason", "FIELD_REQUIRED"),
        ({"reason": "x" * 257}, "reason", "TOO_LARGE"),
        ({"actor": "x" * 65}, "actor", "TOO_LARGE"),
    ],
)
def test_what_is_out_of_range_is_refused_by_its_field(wrong: dict[str, Any], field: str, reason: str) -> None:
    world = tier_world()
    request = asked("gold", "2026-11-20")
    for name, value in wrong.items():
        setattr(request, name, value)
    with pytest.raises(CallRefused) as refused:
        set_tier(world.engine, request.SerializeToString(), OPS, noon("2026-11-18"), None)
    assert (refused.value.field, refused.value.reason) == (field, reason)


def test_sent_again_it_is_given_once_and_with_other_content_not_at_all() -> None:
    world = tier_world()
    request = asked("gold", "2026-11-20")
    first = world.effect(set_tier, request.SerializeToString(), noon("2026-11-18"), OPS)
    # Even when it could not be given any more.
    assert world.effect(set_tier, request.SerializeToString(), noon("2026-12-18"), OPS) == first
    for name, value in (("tier", "silver"), ("account_id", request.account_id + 1)):
        other = ops.SetTierRequest.FromString(request.SerializeToString())
        setattr(other, name, value)
        reply = ops.SetTierResponse.FromString(
            world.effect(set_tier, other.SerializeToString(), noon("2026-11-18"), OPS)
        )
        assert (reply.applied, reply.reason) == (False, "CONTENT_DIFFERS")
    assert (told(world, "2026-11-18"), len(world.records)) == ("gold", 1)


def test_two_customers_who_are_one_have_the_better_tier_by_hand() -> None:
    for mine, other, then in (
        (("gold", "2026-11-20"), ("silver", "2026-12-20"), ("gold", "2026-11-20")),
        (("silver", "2026-11-20"), ("silver", "2026-12-20"), ("silver", "2026-12-20")),
        (("gold", "2026-11-20"), ("", ""), ("gold", "2026-11-20")),
    ):
        world = tier_world()
        give(world, *mine, "2026-11-18", account_id=80)
        if other[0]:
            give(world, *other, "2026-11-18")
        merge(world, 80, 70, clock_us=noon("2026-11-18"))
        assert given(world, "2026-11-18") == then
        # Whoever names the account that is no more means the other.
        assert give(world, "gold", "2027-01-01", "2026-11-18", account_id=80).applied
        assert given(world, "2026-11-18") == ("gold", "2027-01-01")
        proven(world)


def test_a_snapshot_keeps_it() -> None:
    world = tier_world()
    bought(world, 1, 100, "2026-11-18")
    give(world, "gold", "2026-11-30", "2026-11-18")
    engine = world.engine
    head = SnapshotHead(engine.last_seq, 1, engine.last_instant_us, 1, bytes(32))
    _, book, _ = load_snapshot(b"".join(write_snapshot(engine.book, engine.operations, head)))
    assert state_digest(book) == state_digest(engine.book)
