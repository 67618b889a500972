"""Replaying extracts in processes of their own, file by file, so that what is done stays done.

A draft without counted limits and conditions on earlier purchases is replayed in any order, a file to a process. With
them the order of seq matters: the files follow one another in one process, and the counters after each are kept beside
its sums. Invariants: the sums of
a file are written whole or not at all; they are used again only for the same draft, the same file, and, where order
matters, the same files before it. Workers ignore the terminal's signals: whoever started them says when to stop.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from altyn.admin_api.backtests.extracts import Extract, mapped_items
from altyn.core.backtest.replayer import Replayer
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.processes import follow_parent

SLICE_RECEIPTS = 2_000
LOOK_EVERY_S = 0.2
FORMAT = 2
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Draft:
    """The rules to try: a compiled image; from when on all segments it names have a history, in UTC microseconds; the
    stores they are tried in, None: all. In the other stores everything stays as it was.
    """

    image: bytes
    since_us: int = 0
    stores: frozenset[str] | None = None

    @property
    def key(self) -> str:
        parts: list[Any] = [FORMAT, hashlib.sha256(self.image).hexdigest(), self.since_us]
        told = orjson.dumps(parts if self.stores is None else [*parts, sorted(self.stores)])
        return hashlib.sha256(told).hexdigest()


class Made(NamedTuple):
    """What came of one file: sums, seconds of processor time, the draft's counters after it."""

    sums: dict[str, Any]
    seconds: float
    counters: bytes


class Replayed(NamedTuple):
    """The sums of one file. `seconds` of processor time; `new`: replayed just now."""

    extract: Extract
    sums: dict[str, Any]
    seconds: float
    new: bool


class Runs:
    """The sums of one draft, by file, in a folder of its own."""

    def __init__(self, folder: Path, draft: Draft) -> None:
        self.folder = folder / draft.key[:16]
        self.folder.mkdir(parents=True, exist_ok=True)

    def find(self, chain: str) -> dict[str, Any] | None:
        path = self.folder / f"{chain[:32]}.json"
        try:
            found: dict[str, Any] = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return None
        return found if found.get("chain") == chain else None

    def keep(self, chain: str, made: Made, *, with_counters: bool) -> None:
        if with_counters:
            _put(self.folder / f"{chain[:32]}.counters", made.counters)
        told = {"chain": chain, "seconds": made.seconds, "sums": made.sums}
        _put(self.folder / f"{chain[:32]}.json", orjson.dumps(told))

    def counters(self, chain: str) -> bytes | None:
        """The counters after a file; None: they are not here."""
        path = self.folder / f"{chain[:32]}.counters"
        return path.read_bytes() if path.exists() else None

    def forget_counters(self, chain: str) -> None:
        (self.folder / f"{chain[:32]}.counters").unlink(missing_ok=True)


class Replays:
    """Replays a draft over files: iterate to get each file's sums, in order of time where order matters.

    `stop` ends it early; what was done by then is kept. With one process the work is done in this one.
    """

    def __init__(self, draft: Draft, extracts: Sequence[Extract], folder: Path, runs: Runs, processes: int) -> None:
        self._draft = draft
        self._extracts = extracts
        self._folder = folder
        self._runs = runs
        self.needs_order = Replayer(Ruleset(draft.image)).needs_order
        self._processes = 1 if self.needs_order else max(1, processes)
        self._chains = self._linked()
        self._is_stopped = False

    def stop(self) -> None:
        """No file is begun from now on, and workers end within a slice."""
        self._is_stopped = True

    def run(self, on_progress: OnProgress = lambda done, whole: None) -> Generator[Replayed, None, None]:
        """ExtractDamaged: a file is. A worker that dies raises BrokenProcessPool."""
        whole = sum(extract.receipts for extract in self._extracts)
        kept = [self._runs.find(chain) for chain in self._chains]
        if self.needs_order and None in kept:
            # What comes after the first file that is missing was replayed in another order, if at all.
            first = kept.index(None)
            while first > 0 and self._runs.counters(self._chains[first - 1]) is None:
                first -= 1
            kept[first:] = [None] * (len(kept) - first)
        found = 0
        for extract, one in zip(self._extracts, kept, strict=True):
            if one is not None:
                found += extract.receipts
                yield Replayed(extract, one["sums"], one["seconds"], False)
        on_progress(found, whole)
        wanted = [place for place, one in enumerate(kept) if one is None]
        if not wanted or self._is_stopped:
            return
        replayed = self._here if min(self._processes, len(wanted)) == 1 else self._in_processes
        yield from replayed(wanted, lambda done: on_progress(found + done, whole))

    def _here(self, wanted: list[int], on_done: Callable[[int], None]) -> Iterator[Replayed]:
        done = 0

        def tell(count: int) -> bool:
            nonlocal done
            done += count
            on_done(done)
            return self._is_stopped

        worker = Worker(self._draft, tell)
        goes_on = self.needs_order and wanted[0] > 0
        counters = (self._runs.counters(self._chains[wanted[0] - 1]) if goes_on else None) or b""
        for place in wanted:
            if self._is_stopped:
                return
            made = worker.replay(self._folder / self._extracts[place].file, self._extracts[place], counters)
            if made is not None:
                yield self._kept(place, made)
                counters = made.counters

    def _in_processes(self, wanted: list[int], on_done: Callable[[int], None]) -> Iterator[Replayed]:
        context = get_context("spawn")
        done, stop = context.Value("q", 0), context.Event()
        begin = (self._draft, done, stop, os.getpid())
        waiting, running = list(wanted), dict[Future[Made | None], int]()
        with ProcessPoolExecutor(min(self._processes, len(wanted)), context, _begin, begin) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < self._processes and not self._is_stopped:
                        place = waiting.pop(0)
                        extract = self._extracts[place]
                        running[pool.submit(_replay, self._folder / extract.file, extract)] = place
                    if not running:
                        return
                    ended, _ = wait(running, LOOK_EVERY_S, FIRST_COMPLETED)
                    on_done(done.value)
                    for future in ended:
                        place, made = running.pop(future), future.result()
                        if made is not None:
                            yield self._kept(place, made)
                    if self._is_stopped:
                        stop.set()
            finally:
                stop.set()

    def _kept(self, place: int, made: Made) -> Replayed:
        self._runs.keep(self._chains[place], made, with_counters=self.needs_order)
        if self.needs_order and place > 1:
            # Of a day that goes on only the last file is made anew: the counters before it are enough.
            self._runs.forget_counters(self._chains[place - 2])
        return Replayed(self._extracts[place], made.sums, made.seconds, True)

    def _linked(self) -> list[str]:
        """What the sums of each file follow from."""
        chains: list[str] = []
        for extract in self._extracts:
            before = chains[-1] if self.needs_order and chains else ""
            chains.append(hashlib.sha256(f"{before}{extract.sha256}".encode()).hexdigest())
        return chains


class Worker:
    """Replays one draft, file after file. `tell` gets how many receipts were replayed, and says whether to stop."""

    def __init__(self, draft: Draft, tell: Callable[[int], bool]) -> None:
        self._draft = draft
        self._ruleset = Ruleset(draft.image)
        self._tell = tell

    def replay(self, path: Path, extract: Extract, counters: bytes = b"") -> Made | None:
        """The sums of a file, from these counters on; None when it was stopped. ExtractDamaged."""
        begun = time.process_time()
        replayer = Replayer(self._ruleset, self._draft.since_us, self._draft.stores)
        replayer.restore(counters)
        with mapped_items(path, extract) as items:
            replayer.open(items, extract.names)
            try:
                while count := replayer.run(SLICE_RECEIPTS):
                    if self._tell(count):
                        return None
            finally:
                replayer.close()
        return Made(replayer.result(), time.process_time() - begun, replayer.counters())


# IN A PROCESS OF ITS OWN

_worker: Worker


def _begin(draft: Draft, done: Any, stop: Any, parent: int) -> None:
    global _worker
    follow_parent(signal.SIGKILL, parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def tell(count: int) -> bool:
        with done.get_lock():
            done.value += count
        return bool(stop.is_set())

    _worker = Worker(draft, tell)


def _replay(path: Path, extract: Extract) -> Made | None:
    return _worker.replay(path, extract)


def _put(path: Path, data: bytes) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft.write_bytes(data)
    draft.replace(path)
