"""The replay against the misbehaving server of the register's tests: nothing doubles, nothing stays unknown."""

from __future__ import annotations

import json
from collections import deque
from datetime import date
from pathlib import Path

import grpc

from altyn.cli.demo import dataset
from altyn.cli.demo.replay import Replay, replay
from altyn.cli.demo.tally import Tally
from altyn.cli.demo.till_day import Plan, Till
from altyn.pos.v1 import pos_service_pb2
from altyn.register import JsonLines
from tests.register.fake_server import FakeServer, serving

OFTEN = Plan(
    anonymous_ppm=100_000,
    recalculated_ppm=300_000,
    coupon_ppm=100_000,
    reserved_ppm=200_000,
    abandoned_ppm=150_000,
    offline_ppm=200_000,
    returned_offline_ppm=300_000,
    voided_ppm=100_000,
    returned_ppm=150_000,
    returned_twice_ppm=150_000,
    repeated_ppm=400_000,
    timed_out_ppm=200_000,
)


def key_of(store_id: str, register_id: str) -> str:
    return f"{store_id}:{register_id}"


async def test_replay_through_faults_commits_every_basket_once_and_leaves_nothing(tmp_path: Path) -> None:
    chain = dataset.load(date(2026, 5, 6), baskets_count=80, stores_count=2, weeks_count=2)
    fake = FakeServer(faults=deque(["none", "none", "drop", "none", "lose", grpc.StatusCode.INTERNAL] * 12))
    done: list[int] = []
    with JsonLines(tmp_path / "history.jsonl") as history:
        async with serving(fake, tmp_path):
            result = await replay(
                chain.baskets,
                fake.target,
                key_of,
                tmp_path,
                plan=OFTEN,
                history=history,
                on_receipt=lambda: done.append(1),
            )
    commits = [
        pos_service_pb2.CommitReceiptRequest.FromString(request)
        for call, request in {(call, request) for call, request in fake.requests if call == "CommitReceipt"}
    ]
    tally = result.tally
    assert (result.left_count, result.stopped_by, fake.doubled) == (0, [], [])
    assert len(done) == 80
    assert tally.voids_count > tally.voids_after_print_count > 0
    abandoned_count = tally.voids_count - tally.voids_after_print_count
    assert len(commits) == 80 - abandoned_count == tally.totals.receipts_count
    returns = {request for call, request in fake.requests if call == "ReturnReceipt"}
    assert len(returns) == tally.returns_count > 0
    assert tally.offline_count > 0
    assert tally.uploads_count > 0
    assert tally.shifts_count > 0
    assert tally.shift_differences == []
    assert tally.totals.member_receipts_count == sum(commit.receipt.HasField("identity") for commit in commits)
    numbers = {(c.receipt.register_id, c.receipt.shift_number, c.receipt.receipt_number) for c in commits}
    assert len(numbers) == len(commits)
    assert tally.duplicates_sent > 0
    assert tally.unequal_replies_count == 0
    assert tally.time_outs_count > 0
    assert result.calls_per_s > 0
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    facts = [line for line in lines if line["call"] == "UploadReceipts" and line["op_id"]]
    assert len(lines) - len(facts) == result.attempts_count and facts
    assert {metadata["authorization"] for metadata in fake.metadata} == {
        f"Bearer {key_of(basket.store_id, basket.register_id)}" for basket in chain.baskets
    }


async def test_replay_with_a_wrong_key_stops_that_register_and_names_it(tmp_path: Path) -> None:
    chain = dataset.load(date(2026, 5, 6), baskets_count=20, stores_count=1, weeks_count=1)
    fake = FakeServer(faults=deque([grpc.StatusCode.UNAUTHENTICATED] * 1000))
    async with serving(fake, tmp_path):
        result = await replay(chain.baskets, fake.target, key_of, tmp_path)
    assert len(result.stopped_by) == len({basket.register_id for basket in chain.baskets})
    assert all("UNAUTHENTICATED" in line for line in result.stopped_by)
    assert result.tally.totals.receipts_count == 0


def test_latency_is_the_nearest_rank() -> None:
    result = Replay(latencies_us={"CommitReceipt": list(range(1, 201))})
    assert [result.latency_us("CommitReceipt", percent) for percent in (0, 50, 99, 100)] == [1, 100, 198, 200]
    assert result.latency_us("CalculateReceipt", 50) is None


def test_a_till_asks_with_the_goods_of_the_basket() -> None:
    chain = dataset.load(date(2026, 5, 6), baskets_count=200, stores_count=4, weeks_count=2)
    till = Till.__new__(Till)
    till._plan, till._tally, till._codes = Plan(), Tally(), ("CODE-1", "CODE-2")
    till._clock = lambda basket: dataset_time(basket)
    for basket in chain.baskets:
        receipt = till._receipt(basket)
        assert sum(line.gross_minor for line in receipt.lines) == basket.gross_minor
        assert [line.sku for line in receipt.lines] == [line.sku for line in basket.lines]
        assert receipt.currency == "USD"


def dataset_time(basket: dataset.Basket) -> object:
    from altyn.register import LocalTime

    return LocalTime.of(basket.sold_at)
