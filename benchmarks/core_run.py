"""`altyn bench core`: codec, calculation and compilation, and round by round beside them plain Python at the same jobs.

Machines differ fourfold, and the same one from hour to hour; ratios within one run hardly. Figures are medians of
rounds in the thread's processor time, with the quartiles around them. A yardstick that does another job than ours tells
nothing: its figures are None then, and `not_run` says why.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from random import Random
from typing import Any, TypeVar

from altyn.benchmarks import codec_messages, core_rules, plain_python, upb_messages, wide_bench
from altyn.benchmarks.codec import Messages, decode_nanoseconds, encode_nanoseconds
from altyn.benchmarks.core_bench import Corpus, calculate_nanoseconds
from altyn.benchmarks.counters import per_item
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.promotion import Promotion
from altyn.core.rules.ruleset import Ruleset

RECEIPTS = 4_000
ROUNDS = 15
PART = 250
"""What a yardstick does in one round, some 50 ms; the next round takes the next ones."""

Result = dict[str, Any]
T = TypeVar("T")


def run(receipts: int = RECEIPTS, rounds: int = ROUNDS) -> Result:
    """Everything `altyn bench core` reports."""
    result: Result = {}
    for name, count in (("1k", 1_000), ("10k", 10_000), ("100k", 100_000)):
        result |= measure_calculation(name, count, receipts, rounds)
    return result | wide_bench.run() | measure_codec(receipts, rounds)


def measure_calculation(name: str, count: int, receipts: int, rounds: int) -> Result:
    """A 20-line receipt at `count` active promotions, about five of which matter to it; at 1k also in plain Python."""
    random = Random(count)
    promotions = list(core_rules.promotions(count, random))
    started = time.process_time()
    image = compile_ruleset(promotions, core_rules.ASSETS, version=1)
    compiled = time.process_time() - started
    ruleset = Ruleset(image)
    rows = core_rules.receipts(receipts, count, random)
    corpus = Corpus(rows)
    calculate_nanoseconds(ruleset, corpus, 1)
    ours: list[float] = []
    plain: list[float] = []
    by_hand = plain_rounds(promotions, rows) if name == "1k" else None
    for _ in range(rounds):
        spent, relevant, _ = calculate_nanoseconds(ruleset, corpus, 2)
        ours.append(spent)
        if by_hand is not None:
            plain.append(next(by_hand))
    result = microseconds(f"calc_us_{name}", ours) | {f"relevant_{name}": round(relevant, 2)}
    if by_hand is not None:
        result |= counted("calc", name, lambda times: calculate_nanoseconds(ruleset, corpus, times), receipts)
        if plain_agrees(promotions, ruleset, rows[:PART]):
            result |= microseconds("plain_python_us", plain) | ratio("core_ratio", plain, ours)
        else:
            result |= {"plain_python_us": None, "core_ratio": None}
            result["not_run"] = "plain_python_us, core_ratio: plain Python gives other discounts than the core"
    if name == "100k":
        result |= {"compile_100k_s": round(compiled, 3), "image_100k_bytes": len(image)}
    return result


def measure_codec(receipts: int, rounds: int) -> Result:
    """A request of 20 lines decoded and its reply encoded, by the codec and by protobuf's own objects."""
    random = Random(7)
    requests = [codec_messages.commit_request(random) for _ in range(receipts)]
    replies = [codec_messages.commit_reply(random) for _ in range(receipts)]
    asked, answered = Messages(requests), Messages(replies)
    ours: list[float] = []
    upb: list[float] = []
    by_objects = upb_rounds(requests, replies)
    for _ in range(rounds):
        ours.append(decode_nanoseconds(asked, 3)[0] + encode_nanoseconds(answered, 3)[0])
        upb.append(next(by_objects))
    decoding = per_item(lambda times: decode_nanoseconds(asked, times), receipts)
    encoding = per_item(lambda times: encode_nanoseconds(answered, 1, times), receipts)
    result = microseconds("codec_us", ours) | microseconds("upb_us", upb) | ratio("codec_ratio", upb, ours)
    for event, cost in decoding.items():
        other = encoding[event]
        result[f"codec_{event}"] = None if cost is None or other is None else cost + other
    return result


def plain_rounds(promotions: Sequence[Promotion], rows: Sequence[core_rules.Row]) -> Iterator[float]:
    """Nanoseconds of one receipt in plain Python, for one round after another."""
    calculator = plain_python.PlainCalculator(promotions)
    receipts = [plain_python.goods(row) for row in rows]
    for part in parts(receipts):
        begin = time.thread_time_ns()
        for receipt in part:
            calculator.calculate(receipt)
        yield (time.thread_time_ns() - begin) / len(part)


def plain_agrees(promotions: Sequence[Promotion], ruleset: Ruleset, rows: list[core_rules.Row]) -> bool:
    """Whether plain Python takes off these receipts what the core does."""
    calculator = plain_python.PlainCalculator(promotions)
    discount = sum(calculator.calculate(plain_python.goods(row))[0] for row in rows)
    return discount * 100 == calculate_nanoseconds(ruleset, Corpus(rows), 1)[2]


def upb_rounds(requests: Sequence[bytes], replies: Sequence[bytes]) -> Iterator[float]:
    """Nanoseconds of one request and its reply by protobuf's own objects, for one round after another."""
    answers = [upb_messages.answer_of(reply) for reply in replies]
    for part in parts(list(zip(requests, answers, strict=True))):
        begin = time.thread_time_ns()
        for request, answer in part:
            upb_messages.read_request(request)
            upb_messages.write_reply(answer)
        yield (time.thread_time_ns() - begin) / len(part)


def parts(items: list[T]) -> Iterator[list[T]]:
    return cycle([items[place : place + PART] for place in range(0, len(items), PART)])


def counted(what: str, name: str, work: Callable[[int], object], items: int) -> Result:
    return {f"{what}_{event}_{name}": cost for event, cost in per_item(work, items).items()}


def microseconds(name: str, rounds: list[float]) -> Result:
    """The median of rounds in nanoseconds, and the quartiles around it."""
    return middle(name, [spent / 1_000 for spent in rounds], 3)


def ratio(name: str, theirs: list[float], ours: list[float]) -> Result:
    """How many times as long as ours theirs takes, of the same round."""
    return middle(name, [their / our for their, our in zip(theirs, ours, strict=True)], 1)


def middle(name: str, rounds: list[float], digits: int) -> Result:
    low, median, high = (round(quartile, digits) for quartile in statistics.quantiles(rounds, n=4))
    return {name: median, f"{name}_quartiles": [low, high]}
