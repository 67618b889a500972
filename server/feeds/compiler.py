"""Compiling released documents in a process of its own: the serving loop never stalls, and no document can bring it
down.

The worker is this module run as a program; it lives as long as its standard input, works at low priority and keeps
nothing between releases. Invariants: an image comes back only for bytes that have the released hash, read and
compile; a worker that dies or takes too long is replaced at the next release. It must never be forked from a loaded
server: it is started by exec, best before the doors open.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import struct
import subprocess
import sys
from contextlib import suppress
from typing import IO, Any, NamedTuple

COMPILE_TIMEOUT_S = 120.0
REASON_CHARS_MAX = 2_000
NICENESS = 10
REQUEST = struct.Struct("<q32sI")  # version, sha256 of the document, its length
ANSWER = struct.Struct("<II")  # lengths of the JSON header and of the image


class ReleaseRefused(Exception):
    """The release cannot be taken; the text says why."""


class CompilerFailed(ReleaseRefused):
    """The process died over the release, or took too long: perhaps for a reason of another kind."""


class Compiled(NamedTuple):
    """`assets`: what the release says of each asset it uses: name, scale."""

    image: bytes
    assets: tuple[tuple[str, int], ...]


def compile_document(version: int, sha256: bytes, document: bytes) -> Compiled:
    """The work itself. ReleaseRefused when the bytes are not the released ones or do not compile."""
    from altyn.core.rules.compile import CompileError, compile_ruleset
    from altyn.core.rules.definition import DocumentError, load_documents, read_documents
    from altyn.core.rules.ruleset import Ruleset, RulesetError

    if hashlib.sha256(document).digest() != sha256:
        raise ReleaseRefused("the document's hash is not the released one")
    try:
        rules = read_documents(load_documents(document.decode(), bytes_max=len(document)))
        image = compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=version)
        assets = Ruleset(image).assets
    except (DocumentError, CompileError, RulesetError, UnicodeDecodeError) as error:
        raise ReleaseRefused(f"{type(error).__name__}: {error}"[:REASON_CHARS_MAX]) from error
    return Compiled(image, tuple((name, scale) for name, scale, _ in assets))


class RulesCompiler:
    """The worker's owner. One release at a time."""

    def __init__(self) -> None:
        self._worker: subprocess.Popen[bytes] | None = None
        self._turn = asyncio.Lock()

    def start(self) -> None:
        """Start the worker, unless it runs."""
        if self._worker is None or self._worker.poll() is not None:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "altyn.server.feeds.compiler"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )

    async def compile(
        self, version: int, sha256: bytes, document: bytes, timeout_s: float = COMPILE_TIMEOUT_S
    ) -> Compiled:
        """The image of a release. ReleaseRefused also when the worker died or took longer than `timeout_s` over it."""
        async with self._turn:
            try:
                asking = asyncio.to_thread(self._ask, REQUEST.pack(version, sha256, len(document)), document)
                header, image = await asyncio.wait_for(asking, timeout_s)
            except TimeoutError:
                self.stop()
                raise CompilerFailed(f"compiling took more than {timeout_s:g} s") from None
            except (OSError, EOFError) as error:
                self.stop()
                raise CompilerFailed(f"the compiling process ended: {error}") from None
            except asyncio.CancelledError:
                self.stop()
                raise
        if header["refused"]:
            raise ReleaseRefused(header["refused"])
        return Compiled(image, tuple((str(name), int(scale)) for name, scale in header["assets"]))

    def stop(self) -> None:
        """End the worker, whatever it does."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.kill()
        worker.wait()
        for pipe in (worker.stdin, worker.stdout):  # a thread that was in one has got its end by now
            assert pipe is not None
            with suppress(OSError):
                pipe.close()

    def _ask(self, request: bytes, document: bytes) -> tuple[dict[str, Any], bytes]:
        """In a thread: the conversation with the worker. OSError or EOFError when it is gone."""
        self.start()
        worker = self._worker
        assert worker is not None
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(request)
        worker.stdin.write(document)  # by itself: megabytes are not joined while the calls wait for this thread
        worker.stdin.flush()
        header_size, image_size = ANSWER.unpack(read_exactly(worker.stdout, ANSWER.size))
        header: dict[str, Any] = json.loads(read_exactly(worker.stdout, header_size))
        return header, read_exactly(worker.stdout, image_size)


def read_exactly(stream: IO[bytes], size: int) -> bytes:
    """EOFError when the stream ends before."""
    data = stream.read(size)
    if len(data) != size:
        raise EOFError(f"{len(data)} bytes of {size}")
    return data


def serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """The worker: answer requests until the input ends."""
    while head := source.read(REQUEST.size):
        version, sha256, size = REQUEST.unpack(head)
        header: dict[str, Any] = {"refused": "", "assets": []}
        image = b""
        try:
            image, header["assets"] = compile_document(version, sha256, read_exactly(source, size))
        except ReleaseRefused as error:
            header["refused"] = str(error)
        body = json.dumps(header).encode()
        sink.write(ANSWER.pack(len(body), len(image)) + body + image)
        sink.flush()


if __name__ == "__main__":
    os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints must not get between the answers
    serve(sys.stdin.buffer, answers)
