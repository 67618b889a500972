from typing import Any

from altyn.core.rules.ruleset import Ruleset

HOLDINGS_KEYS: tuple[str, ...]

class ReceiptError(ValueError):
    path: str
    code: str
    message: str

def normal_code(code: str) -> str: ...
def evaluate(
    ruleset: Ruleset,
    receipt: dict[str, Any],
    store: dict[str, Any],
    customer: dict[str, Any] | None,
    wall_clock: tuple[int, int, int],
    explain: bool = False,
    holdings_given: dict[str, Any] | None = None,
    fiscal_plan: bool = False,
    instant_us: int | None = None,
) -> dict[str, Any]: ...
