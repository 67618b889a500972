"""What this register saw: one line per attempt, for the checker that compares it with the journal.

An upload is told as an attempt of its own and once more for each fact in it, with the fact's id and its UploadResult.
An attempt has an operation id (empty for calls without effects), the call, the hash of the request's bytes, the moment
it was made, and either the reply's bytes and moment or UNKNOWN. Moments are UTC microseconds that never run backwards
within one recorder, so that "a was answered before b was asked" can be read from them. Requests are not kept: they
hold card numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request on the wire. ``reply`` is None while nobody knows what the server did; ``error`` then says why."""

    op_id: bytes
    call: str
    request_sha256: bytes
    invoked_us: int
    reply: bytes | None
    replied_us: int
    error: str = ""

    @property
    def is_of_upload(self) -> bool:
        """One fact's part of an upload: ``reply`` is its UploadResult, and the upload has a line of its own."""
        return self.call == "UploadReceipts" and bool(self.op_id)


History = Callable[[Attempt], None]


def request_hash(request: bytes) -> bytes:
    """SHA-256 of a request as sent."""
    return hashlib.sha256(request).digest()


class SteadyClock:
    """UTC microseconds that follow the monotonic clock from the moment of creation."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_us(self) -> int:
        """The moment, in UTC microseconds."""
        return (time.monotonic_ns() + self._offset_ns) // 1000


def attempt_line(attempt: Attempt) -> dict[str, object]:
    """One attempt as its line of a history says it."""
    line: dict[str, object] = {
        "op_id": attempt.op_id.hex(),
        "call": attempt.call,
        "request_sha256": attempt.request_sha256.hex(),
        "invoked_us": attempt.invoked_us,
        "reply": "UNKNOWN" if attempt.reply is None else attempt.reply.hex(),
        "replied_us": attempt.replied_us,
    }
    if attempt.error:
        line["error"] = attempt.error
    return line


class JsonLines:
    """Writes attempts to a file, one JSON object a line: bytes as hex, an unknown reply as ``"UNKNOWN"``."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115

    def __call__(self, attempt: Attempt) -> None:
        self._file.write(json.dumps(attempt_line(attempt), separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Flush and close."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
