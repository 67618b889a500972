"""The results of `altyn bench front` and `altyn bench hostile` as a page with plots: `docs/operations/front.md`.

One command measures and writes (`make bench-page`); nothing on the page is written by hand. Figures are as measured,
and what was not run stands there with its reason.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pygal
from pygal.style import CleanStyle

# pygal leaves a finder of a kind that Python no longer has, and every import that finds nothing would trip over it.
sys.meta_path[:] = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]

PLOTS = "front"  # the folder beside the page
TITLES = {
    "door": "CalculateReceipt, compiled door",
    "tls": "CalculateReceipt, compiled door, TLS 1.3",
    "portable": "CalculateReceipt, portable door",
    "commit": "durable CommitReceipt, compiled door",
    "echo": "echo, compiled door",
    "cpp": "echo, C++ gRPC",
    "tcp": "echo, plain TCP",
    "raw": "echo, grpc.aio raw",
    "upb": "echo, grpc.aio protobuf",
}
GOALS = (
    ("ratio_tcp_echo", "calculate ÷ plain TCP echo", "≥ 0.55"),
    ("ratio_cpp_echo", "calculate ÷ C++ gRPC echo", "≥ 2"),
    ("ratio_grpc_aio_upb", "calculate ÷ grpc.aio protobuf echo", "≥ 20"),
    ("tls_extra_us_64c", "TLS: further processor time a call, µs", "≤ 10"),
    ("bytes_per_connection", "memory of a connection, bytes", "≤ 40,000"),
    ("bytes_per_tls_connection", "memory of a TLS connection, bytes", "stated"),
    ("commit_p50_ms", "durable commit at 64 connections, p50, ms", "≤ 2"),
    ("commit_p99_ms", "durable commit at 64 connections, p99, ms", "≤ 5"),
)
# Beside the ratios of rates: in a closed loop two processes wait for each other, in processor time they do not.
CPU_PEERS = {"tcp": "plain TCP echo", "cpp": "C++ gRPC echo", "upb": "grpc.aio protobuf echo"}


def write(front: Mapping[str, Any], hostile: Mapping[str, Any], folder: Path) -> Path:
    """The page and its plots under `folder`; the page's path."""
    (folder / PLOTS).mkdir(parents=True, exist_ok=True)
    _bars(folder / PLOTS / "rates.svg", "Calls a second, 64 connections", front["per_s_64c"])
    _bars(folder / PLOTS / "cost.svg", "Processor time of the server, µs a call", front["server_us_per_call"])
    _by_size(folder / PLOTS / "sizes.svg", front)
    for name, waits in front["open_loop"].items():
        _waits(folder / PLOTS / f"open-{name}.svg", TITLES[name], waits)
    page = folder / "front.md"
    page.write_text("\n".join(_lines(front, hostile)) + "\n")
    return page


def _lines(front: Mapping[str, Any], hostile: Mapping[str, Any]) -> Iterable[str]:
    yield "# The front door, measured"
    yield ""
    yield "Written by `make bench-page`; what is measured, and how, is told in [performance](performance.md)."
    yield ""
    yield f"{time.strftime('%-d %B %Y')}, {_machine()}, {front['cores']} cores, Python {platform.python_version()},"
    yield f"load average {front['load_average']}; {front['rounds']} rounds, medians."
    yield f"Requests of 20 lines ({front['request_bytes']} bytes), {front['promotions']} active promotions, replies of "
    yield f"{front['reply_bytes']} bytes."
    yield ""
    yield "| | measured | goal |"
    yield "| --- | --- | --- |"
    for key, title, goal in GOALS:
        yield f"| {title} | {_told(front[key])} | {goal} |"
    for peer, title in CPU_PEERS.items():
        yield f"| processor time a call: {title} ÷ calculate | {_told(front['cpu_ratio'].get(peer))} | |"
    yield f"| p99 beside one attacker ÷ beside a control, the worst | {_told(hostile['worst_ratio'])} | ≤ 2 |"
    yield ""
    yield f"![Calls a second]({PLOTS}/rates.svg)"
    yield f"![Processor time a call]({PLOTS}/cost.svg)"
    yield ""
    yield "## A closed loop, by connections"
    yield ""
    yield f"![Calls a second by connections]({PLOTS}/sizes.svg)"
    yield ""
    yield "| server | connections | calls/s | p50 ms | p99 ms | p99.9 ms | server µs a call |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for size, servers in front["sizes"].items():
        for name, of in servers.items():
            told = (of[key] for key in ("per_s", "p50_ms", "p99_ms", "p999_ms", "server_us"))
            yield f"| {TITLES[name]} | {int(size):,} | {' | '.join(map(_told, told))} |"
    yield ""
    yield "## An open loop"
    yield ""
    yield "Latency from when a call was due, by the share of the server's own capacity that is offered."
    yield ""
    for name in front["open_loop"]:
        yield f"![{TITLES[name]}]({PLOTS}/open-{name}.svg)"
    yield ""
    yield "| server | offered | calls/s | p50 ms | p99 ms | p99.9 ms | not in time |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, shares in front["open_loop"].items():
        for share, waits in shares.items():
            if waits is None:
                yield f"| {TITLES[name]} | {float(share):.0%} | the generator itself was late | | | | |"
                continue
            told = (waits[key] for key in ("offered_per_s", "p50_ms", "p99_ms", "p999_ms", "not_in_time_share"))
            yield f"| {TITLES[name]} | {float(share):.0%} | {' | '.join(map(_told, told))} |"
    yield ""
    yield "## Beside an attacker"
    yield ""
    yield f"{hostile['calls_per_s']:,} calls a second of a capacity of {hostile['capacity_per_s']:,};"
    yield f"quiet rounds beside quiet rounds: {_told(hostile['same_ratio'])},"
    yield f"the middle half of the pairs {' to '.join(map(_told, hostile['same_quartiles']))};"
    granted = hostile["scheduling"]
    yield f"priority of the generator: {granted['generator']}, of the server: {granted['server']};"
    yield f"calls refused or late, all together: {hostile['not_in_time_or_refused']};"
    yield f"load average {hostile['load_average']}."
    yield ""
    yield "| attack | p99 quiet, ms | beside a control, ms | beside it, ms | ratio | of a core the attacker had |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, of in hostile["attacks"].items():
        told = (of[key] for key in ("quiet_p99_ms", "control_p99_ms", "attacked_p99_ms", "ratio", "attacker_share"))
        yield f"| {name.replace('_', ' ')} | {' | '.join(map(_told, told))} |"
    yield ""
    yield "## Not run"
    yield ""
    for name, why in front["not_run"].items():
        yield f"- {name}: {why}"
    for name, of in hostile["attacks"].items():
        if of["not_run"]:
            yield f"- {name.replace('_', ' ')}: {of['not_run']}"


def _told(value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:,}"


def _machine() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _chart(kind: type[pygal.Graph], title: str, **options: Any) -> pygal.Graph:
    return kind(
        title=title, style=CleanStyle, js=[], width=900, height=420, legend_at_bottom=True, show_dots=True, **options
    )


def _bars(path: Path, title: str, values: Mapping[str, float]) -> None:
    made = _chart(pygal.HorizontalBar, title, print_values=True, show_legend=False)
    ordered = sorted(values.items(), key=lambda item: item[1])
    made.x_labels = [TITLES[name] for name, _ in ordered]
    made.add("", [value for _, value in ordered])
    made.render_to_file(str(path))


def _by_size(path: Path, front: Mapping[str, Any]) -> None:
    by_size = {**front["sizes"], str(front["connections"]): {n: {"per_s": v} for n, v in front["per_s_64c"].items()}}
    sizes = sorted(by_size, key=int)
    names = dict.fromkeys(name for servers in by_size.values() for name in servers)
    made = _chart(pygal.Line, "Calls a second by connections")
    made.x_labels = [f"{int(size):,}" for size in sizes]
    for name in names:
        made.add(TITLES[name], [by_size[size].get(name, {}).get("per_s") for size in sizes])
    made.render_to_file(str(path))


def _waits(path: Path, title: str, waits: Mapping[str, Mapping[str, float] | None]) -> None:
    made = _chart(pygal.Line, f"{title}: ms from when a call was due", logarithmic=True)
    made.x_labels = [f"{float(share):.0%}" for share in waits]
    keys: Sequence[tuple[str, str]] = (("p50_ms", "p50"), ("p99_ms", "p99"), ("p999_ms", "p99.9"))
    for key, name in keys:
        made.add(name, [of[key] if of is not None else None for of in waits.values()])
    made.render_to_file(str(path))
