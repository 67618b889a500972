from collections.abc import Set as AbstractSet
from typing import Any, Final

from typing_extensions import Buffer

from altyn.core.backtest.depths import Depths
from altyn.core.rules.ruleset import Ruleset

MISSING: Final[tuple[str, ...]]

class Replayer:
    refused_count: int

    def __init__(
        self,
        ruleset: Ruleset,
        since_us: int = 0,
        stores: AbstractSet[str] | None = None,
        depths: Depths | None = None,
    ) -> None: ...
    def open(self, items: Buffer, names: dict[str, list[Any]]) -> None: ...
    def run(self, receipts_max: int) -> int: ...
    def close(self) -> None: ...
    @property
    def needs_order(self) -> bool: ...
    def counters(self) -> bytes: ...
    def restore(self, counters: bytes) -> None: ...
    def result(self) -> dict[str, Any]: ...
