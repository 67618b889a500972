"""Compiling releases in a process of its own: the serving loop never stalls, and no document can bring it down.

The worker is this module run as a program; it lives as long as its standard input, reads the released document from
PostgreSQL by itself and keeps nothing between releases. Over a large document it works in what others leave of the
processors, and is ended afterwards, with the memory it took; where others leave nothing, the work is begun anew at
ordinary priority after a time. Invariants: an image comes back only for bytes that have the released hash, read and
compile; a worker that dies or takes too long is replaced at the next release. It must never be forked from a loaded
server: it is started by exec, best before the doors open. The document must never pass through the server: megabytes in
one answer hold its loop.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import mmap
import os
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, NamedTuple

import asyncpg

from altyn.core.rules.ruleset import Ruleset, RulesetError
from altyn.infra.database import connect

TIMEOUTS_S = (60.0, 120.0)  # in what others leave; begun anew at ordinary priority
LARGE_BYTES = 1 << 20  # of a document; what is smaller takes less than a second
REASON_CHARS_MAX = 2_000
NICENESS = 19
AUTOGROUP = Path("/proc/self/autogroup")
AUTOGROUP_TRIES_MAX = 5
AUTOGROUP_PAUSE_S = 0.2  # the kernel takes one such wish in a tenth of a second, from all processes together
ORDINARY = "ordinary"  # the worker's argument: do not give way
ANSWER = struct.Struct("<II")  # lengths of the JSON header and of the image

DOCUMENT = "SELECT document FROM rules_release WHERE tenant = $1 AND version = $2"


class ReleaseRefused(Exception):
    """The release cannot be taken; the text says why."""


class CompilerFailed(ReleaseRefused):
    """The process died over the release, or took too long: perhaps for a reason of another kind."""


class DocumentUnread(ConnectionError):
    """PostgreSQL did not give the document; nothing is known about the release."""


class Compiled(NamedTuple):
    """`assets`: what the release says of each asset it uses: name, scale."""

    image: bytes
    assets: tuple[tuple[str, int], ...]


class Opened(NamedTuple):
    """A compiled release, its image opened. `assets` as in Compiled."""

    ruleset: Ruleset
    assets: tuple[tuple[str, int], ...]


def compile_document(version: int, sha256: bytes, document: bytes) -> Compiled:
    """The work itself. ReleaseRefused when the bytes are not the released ones or do not compile."""
    from altyn.core.rules.compile import CompileError, compile_ruleset
    from altyn.core.rules.definition import DocumentError, load_documents, read_documents

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
    """The worker's owner. One release of one tenant at a time."""

    def __init__(self, dsn: str, tenant: str) -> None:
        self._dsn = dsn
        self._tenant = tenant
        self._worker: subprocess.Popen[bytes] | None = None
        self._turn = asyncio.Lock()

    def start(self, *, ordinary: bool = False) -> None:
        """Start the worker, unless it runs. `ordinary`: with the server's priority."""
        if self._worker is None or self._worker.poll() is not None:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "altyn.server.feeds.compiler", *[ORDINARY] * ordinary],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )

    async def compile(self, version: int, sha256: bytes, timeouts_s: tuple[float, float] = TIMEOUTS_S) -> Opened:
        """A release, compiled and opened. DocumentUnread: not now. ReleaseRefused also when the worker died or twice
        took longer than it may."""
        wanted = {"dsn": self._dsn, "tenant": self._tenant, "version": version, "sha256": sha256.hex()}
        async with self._turn:
            try:
                return await self._compile(wanted, timeouts_s[0])
            except TimeoutError:
                # Perhaps others left it nothing; then its end takes a while too.
                await asyncio.to_thread(self.stop)
            try:
                self.start(ordinary=True)
                return await self._compile(wanted, timeouts_s[1])
            except TimeoutError:
                raise CompilerFailed(f"compiling took more than {timeouts_s[1]:g} s at ordinary priority") from None
            finally:
                await asyncio.to_thread(self.stop)

    async def _compile(self, wanted: Mapping[str, Any], timeout_s: float) -> Opened:
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._ask, wanted), timeout_s)
        except (TimeoutError, DocumentUnread):
            raise
        except (OSError, EOFError) as error:
            self.stop()
            raise CompilerFailed(f"the compiling process ended: {error}") from None
        except asyncio.CancelledError:
            self.stop()
            raise
        except RulesetError as error:
            raise ReleaseRefused(str(error)) from error

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

    def _ask(self, wanted: Mapping[str, Any]) -> Opened:
        """In a thread: OSError or EOFError when the worker is gone."""
        self.start()
        assert self._worker is not None
        header, ruleset = converse(self._worker, wanted)
        if header["gave_way"]:  # and cannot take its place again
            self.stop()
        if header["unread"]:
            raise DocumentUnread(header["unread"])
        if ruleset is None:
            raise ReleaseRefused(header["refused"])
        return Opened(ruleset, tuple((str(name), int(scale)) for name, scale in header["assets"]))


def converse(worker: subprocess.Popen[bytes], wanted: Mapping[str, Any]) -> tuple[dict[str, Any], Ruleset | None]:
    """The worker's answer, its image opened. Calls go on: the megabytes pass without the interpreter's lock."""
    assert worker.stdin is not None
    assert isinstance(worker.stdout, BufferedReader)
    worker.stdin.write(json.dumps(wanted).encode() + b"\n")
    worker.stdin.flush()
    header_size, image_size = ANSWER.unpack(read_exactly(worker.stdout, ANSWER.size))
    header: dict[str, Any] = json.loads(read_exactly(worker.stdout, header_size))
    if image_size == 0:
        return header, None
    with mmap.mmap(-1, image_size) as image:  # bytes would be given back under the lock
        if (size := worker.stdout.readinto(image)) != image_size:
            raise EOFError(f"{size} bytes of {image_size}")
        return header, Ruleset(image)


def read_exactly(stream: IO[bytes], size: int) -> bytes:
    """EOFError when the stream ends before."""
    data = stream.read(size)
    if len(data) != size:
        raise EOFError(f"{len(data)} bytes of {size}")
    return data


async def read_document(dsn: str, tenant: str, version: int) -> bytes:
    """DocumentUnread when it cannot be had."""
    try:
        connection = await connect(dsn, name="altyn compiler")
        try:
            document: bytes | None = await connection.fetchval(DOCUMENT, tenant, version)
        finally:
            connection.terminate()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise DocumentUnread(f"{type(error).__name__}: {error}") from error
    if document is None:
        raise DocumentUnread(f"there is no release {version}")
    return document


def serve(source: IO[bytes], sink: IO[bytes], *, ordinary: bool) -> None:
    """The worker: answer requests until the input ends, at `ordinary` priority whatever their size."""
    # Nothing of the millions of objects a document makes is a cycle: looking for some takes a third of the time.
    gc.disable()
    while line := source.readline():
        wanted = json.loads(line)
        header: dict[str, Any] = {"unread": "", "refused": "", "assets": [], "gave_way": False}
        image = b""
        try:
            document = asyncio.run(read_document(wanted["dsn"], wanted["tenant"], wanted["version"]))
            if len(document) >= LARGE_BYTES and not ordinary:
                give_way()
                header["gave_way"] = True
            image, header["assets"] = compile_document(wanted["version"], bytes.fromhex(wanted["sha256"]), document)
            del document
        except DocumentUnread as error:
            header["unread"] = str(error)
        except ReleaseRefused as error:
            header["refused"] = str(error)
        body = json.dumps(header).encode()
        sink.write(ANSWER.pack(len(body), len(image)) + body)
        sink.write(image)
        sink.flush()
        del image
        gc.collect()


def give_way() -> None:
    """Run in what others leave of the processors. Linux may weigh sessions instead of processes (autogroup): niceness
    then counts among the processes of one session, and ours, which is the worker alone, has to give way as a whole."""
    os.nice(NICENESS)
    if os.getsid(0) != os.getpid():
        return
    for _ in range(AUTOGROUP_TRIES_MAX):
        try:
            AUTOGROUP.write_text(f"{NICENESS}")
        except BlockingIOError:
            time.sleep(AUTOGROUP_PAUSE_S)
            continue
        except OSError:  # another system, or one that weighs processes
            pass
        return


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints must not get between the answers
    serve(sys.stdin.buffer, answers, ordinary=ORDINARY in sys.argv[1:])
