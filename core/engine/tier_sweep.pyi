"""What ends with a period."""

from altyn.core.engine.step import Engine
from altyn.core.engine.types import Record

class TierSweep:
    def __init__(self, engine: Engine) -> None: ...
    def end_tiers(self, clock_us: int, scanned_max: int) -> Record | None: ...
