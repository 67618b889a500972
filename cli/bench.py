"""`altyn bench`: measures parts of the system and prints one JSON object. Numbers are medians of rounds, in processor
time, so that neighbours on the machine disturb them little.

Each subject is one command; a subject that needs a database or a network says so in its own module.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from importlib import import_module
from random import Random
from typing import Annotated, Any

import typer

app = typer.Typer(help="Measure the core, the ledger, the front door.", no_args_is_help=True)

RECEIPTS = 4_000
ROUNDS = 15

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


@app.callback()
def bench() -> None:
    """Measure parts of the system."""


@app.command()
def core(as_json: AsJson = False) -> None:
    """Codec, calculation and compilation, without network or storage; each figure with its middle half of rounds."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    result: dict[str, Any] = {}
    for name, count in (("1k", 1_000), ("10k", 10_000), ("100k", 100_000)):
        result |= measure_calculation(name, count)
    result |= import_module("altyn.benchmarks.wide_bench").run()
    result |= measure_codec()
    show(result, as_json)


@app.command()
def ledger(
    accounts: Annotated[int, typer.Option(min=1_000, help="Accounts to load.")] = 1_000_000, as_json: AsJson = False
) -> None:
    """Accounts in memory, and the journal on an embedded PostgreSQL of its own."""
    from altyn.benchmarks.ledger_bench import run

    show(run(accounts), as_json)


@app.command()
def projector(as_json: AsJson = False) -> None:
    """How fast people's tables follow the journal, on an embedded PostgreSQL of its own."""
    show(import_module("altyn.benchmarks.projector_bench").run(), as_json)


@app.command()
def coupons(
    codes: Annotated[int, typer.Option(min=1_000, help="Codes to load.")] = 1_000_000, as_json: AsJson = False
) -> None:
    """Coupon codes in memory: bytes a code, load, one look at the till."""
    from altyn.benchmarks.coupons_bench import run

    show(run(codes), as_json)


@app.command()
def front(as_json: AsJson = False) -> None:
    """The registers' door beside servers that only echo, on embedded stores: two cores, about two minutes."""
    show(import_module("altyn.benchmarks.front_bench").run(), as_json)


def measure_calculation(name: str, count: int) -> dict[str, Any]:
    """Microseconds per 20-line receipt at `count` active promotions, about five of which matter to it."""
    from altyn.benchmarks import core_rules
    from altyn.benchmarks.core_bench import Corpus, calculate_nanoseconds
    from altyn.core.rules.compile import compile_ruleset
    from altyn.core.rules.ruleset import Ruleset

    random = Random(count)
    promotions = list(core_rules.promotions(count, random))
    started = time.process_time()
    image = compile_ruleset(promotions, core_rules.ASSETS, version=1)
    compiled = time.process_time() - started
    ruleset = Ruleset(image)
    corpus = Corpus(core_rules.receipts(RECEIPTS, count, random))
    calculate_nanoseconds(ruleset, corpus, 1)
    rounds = [calculate_nanoseconds(ruleset, corpus, 2) for _ in range(ROUNDS)]
    result = microseconds(f"calc_us_{name}", [spent for spent, _, _ in rounds])
    result[f"relevant_{name}"] = round(rounds[0][1], 2)
    if count == 100_000:
        result |= {"compile_100k_s": round(compiled, 3), "image_100k_bytes": len(image)}
    return result


def measure_codec() -> dict[str, Any]:
    """Microseconds to decode a request of 20 lines and encode its reply."""
    codec = import_module("altyn.benchmarks.codec")
    messages = import_module("altyn.benchmarks.codec_messages")
    random = Random(7)
    requests = [messages.commit_request(random) for _ in range(RECEIPTS)]
    replies = [messages.commit_reply(random) for _ in range(RECEIPTS)]
    rounds = [codec.decode_nanoseconds(requests, 3)[0] + codec.encode_nanoseconds(replies, 3)[0] for _ in range(ROUNDS)]
    return microseconds("codec_us", rounds)


def microseconds(name: str, rounds: list[float]) -> dict[str, Any]:
    """The median of rounds in nanoseconds, and the quartiles around it."""
    low, middle, high = (round(quartile / 1_000, 3) for quartile in statistics.quantiles(rounds, n=4))
    return {name: middle, f"{name}_quartiles": [low, high]}


def show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    for key, value in result.items():
        print(f"{key:24} {value}", file=sys.stdout)


if __name__ == "__main__":
    app()
