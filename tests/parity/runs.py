"""Many generated cases compared in all processors, for `altyn parity` and the test."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field

from tests.parity.compare import compare_case
from tests.parity.engine import AWAITED, WIDTH_MAX
from tests.reference.generator import generate

__all__ = ["ONCE_WRONG", "WIDTH_MAX", "Run", "as_json", "compare_many", "width_of"]

# Seeds that differed once: who earns nothing multiplies nothing; a nudge hears of what its turn's limits leave, alone
# as among competitors; who is beaten competes for units, and who counts pieces not for weighed ones; what costs
# nothing is no target of a multiplier; weights beyond one word are exact; a code unlocks the rules that ask for it.
ONCE_WRONG = (
    9_022_756, 9_032_508, 20_005_054, 20_011_809, 20_064_093,
    20_114_619, 20_181_802, 20_235_654, 20_294_612, 20_298_443, 50_012_293, 50_075_632,
    50_181_741,
)  # fmt: skip
CHUNK = 100
# Without a width, one case in so many is of width 1: many promotions of the plainest kind at once.
NARROW_EVERY = 10


@dataclass
class Run:
    """What was compared, what was wrong by seed (None: the documents are refused), what applied how often."""

    compared: int = 0
    wrong: dict[int, list[str] | None] = field(default_factory=dict)
    applied: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


Chunk = tuple[int, int, int | None]


def width_of(seed: int, width: int | None) -> int:
    if width is not None:
        return width
    return 1 if seed % NARROW_EVERY == 0 else WIDTH_MAX


def compare_many(seed: int, count: int, width: int | None, jobs: int | None = None, seconds_max: float = 1e9) -> Run:
    """Compare the cases of `count` seeds from `seed` on; stops with what it has after `seconds_max`."""
    started = time.monotonic()
    run = Run()
    chunks = [(begin, min(CHUNK, seed + count - begin), width) for begin in range(seed, seed + count, CHUNK)]
    workers = min(jobs or os.cpu_count() or 1, len(chunks))
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for part in pool.map(compare_chunk, chunks):
            run.compared += part.compared
            run.wrong |= part.wrong
            run.applied += part.applied
            if time.monotonic() - started > seconds_max:
                pool.shutdown(cancel_futures=True)
                break
    run.seconds = round(time.monotonic() - started, 3)
    return run


def compare_chunk(chunk: Chunk) -> Run:
    begin, count, width = chunk
    run = Run()
    for seed in range(begin, begin + count):
        found = compare_case(seed, run.applied, width_of(seed, width))
        run.compared += found is not None
        if found != []:
            run.wrong[seed] = found
    return run


def as_json(seed: int, width: int | None) -> str:
    """The whole case of a seed: what to keep of a difference."""
    return json.dumps(asdict(generate(seed, width_of(seed, width), AWAITED)), ensure_ascii=False, indent=2)
