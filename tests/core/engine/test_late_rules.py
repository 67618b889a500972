"""Which release an offline receipt is judged by, when many were published since it was sold."""

from __future__ import annotations

from altyn.core.engine import Answer, RulesWanted, calculate_receipt, commit_receipt
from altyn.core.rules.ruleset import Ruleset
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.core.engine.world import DOCUMENT_SHA256, NOW_US, SCOPE, World, basket, commit, image, new_world

HOUR_US = 3_600_000_000
UNKNOWN = 24  # RULES_VERSION_UNKNOWN
KEPT = 8
NEVER_US = (1 << 63) - 1


def publish(world: World, version: int, effective_at_us: int, follows: int | None = None) -> None:
    world.engine.take_ruleset(Ruleset(rules(version)), DOCUMENT_SHA256, effective_at_us, False, follows)


def rules(version: int) -> bytes:
    """A release that takes `version` per cent off bread."""
    percent = f"{{percent: {{rate: {version}, of: {{category: bread}}}}}}"
    return image(f"promotion: p\nstage: item\nreward: [{percent}]", version=version)


def sold(hours_ago: int, number: int) -> bytes:
    at_us = NOW_US - hours_ago * HOUR_US
    return commit(basket(number, local_time_us=at_us, mode=receipt_pb2.MODE_OFFLINE), number)


def ask(world: World, hours_ago: int, number: int = 1) -> Answer | RulesWanted:
    answer = commit_receipt(world.engine, sold(hours_ago, number), SCOPE, NOW_US, None)
    assert isinstance(answer, Answer | RulesWanted)
    return answer


def judged(world: World, hours_ago: int, number: int = 1) -> tuple[int, bool]:
    """The version it was judged by, and whether that was a guess."""
    answer = ask(world, hours_ago, number)
    assert isinstance(answer, Answer)
    outcome = pos.CommitReceiptResponse.FromString(answer.reply).outcome
    return outcome.rules_version, UNKNOWN in [flag for flag in outcome.flags]


def bring(world: World, version: int, begin_hours_ago: int, end_hours_ago: int) -> None:
    ruleset = Ruleset(rules(version))
    begin, end = NOW_US - begin_hours_ago * HOUR_US, NOW_US - end_hours_ago * HOUR_US
    world.engine.take_past_ruleset(ruleset, DOCUMENT_SHA256, begin, end)


def hourly(count: int) -> World:
    """Releases 2 to count + 1; the last came now, each other an hour before the next. Release 1 was always there."""
    world = new_world()
    for version in range(2, count + 2):
        publish(world, version, NOW_US - (count + 1 - version) * HOUR_US)
    return world


def test_receipt_of_a_time_whose_release_is_held_is_judged_by_it_without_asking() -> None:
    world = hourly(5)
    assert [judged(world, hours, 1 + hours) for hours in range(6)] == [(6 - hours, False) for hours in range(6)]


def test_receipt_older_than_the_releases_held_asks_for_them_and_changes_nothing() -> None:
    world = hourly(20)
    answer = ask(world, 15)
    assert answer == RulesWanted(NOW_US - 15 * HOUR_US)
    assert (world.engine.last_seq, len(world.engine.operations)) == (0, 0)


def test_release_brought_for_a_time_judges_receipts_of_that_time_and_of_no_other() -> None:
    world = hourly(20)
    bring(world, 6, 15, 14)
    assert judged(world, 15) == (6, False)
    assert isinstance(ask(world, 14, 2), RulesWanted)
    assert isinstance(ask(world, 16, 3), RulesWanted)
    assert judged(world, 0, 4) == (21, False)


def test_time_before_any_release_is_judged_by_the_rules_in_force_and_flagged() -> None:
    world = hourly(20)
    world.engine.take_past_ruleset(None, b"", -(1 << 63), NOW_US - 30 * HOUR_US)
    assert judged(world, 31) == (21, True)
    assert isinstance(ask(world, 29, 2), RulesWanted)


def test_time_before_the_first_release_there_ever_was_is_not_asked_for() -> None:
    fresh = new_world()
    publish(fresh, 1, NOW_US - HOUR_US, 0)
    assert judged(fresh, 2) == (1, True)


def test_gap_below_a_release_is_asked_for_though_an_older_release_is_held() -> None:
    world = new_world()
    publish(world, 9, NOW_US - HOUR_US, -1)
    assert isinstance(ask(world, 2), RulesWanted)
    assert judged(world, 0, 2) == (9, False)


def test_release_whose_predecessor_has_been_dropped_is_asked_for() -> None:
    world = hourly(KEPT)
    assert isinstance(ask(world, KEPT), RulesWanted)
    assert judged(world, KEPT - 1, 2) == (2, False)


def test_ninth_release_brought_displaces_the_one_not_used_for_longest() -> None:
    world = hourly(40)
    for number in range(8):
        bring(world, 2 + number, 39 - number, 38 - number)
    assert judged(world, 39) == (2, False)
    bring(world, 10, 31, 30)
    assert world.engine.releases.past_count == 8
    assert world.engine.releases.past_bytes == 8 * len(rules(2))
    assert judged(world, 39, 2) == (2, False)
    assert isinstance(ask(world, 38, 3), RulesWanted)


def test_release_brought_twice_is_held_once() -> None:
    world = hourly(20)
    for _ in range(3):
        bring(world, 6, 15, 14)
    assert world.engine.releases.past_count == 1


def test_newer_release_that_begins_inside_a_brought_time_ends_what_was_known_of_it() -> None:
    world = new_world()
    publish(world, 9, NOW_US - HOUR_US, -1)
    world.engine.take_past_ruleset(Ruleset(rules(8)), DOCUMENT_SHA256, NOW_US - 5 * HOUR_US, NEVER_US)
    publish(world, 10, NOW_US - 3 * HOUR_US, 9)
    assert isinstance(ask(world, 4), RulesWanted)


def test_forecast_of_an_offline_receipt_does_not_wait_for_old_rules() -> None:
    world = hourly(20)
    receipt = basket(1, local_time_us=NOW_US - 15 * HOUR_US, mode=receipt_pb2.MODE_OFFLINE)
    request = pos.CalculateReceiptRequest(receipt=receipt).SerializeToString()
    reply = calculate_receipt(world.engine, request, SCOPE, NOW_US)
    assert isinstance(reply, bytes)
    assert UNKNOWN in list(pos.CalculateReceiptResponse.FromString(reply).outcome.flags)
