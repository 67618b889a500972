"""A register that goes offline, lets customers spend within its allowance, and comes back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from altyn.core.engine import authorize_customer
from altyn.core.engine.identity import qr_token
from altyn.core.facts import OfflineLimits
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from altyn.register import Allowance
from tests.core.engine.scarce_world import balance, committed, give, new_world, sale
from tests.core.engine.world import NOW_US, PEPPER, SCOPE, World

HOUR_US = 3_600_000_000
PAY = "limit: pay\npayment: [{asset: bonus, up_to_percent: 50}]\n"
LIMITS = OfflineLimits(receipts_max=5, receipt_sum_max_minor=3000, sum_max_minor=8000, age_max_s=86_400)


@pytest.fixture
def world() -> World:
    made = new_world(PAY)
    made.engine.facts.offline = LIMITS
    give(made, 50_000)
    return made


def given(world: World, clock_us: int = NOW_US) -> pos.OfflineAllowance:
    request = pos.AuthorizeCustomerRequest(store_id="s1", register_id="r1")
    request.identity.kind, request.identity.value = receipt_pb2.TOKEN_KIND_CARD, "1001"
    answer = authorize_customer(world.engine, request.SerializeToString(), SCOPE, clock_us)
    return pos.AuthorizeCustomerResponse.FromString(answer.reply).offline_allowance


def sold_at(number: int, points: int, at_us: int) -> receipt_pb2.Receipt:
    made = sale(number, points)
    made.local_time_us = at_us
    return made


def test_what_the_register_let_go_the_server_takes_whole(world: World, tmp_path: Path) -> None:
    allowance = Allowance(tmp_path / "allowance")
    allowance.take(given(world), NOW_US)
    chance = random.Random(5)
    kept, spent = [], 0
    for number in range(1, 30):
        at_us = NOW_US + number * HOUR_US // 10
        points = chance.randrange(1, 4000)
        receipt = sold_at(number, points, at_us)
        # A till that is switched off and on between receipts goes on where it was.
        if Allowance(tmp_path / "allowance").spend(receipt, points, at_us):
            kept.append(receipt)
            spent += points
        else:
            assert (receipt.mode, receipt.offline_allowance) == (0, b"")
    assert 2 <= len(kept) <= 5
    assert spent <= 8000
    for receipt in kept:
        assert list(committed(world, receipt, NOW_US + 5 * HOUR_US).exceptions) == []
    assert balance(world, NOW_US + 5 * HOUR_US)[0] == 50_000 - spent


@pytest.mark.parametrize(
    ("sum_minor", "at_us", "asset"),
    [(3001, NOW_US, "bonus"), (100, NOW_US + 24 * HOUR_US, "bonus"), (0, NOW_US, "bonus"), (100, NOW_US, "miles")],
)
def test_register_refuses_what_the_server_would_not_take(
    world: World, tmp_path: Path, sum_minor: int, at_us: int, asset: str
) -> None:
    world.engine.facts.offline = LIMITS._replace(assets=("bonus",))
    allowance = Allowance(tmp_path / "allowance")
    allowance.take(given(world), NOW_US)
    receipt = sold_at(1, 100, at_us)
    receipt.points[0].asset = asset
    before = receipt.SerializeToString()
    assert not allowance.spend(receipt, sum_minor, at_us)
    assert receipt.SerializeToString() == before


@pytest.mark.parametrize(
    "identity",
    [
        receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_QR, value="7700 1"),
        receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_CARD, value=qr_token(PEPPER, 9, NOW_US, b"\x01\x02")),
        receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_PHONE, value="+7 900 000-00-07", code="123456"),
    ],
)
def test_what_the_server_must_look_at_spends_nothing_offline(
    world: World, tmp_path: Path, identity: receipt_pb2.Identity
) -> None:
    allowance = Allowance(tmp_path / "allowance")
    allowance.take(given(world), NOW_US)
    made = sold_at(1, 1000, NOW_US)
    assert allowance.spend(made, 1000, NOW_US)
    made.identity.CopyFrom(identity)
    assert not allowance.spend(made, 1000, NOW_US)


def test_new_allowance_of_the_same_day_goes_on_counting_and_tomorrows_begins_anew(world: World, tmp_path: Path) -> None:
    allowance = Allowance(tmp_path / "allowance")
    allowance.take(given(world), NOW_US)
    for number in (1, 2):
        assert allowance.spend(sold_at(number, 3000, NOW_US), 3000, NOW_US)
    allowance.take(given(world, NOW_US + HOUR_US), NOW_US + HOUR_US)
    assert allowance.left_minor(NOW_US + HOUR_US) == 2000
    tomorrow_us = NOW_US + 24 * HOUR_US
    allowance.take(given(world, tomorrow_us), tomorrow_us)
    assert allowance.left_minor(tomorrow_us) == 3000


def test_server_that_gives_none_ends_offline_spending(world: World, tmp_path: Path) -> None:
    allowance = Allowance(tmp_path / "allowance")
    allowance.take(given(world), NOW_US)
    allowance.take(pos.OfflineAllowance(), NOW_US)
    assert allowance.left_minor(NOW_US) == 0


@pytest.mark.parametrize("stored", ["", "{", '{"given": "zz"}', '{"given": "ff", "day": 1, "receipts_count": 0}', "[]"])
def test_damaged_file_is_no_allowance(tmp_path: Path, stored: str) -> None:
    (tmp_path / "allowance").write_text(stored)
    assert Allowance(tmp_path / "allowance").left_minor(0) == 0


def test_till_writes_again_only_for_what_is_worth_it(world: World, tmp_path: Path) -> None:
    allowance = Allowance(tmp_path / "allowance")
    first = given(world)
    allowance.take(first, NOW_US)
    allowance.take(given(world, NOW_US + 1_000_000), NOW_US + 1_000_000)
    assert allowance.given == first
    world.engine.facts.offline = LIMITS._replace(sum_max_minor=1)
    allowance.take(given(world, NOW_US + 2_000_000), NOW_US + 2_000_000)
    assert allowance.given.sum_max_minor == 1
