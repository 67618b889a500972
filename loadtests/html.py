"""The report as one page without anything from outside: tables, and two charts over the run's seconds.

It shows what ``Report.as_json`` holds and decides nothing. All text from outside is escaped.
"""

from __future__ import annotations

from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM = 940, 220, 56, 24
COLUMNS_MAX = 400
STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #667; --line: #d7dbe0; --paper: #fff;
  --a: #1f6feb; --b: #b35900; --bad: #c62828; --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa3ad; --line: #3a4048; --paper: #15181c;
  --a: #6cb0ff; --b: #ffb366; --bad: #ff7b72; --good: #56d364; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1180px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { color: var(--soft); margin: .25rem 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .2rem .5rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
th { font-weight: 600; color: var(--soft); }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 12px; }
.grid { stroke: var(--line); } .mark { stroke: var(--soft); stroke-dasharray: 3 4; }
.a { stroke: var(--a); } .b { stroke: var(--b); } .c { stroke: var(--bad); }
polyline { fill: none; stroke-width: 1.6; }
.key-a { color: var(--a); } .key-b { color: var(--b); } .key-c { color: var(--bad); }
"""


def page(told: dict[str, Any]) -> str:
    """The whole page."""
    verdict = '<span class="good">passed</span>' if told["passed"] else '<span class="bad">failed</span>'
    seconds = thinned(told["timeline"])
    return "".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width"><title>Load test</title>',
            f"<style>{STYLE}</style>",
            f"<h1>Load test: {escape(told['shape'])}, {escape(told['pacing'])} loop, {verdict}</h1>",
            f"<p>{escape(told['target'])}, {told['seconds']} s. {told['receipts_begun']} receipts begun of "
            f"{told['receipts_planned']} planned ({told['achieved_share']:.1%}), {told['receipts_dropped']} dropped, "
            f"backlog {told['backlog_max']} at most. {told['answered']} attempts answered, {told['silent']} silent, "
            f"{told['wrong']} wrong.</p>",
            "<h2>Thresholds</h2>",
            _table(("threshold", "limit", "found", ""), [_threshold(one) for one in told["thresholds"]]),
            "<h2>Answers a second</h2>",
            "<p><b class='key-a'>answered</b>, <b class='key-b'>receipts begun</b>, <b class='key-c'>failed</b></p>",
            chart(seconds, told["stages"], (("answered", "a"), ("begun", "b"), ("failed", "c"))),
            "<h2>Latency from the planned moment, ms</h2>",
            "<p><b class='key-a'>p50</b>, <b class='key-b'>p99</b> of each second, all calls</p>",
            chart(seconds, told["stages"], (("p50_ms", "a"), ("p99_ms", "b"))),
            "<h2>Calls, as users saw them, ms</h2>",
            "<p>Planned: from the moment the call was due. Sent: from sending it, which leaves out the waiting. "
            "Server: what the server measured of all such calls, its own queue and the journal included.</p>",
            _table(
                ("call", "answers", "failed", *_heads("planned"), *_heads("sent"), *_heads("server")),
                [_call(name, call) for name, call in told["calls"].items()],
            ),
            "<h2>Inside the server</h2>",
            _server(told["server"]),
            _list("Remarks", told["remarks"]),
            _list("Wrong answers, the first ones", told["wrong_examples"]),
            "</html>",
        ]
    )


def thinned(seconds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most ``COLUMNS_MAX`` points: the worst second stands for its neighbours, so that no spike gets lost."""
    step = -(-len(seconds) // COLUMNS_MAX)
    if step <= 1:
        return seconds
    groups = [seconds[at : at + step] for at in range(0, len(seconds), step)]
    return [
        {
            name: group[0][name]
            if name == "at_s"
            else max((one[name] for one in group if one[name] is not None), default=None)
            for name in group[0]
        }
        for group in groups
    ]


def chart(seconds: list[dict[str, Any]], stages: list[dict[str, Any]], series: tuple[tuple[str, str], ...]) -> str:
    """Lines over the run; a gap where nothing was measured."""
    if not seconds:
        return "<p>Nothing was measured.</p>"
    top: float = max((one[name] or 0 for one in seconds for name, _ in series), default=0) or 1
    end_s = float(max(seconds[-1]["at_s"], 1))

    def x(at_s: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 8) * min(at_s, end_s) / end_s, 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 18) * value / top, 1)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    for share in (0, 0.5, 1):
        at = y(top * share)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 8}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4}" text-anchor="end">{top * share:.4g}</text>')
    for share in (0, 0.5, 1):
        anchor = ("start", "middle", "end")[int(share * 2)]
        parts.append(
            f'<text x="{x(end_s * share)}" y="{HEIGHT - 6}" text-anchor="{anchor}">{end_s * share:.0f} s</text>'
        )
    for stage in stages:
        at = x(stage["at_s"])
        parts.append(f'<line class="mark" x1="{at}" x2="{at}" y1="6" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{at + 4}" y="14">{escape(stage["name"])}</text>')
    for name, kind in series:
        for piece in _pieces(seconds, name):
            points = " ".join(f"{x(at_s)},{y(value)}" for at_s, value in piece)
            parts.append(f'<polyline class="{kind}" points="{points}"/>')
    return "".join([*parts, "</svg>"])


def _pieces(seconds: list[dict[str, Any]], name: str) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for one in seconds:
        if one[name] is None:
            pieces.append([])
        else:
            pieces[-1].append((one["at_s"], one[name]))
    return [piece for piece in pieces if piece]


def _heads(kind: str) -> tuple[str, ...]:
    return tuple(f"{kind} {part}" if part == "p50" else part for part in ("p50", "p95", "p99"))


def _call(name: str, call: dict[str, Any]) -> tuple[str, ...]:
    shown = [
        digits(call.get(kind, {}).get(f"{part}_ms"))
        for kind in ("planned", "sent", "server")
        for part in ("p50", "p95", "p99")
    ]
    return (escape(name), str(call["answered"]), str(call["silent"] + call["wrong"]), *shown)


def _threshold(one: dict[str, Any]) -> tuple[str, ...]:
    word = '<span class="good">holds</span>' if one["holds"] else '<span class="bad">broken</span>'
    found = "nothing measured" if one["found"] is None else f"{one['found']:g}"
    return (escape(one["name"]), f"{one['limit']:g}", found, word)


def _server(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "<p>No histograms were read: give <code>--metrics-url</code>.</p>"
    return _table(
        ("histogram", "count", "mean", "p50", "p95", "p99", "unit"),
        [
            (
                escape(row["name"]) + (" (restarted in between)" if row["restarted"] else ""),
                str(row["count"]),
                *(digits(row[part]) for part in ("mean", "p50", "p95", "p99")),
                escape(row["unit"]),
            )
            for row in rows
        ],
    )


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{one}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _list(title: str, texts: list[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<h2>{title}</h2><ul>{items}</ul>" if texts else ""


def digits(value: float | None) -> str:
    """Three digits, or the whole number."""
    if value is None or value != value:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
