"""What users were told, attempt by attempt, for the check after the run.

The format is that of a register's history (``altyn verify --history`` reads it), with the receipt's key beside. A
ledger is one file of one process; a run of several processes has several. Requests are not kept: they hold card
numbers. An attempt that never ended is written as UNKNOWN.
"""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from altyn.register import Attempt
from altyn.register.history import attempt_line

NAME = "told-{}.jsonl"


class Ledger:
    """Appends; call it with each attempt that has an effect. ``flush`` before somebody reads."""

    def __init__(self, folder: Path, name: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / NAME.format(name or os.getpid())
        self._file = self.path.open("ab", buffering=1 << 16)

    def __call__(self, attempt: Attempt, receipt_key: str = "") -> None:
        if not attempt.op_id or self._file.closed:
            return
        line = attempt_line(attempt)
        if receipt_key:
            line["receipt"] = receipt_key
        self._file.write(orjson.dumps(line) + b"\n")

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Flush and close. Attempts told later are dropped: nobody was answered any more."""
        self._file.close()


def ledgers_of(folder: Path) -> list[Path]:
    """The ledgers a run left in its folder."""
    return sorted(folder.glob(NAME.format("*")))
