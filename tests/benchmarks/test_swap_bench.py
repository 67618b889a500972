"""`altyn bench swap`: its figures tell a stall at the end of a round from one anywhere."""

from __future__ import annotations

from altyn.benchmarks.swap_bench import HANDOVER_S, Phase, figures


def phase(slow_from_s: float) -> Phase:
    """100 calls a second for 20 s, 1 ms each, 50 ms from a moment on."""
    planned = [number / 100 for number in range(2_000)]
    return Phase(planned, [50.0 if at >= slow_from_s else 1.0 for at in planned], 20.0)


def test_figures_of_a_stall_at_the_handover_count_it_there_and_not_in_the_whole_round() -> None:
    quiet, stalled = phase(99.0), phase(19.9)
    told = figures([(quiet, quiet, stalled)] * 3)
    assert told["normal_p99_ms"] == told["swap_p99_ms"] == 1.0
    assert told["handover_p99_ms"] == told["swap_worst_ms"] == 50.0
    assert told["handover_to_normal_ratio"] == 50.0
    assert told["again_to_normal_quartiles"] == [1.0, 1.0, 1.0]


def test_p99_since_a_moment_leaves_out_the_calls_planned_before() -> None:
    stalled = phase(20.0 - HANDOVER_S)
    assert stalled.p99_ms(20.0 - HANDOVER_S) == 50.0
    assert Phase(stalled.planned_s[:1_000], stalled.latencies_ms[:1_000], 10.0).p99_ms() == 1.0
