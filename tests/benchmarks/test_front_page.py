"""The page of the front door's results says what was measured, what was not, and draws it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from altyn.benchmarks import front_page

LOAD = {"per_s": 20_000, "p50_ms": 1.5, "p99_ms": 3.25, "p999_ms": 4.0, "server_us": 21.5}
WAITS = {"offered_per_s": 5_000, "p50_ms": 0.2, "p99_ms": 0.9, "p999_ms": 1.1, "not_in_time_share": 0.0}
FRONT: dict[str, Any] = {
    "cores": 2,
    "load_average": 0.4,
    "rounds": 9,
    "connections": 64,
    "request_bytes": 815,
    "reply_bytes": 1_100,
    "promotions": 1_000,
    "ratio_tcp_echo": 0.5,
    "ratio_cpp_echo": None,
    "ratio_grpc_aio_upb": 14.5,
    "tls_extra_us_64c": 4.5,
    "cpu_ratio": {"tcp": 0.3, "upb": 19.5},
    "bytes_per_connection": 4_100,
    "bytes_per_tls_connection": 36_000,
    "commit_p50_ms": 1.9,
    "commit_p99_ms": 4.4,
    "per_s_64c": {"door": 30_000, "tcp": 60_000, "commit": 9_000},
    "server_us_per_call": {"door": 20.5, "tcp": 7.0, "commit": 40.0},
    "sizes": {"1": {"door": LOAD, "commit": LOAD}, "4000": {"door": LOAD}},
    "open_loop": {"door": {"0.25": WAITS, "0.9": None}},
    "not_run": {"ratio_cpp_echo": "no development files of grpc++ here"},
}
HOSTILE: dict[str, Any] = {
    "worst_ratio": 1.3,
    "same_ratio": 1.0,
    "same_quartiles": [0.9, 1.1],
    "scheduling": {"generator": "real-time", "server": "nice"},
    "not_in_time_or_refused": 0,
    "calls_per_s": 7_500,
    "capacity_per_s": 30_000,
    "load_average": 0.4,
    "attacks": {
        "rapid_reset": {
            "quiet_p99_ms": 0.9,
            "control_p99_ms": 1.0,
            "attacked_p99_ms": 1.3,
            "ratio": 1.3,
            "attacker_share": 0.5,
            "not_run": None,
        },
        "half_open": {
            "quiet_p99_ms": 0.9,
            "control_p99_ms": 1.0,
            "attacked_p99_ms": 1.3,
            "ratio": None,
            "attacker_share": 0.0,
            "not_run": "the attacker got no processor: its core had more to do",
        },
    },
}


def test_page_tells_figures_gaps_and_reasons(tmp_path: Path) -> None:
    text = front_page.write(FRONT, HOSTILE, tmp_path).read_text()
    assert "| calculate ÷ plain TCP echo | 0.5 | ≥ 0.55 |" in text
    assert "| calculate ÷ C++ gRPC echo | not measured | ≥ 2 |" in text
    assert "| processor time a call: grpc.aio protobuf echo ÷ calculate | 19.5 | |" in text
    assert "| processor time a call: C++ gRPC echo ÷ calculate | not measured | |" in text
    assert "- ratio_cpp_echo: no development files of grpc++ here" in text
    assert "| CalculateReceipt, compiled door | 4,000 | 20,000 | 1.5 | 3.25 | 4.0 | 21.5 |" in text
    assert "| CalculateReceipt, compiled door | 90% | the generator itself was late | | | | |" in text
    assert "| rapid reset | 0.9 | 1.0 | 1.3 | 1.3 | 0.5 |" in text
    assert "- half open: the attacker got no processor: its core had more to do" in text
    assert "priority of the generator: real-time, of the server: nice;" in text


def test_every_plot_of_the_page_is_a_picture(tmp_path: Path) -> None:
    text = front_page.write(FRONT, HOSTILE, tmp_path).read_text()
    shown = {part.partition(")")[0] for part in text.split("](")[1:] if ".svg" in part.partition(")")[0]}
    assert shown == {f"front/{name}.svg" for name in ("rates", "cost", "sizes", "open-door")}
    for name in shown:
        assert ElementTree.parse(tmp_path / name).getroot().tag.endswith("svg")
