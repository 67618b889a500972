"""`altyn bench core`: its yardsticks do the core's own jobs, and its report has every figure."""

from __future__ import annotations

from random import Random

import pytest

from altyn.benchmarks import codec_messages, core_rules, core_run, counters, plain_python, upb_messages
from altyn.benchmarks.core_bench import Corpus, calculate_nanoseconds
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.promotion import Promotion
from altyn.core.rules.ruleset import Ruleset
from altyn.pos.v1.pos_service_pb2 import CommitReceiptResponse


def world(seed: int, count: int) -> tuple[list[Promotion], Ruleset, list[core_rules.Row]]:
    random = Random(seed)
    promotions = list(core_rules.promotions(count, random))
    ruleset = Ruleset(compile_ruleset(promotions, core_rules.ASSETS, version=1))
    return promotions, ruleset, core_rules.receipts(60, count, random)


@pytest.mark.parametrize(("seed", "count"), [(1_000, 1_000), (3, 1_000), (4, 40)])
def test_plain_python_takes_off_every_receipt_what_the_core_does(seed: int, count: int) -> None:
    promotions, ruleset, rows = world(seed, count)
    calculator = plain_python.PlainCalculator(promotions)
    for row in rows:
        discount, points = calculator.calculate(plain_python.goods(row))
        assert discount * 100 == calculate_nanoseconds(ruleset, Corpus([row]), 1)[2] > 0
        assert points > 0


def test_plain_python_that_disagrees_is_noticed() -> None:
    promotions, ruleset, rows = world(5, 100)
    assert core_run.plain_agrees(promotions, ruleset, rows)
    assert not core_run.plain_agrees(promotions[1:], ruleset, rows)


def test_upb_reads_the_requests_and_writes_the_replies_of_the_codec() -> None:
    random = Random(7)
    assert upb_messages.read_request(codec_messages.commit_request(random)) > 0
    for _ in range(50):
        reply = codec_messages.commit_reply(random)
        answer = upb_messages.answer_of(reply)
        assert upb_messages.write_reply(answer) == reply
        assert CommitReceiptResponse.FromString(reply).outcome.lines[19].line_no == answer.lines[19][0]


def test_report_has_each_figure_with_its_quartiles_and_the_ratio_of_the_same_rounds() -> None:
    report = core_run.measure_calculation("1k", 1_000, 300, 3) | core_run.measure_codec(300, 3)
    for name in ("calc_us_1k", "plain_python_us", "core_ratio", "codec_us", "upb_us", "codec_ratio"):
        low, high = report[f"{name}_quartiles"]
        assert 0 < low <= report[name] <= high
    assert "not_run" not in report
    for event in counters.EVENTS:
        for name in (f"calc_{event}_1k", f"codec_{event}"):
            assert report[name] is None or report[name] >= 0


def test_ratio_is_the_median_of_the_rounds_ratios() -> None:
    assert core_run.ratio("r", [10.0, 60.0, 90.0], [1.0, 2.0, 3.0]) == {"r": 30.0, "r_quartiles": [10.0, 30.0]}


def test_counters_that_are_not_lent_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "CALL_NUMBERS", {})
    assert counters.per_item(lambda times: sum(range(times)), 1) == dict.fromkeys(counters.EVENTS)


def test_counters_count_the_work_and_not_what_is_around_it() -> None:
    def work(times: int) -> None:
        sum(range(1_000_000))
        for _ in range(times):
            sum(range(100_000))

    instructions = counters.per_item(work, 100_000)["instructions"]
    assert instructions is None or 1 < instructions < 1_000
