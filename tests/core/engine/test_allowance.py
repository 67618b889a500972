"""Points spent offline: the register's allowance, and what of it comes through."""

from __future__ import annotations

import pytest

from altyn.core.engine import Scope, authorize_customer, return_receipt, same_decision
from altyn.core.engine.identity import card_hash, phone_hash, qr_token
from altyn.core.facts import OfflineLimits
from altyn.core.facts.directory import CARD_ACTIVE, CardFact, CustomerFact
from altyn.core.ledger.image import state_digest
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import reasons_pb2, receipt_pb2
from tests.core.engine.returns import give_back, refund
from tests.core.engine.scarce_world import R2, balance, committed, give, new_world, replayed, ruleset, sale
from tests.core.engine.world import NOW_US, PEPPER, SCOPE, World

HOUR_US = 3_600_000_000
PAY = "limit: pay\npayment: [{asset: bonus, up_to_percent: 50}]\n"
LIMITS = OfflineLimits(receipts_max=3, receipt_sum_max_minor=3000, sum_max_minor=5000, age_max_s=86_400)


@pytest.fixture
def world() -> World:
    made = new_world(PAY)
    made.engine.facts.offline = LIMITS
    give(made, 20_000)
    return made


def allowance(world: World, scope: Scope = SCOPE, clock_us: int = NOW_US) -> pos.OfflineAllowance:
    request = pos.AuthorizeCustomerRequest(store_id=scope.store_id, register_id=scope.register_id)
    request.identity.kind, request.identity.value = receipt_pb2.TOKEN_KIND_CARD, "1001"
    answer = authorize_customer(world.engine, request.SerializeToString(), scope, clock_us)
    return pos.AuthorizeCustomerResponse.FromString(answer.reply).offline_allowance


def offline(
    number: int, points: int, brought: bytes, at_us: int = NOW_US + HOUR_US, register: str = "r1"
) -> receipt_pb2.Receipt:
    made = sale(number, points, register=register)
    made.mode = receipt_pb2.MODE_OFFLINE
    made.local_time_us = at_us
    made.offline_allowance = brought
    return made


def reasons(reply: pos.CommitReceiptResponse) -> list[str]:
    return [reasons_pb2.Reason.Name(reason).removeprefix("REASON_") for reason in reply.exceptions]


def uploaded(world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US + 2 * HOUR_US) -> list[str]:
    return reasons(committed(world, of, clock_us))


def active(world: World) -> int:
    return balance(world, NOW_US + 2 * HOUR_US)[0]


def proven(world: World) -> None:
    for record in world.records:
        if record.kind == pos.OPERATION_KIND_COMMIT:
            assert same_decision(record.body, ruleset(PAY))
    assert state_digest(replayed(world, PAY).book) == state_digest(world.engine.book)


def test_register_is_told_its_bounds(world: World) -> None:
    told = allowance(world)
    assert (told.receipts_max, told.receipt_sum_max_minor, told.sum_max_minor) == (3, 3000, 5000)
    assert told.valid_until_us == NOW_US + 86_400_000_000
    assert told.signed


def test_programme_without_offline_spending_gives_none(world: World) -> None:
    world.engine.facts.offline = OfflineLimits()
    assert allowance(world) == pos.OfflineAllowance()


def test_offline_receipt_within_the_allowance_spends_without_a_hold(world: World) -> None:
    assert uploaded(world, offline(1, 2500, allowance(world).signed)) == []
    assert active(world) == 17_500
    record = journal.Record.FromString(world.records[-1].body)
    assert [(fact.used, fact.cap) for fact in record.evidence.counters] == [(0, 3), (0, 5000)]
    assert not record.evidence.HasField("unreserved")
    proven(world)


def test_offline_receipt_without_an_allowance_waits_for_a_person(world: World) -> None:
    assert uploaded(world, offline(1, 2500, b"")) == ["NOT_RESERVED"]
    assert active(world) == 20_000
    proven(world)


def test_token_that_pays_once_pays_by_a_reserve_alone(world: World) -> None:
    """Offline nobody kept it, and any number of receipts could bring it."""
    card = CardFact(card_hash(PEPPER, "7700 1"), 9, 70, 7, "app", CARD_ACTIVE, "7001", True)
    world.engine.facts.directory.upsert_card(card)
    brought = allowance(world).signed
    for number in (1, 2):
        made = offline(number, 1000, brought)
        made.identity.kind = receipt_pb2.TOKEN_KIND_QR
        made.identity.value = qr_token(PEPPER, 9, NOW_US + HOUR_US, b"\x01\x02")
        assert uploaded(world, made) == ["NOT_RESERVED"]
    assert active(world) == 20_000
    proven(world)


def test_code_that_nobody_looked_at_proves_no_phone_offline(world: World) -> None:
    phone = "+7 900 000-00-07"
    world.engine.facts.directory.upsert_customer(CustomerFact(7, 70, phone_hash(PEPPER, phone)))
    made = offline(1, 1000, allowance(world).signed)
    made.identity.kind, made.identity.value, made.identity.code = receipt_pb2.TOKEN_KIND_PHONE, phone, "000000"
    assert uploaded(world, made) == ["NOT_RESERVED"]
    assert active(world) == 20_000
    proven(world)


def test_receipt_beyond_its_own_sum_waits(world: World) -> None:
    assert uploaded(world, offline(1, 3001, allowance(world).signed)) == ["NOT_RESERVED"]
    assert active(world) == 20_000


def test_day_ends_at_its_sum_whatever_allowances_are_brought(world: World) -> None:
    brought = [allowance(world, clock_us=NOW_US + n).signed for n in range(4)]
    assert len(set(brought)) == 4
    told = [uploaded(world, offline(n, 2000, brought[n])) for n in (1, 2, 3)]
    assert told == [[], [], ["NOT_RESERVED"]]
    # What is left of the sum may still be spent.
    assert uploaded(world, offline(4, 1000, brought[0])) == []
    assert active(world) == 15_000
    proven(world)


def test_day_ends_at_its_number_of_receipts(world: World) -> None:
    brought = allowance(world).signed
    assert [uploaded(world, offline(n, 100, brought)) for n in (1, 2, 3, 4)] == [[], [], [], ["NOT_RESERVED"]]


def test_allowance_of_another_register_is_none(world: World) -> None:
    brought = allowance(world, R2).signed
    assert uploaded(world, offline(1, 100, brought)) == ["NOT_RESERVED"]
    assert uploaded(world, offline(2, 100, brought, register="r2")) == []


@pytest.mark.parametrize("place", [0, 1, 9, 17, 25, 33, 41, 49, 60, -1])
def test_allowance_with_one_bit_changed_is_none(world: World, place: int) -> None:
    brought = bytearray(allowance(world).signed)
    brought[place] ^= 1
    assert uploaded(world, offline(1, 100, bytes(brought))) == ["NOT_RESERVED"]


@pytest.mark.parametrize("at_us", [NOW_US - HOUR_US, NOW_US + 24 * HOUR_US, NOW_US + 25 * HOUR_US])
def test_receipt_made_outside_the_allowances_time_waits(world: World, at_us: int) -> None:
    of = offline(1, 100, allowance(world).signed, at_us)
    assert "NOT_RESERVED" in uploaded(world, of, NOW_US + 26 * HOUR_US)


def test_online_receipt_needs_a_reserve_whatever_it_brings(world: World) -> None:
    of = sale(1, 100)
    of.offline_allowance = allowance(world).signed
    assert reasons(committed(world, of)) == ["NOT_RESERVED"]


def test_only_named_assets_may_be_spent(world: World) -> None:
    world.engine.facts.offline = LIMITS._replace(assets=("other",))
    other = allowance(world)
    assert list(other.assets) == ["other"]
    world.engine.facts.offline = LIMITS._replace(assets=("bonus",))
    own = allowance(world)
    assert uploaded(world, offline(1, 100, other.signed)) == ["NOT_RESERVED"]
    assert uploaded(world, offline(2, 100, own.signed)) == []


def test_account_goes_as_far_below_nothing_as_the_allowance_lets_it() -> None:
    world = new_world(PAY)
    give(world, 500)
    world.engine.facts.offline = LIMITS._replace(debt_points_max=1000)
    brought = allowance(world).signed
    assert uploaded(world, offline(1, 1200, brought)) == ["DEBT_BOOKED"]
    assert balance(world, NOW_US + 2 * HOUR_US) == (0, 0, 0, 700)
    reply = committed(world, offline(2, 1200, brought), NOW_US + 2 * HOUR_US)
    assert (reply.outcome.totals.points_paid_minor, balance(world, NOW_US + 2 * HOUR_US)[3]) == (300, 1000)
    proven(world)


def test_return_gives_back_what_was_spent_offline(world: World) -> None:
    uploaded(world, offline(1, 2500, allowance(world).signed))
    request = give_back(refund((1, 1000)), world.next_seq())
    world.effect(return_receipt, request, NOW_US + 2 * HOUR_US)
    assert active(world) == 20_000
    proven(world)
