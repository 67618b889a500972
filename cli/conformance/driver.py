"""Speaks to the register under test: a process that reads one JSON object a line and answers with one.

The commands are those of docs/register/conformance.md. Invariants: one command at a time; every
answer has a time limit; the process is dead when this ends. Killing is what a power cut is: SIGKILL, no warning.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ANSWER_PATIENCE_S = 40.0
LINE_BYTES_MAX = 1 << 20


class Stopped(Exception):
    """The register's process ended: by the power cut of a check, or by itself."""


class NotDriven(Exception):
    """The register does not know this command: what it would show stays unknown."""


class Misbehaved(Exception):
    """No answer in time, or none that can be read."""


class Driver:
    """One register process at a time."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = command
        self._log = log
        self._process: Process | None = None

    async def power_on(self, **place: Any) -> dict[str, Any]:
        """Start the process and tell it who it is."""
        await self.kill()
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=log, limit=LINE_BYTES_MAX, start_new_session=True
            )
        return await self.do("power_on", **place)

    async def do(self, command: str, **words: Any) -> dict[str, Any]:
        """Give a command and wait for the answer. Stopped, NotDriven, Misbehaved."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise Stopped("the register is off")
        try:
            process.stdin.write(json.dumps({"do": command, **words}).encode() + b"\n")
            await process.stdin.drain()
            async with asyncio.timeout(ANSWER_PATIENCE_S):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise Misbehaved(f"{command}: no answer in {ANSWER_PATIENCE_S:.0f} s") from error
        except (OSError, ValueError) as error:
            raise Stopped(f"{command}: {error}") from error
        if not line:
            raise Stopped(f"{command}: the register's process ended; see {self._log}")
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise Misbehaved(f"{command}: the answer is not JSON: {line[:200]!r}") from error
        if not isinstance(answer, dict):
            raise Misbehaved(f"{command}: the answer is not a JSON object: {line[:200]!r}")
        if answer.get("error") == "unknown command":
            raise NotDriven(f"the register does not know {command}")
        if "error" in answer:
            raise Misbehaved(f"{command}: {answer['error']}")
        return answer

    def cut_power(self) -> None:
        """Kill it now."""
        if self._process is not None and self._process.returncode is None:
            # With what it has started. Not by Process.kill, which may reap the child before asyncio does.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def power_off(self) -> None:
        """Ask it to end; kill it when it does not."""
        with contextlib.suppress(Stopped, NotDriven, Misbehaved):
            await self.do("power_off")
        await self.kill()

    async def kill(self) -> None:
        """It is gone when this returns."""
        if self._process is not None:
            self.cut_power()
            await self._process.wait()
            self._process = None
