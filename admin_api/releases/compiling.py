"""Compiling a release's documents in a process of its own: the same check every server makes before it takes them.

A worker is started for one release and ends with it, so no document can stall or bring down the back office. What
was compiled last is kept: a page of sample receipts asks for the release in force again and again.
Invariants: what compiles here compiles there, for it is the same code on the same bytes; a worker has a time limit.
It must never be given anything but the canonical bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import struct
import sys
from dataclasses import dataclass

from altyn.admin_api.edge.problems import Problem, Refusal, problem

TIMEOUT_S = 90.0
NICENESS = 5
KEPT_MAX = 2  # what is in force, and what is to be
ANSWER = struct.Struct("<II")  # lengths of the JSON header and of the image


class CompilingFailed(Refusal):
    """The worker died or took too long; nothing is known about the documents."""

    status_code = 503
    reason = "COMPILING_FAILED"


@dataclass(frozen=True, slots=True)
class Compiled:
    """Either problems, or an image with what it needs: (asset, scale) and the number of promotions."""

    problems: tuple[Problem, ...]
    image: bytes = b""
    assets: tuple[tuple[str, int], ...] = ()
    promotions_count: int = 0


def compile_bytes(version: int, document: bytes) -> Compiled:
    """The work itself, in this process."""
    from altyn.core.rules.compile import CompileError, compile_ruleset
    from altyn.core.rules.definition import DocumentError, load_documents, read_documents
    from altyn.core.rules.ruleset import Ruleset, RulesetError

    try:
        rules = read_documents(load_documents(document.decode(), bytes_max=len(document)))
        image = compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=version)
        ruleset = Ruleset(image)
    except DocumentError as error:
        return Compiled(tuple(problem(one.path, one.code, one.message) for one in error.problems))
    except CompileError as error:
        return Compiled((problem(error.path, error.code, error.message),))
    except (RulesetError, UnicodeDecodeError) as error:
        return Compiled((problem("documents", "BAD_IMAGE", str(error)),))
    assets = tuple((name, scale) for name, scale, _ in ruleset.assets)
    return Compiled((), image, assets, len(rules.promotions))


class Compiler:
    """Runs workers, one at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._kept: dict[tuple[int, bytes], Compiled] = {}

    async def compile(self, version: int, document: bytes, timeout_s: float = TIMEOUT_S) -> Compiled:
        """Raises CompilingFailed."""
        key = version, hashlib.sha256(document).digest()
        async with self._turn:
            found = self._kept.pop(key, None) or await self._compiled(version, document, timeout_s)
            self._kept[key] = found
            while len(self._kept) > KEPT_MAX:
                del self._kept[next(iter(self._kept))]
        return found

    async def _compiled(self, version: int, document: bytes, timeout_s: float) -> Compiled:
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "altyn.admin_api.releases.compiling",
            str(version),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        try:
            answer, _ = await asyncio.wait_for(worker.communicate(document), timeout_s)
        except TimeoutError:
            raise CompilingFailed(f"compiling took more than {timeout_s:g} s") from None
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
        if worker.returncode != 0 or len(answer) < ANSWER.size:
            raise CompilingFailed(f"the compiling process ended with status {worker.returncode}")
        header_size, image_size = ANSWER.unpack_from(answer)
        image_at = ANSWER.size + header_size
        header = json.loads(answer[ANSWER.size : image_at])
        return Compiled(
            tuple(header["problems"]),
            answer[image_at : image_at + image_size],
            tuple((name, scale) for name, scale in header["assets"]),
            header["promotions_count"],
        )


def main() -> None:
    """The worker: canonical bytes on standard input, the answer on standard output."""
    os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints must not get into the answer
    found = compile_bytes(int(sys.argv[1]), sys.stdin.buffer.read())
    header = {"problems": found.problems, "assets": found.assets, "promotions_count": found.promotions_count}
    body = json.dumps(header).encode()
    answers.write(ANSWER.pack(len(body), len(found.image)) + body + found.image)
    answers.close()


if __name__ == "__main__":
    main()
