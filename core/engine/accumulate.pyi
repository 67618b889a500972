from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from altyn.core.engine.answers import Record
from altyn.core.engine.step import Engine
from altyn.core.rules.ruleset import Ruleset

BACKFILL_ROWS_MAX: int
Difference = tuple[int, int, int, bytes, int]

class Gap(NamedTuple):
    numbers: tuple[int, ...]
    after_seq: int
    until_seq: int

def prepare_accumulations(engine: Engine, names: Iterable[str], counting: Ruleset, clock_us: int) -> Record | None: ...
def find_gap(engine: Engine) -> Gap | None: ...
def backfill_accumulations(
    engine: Engine, gap: Gap, through_seq: int, rows: Sequence[Difference], clock_us: int
) -> Record | None: ...
def finish_accumulations(engine: Engine, clock_us: int) -> Record | None: ...
def tend_accumulations(engine: Engine, asked: Collection[str], clock_us: int) -> Record | None: ...
def are_ready(engine: Engine, names: Iterable[str]) -> bool: ...
