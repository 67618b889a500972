"""Starting what `altyn bench front` compares: our servers, Python peers, and peers built from `peers/` on the spot."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from altyn.infra.processes import Child, start_children, stop_process

SOURCES = Path(__file__).parent / "peers"
READY_PATIENCE_S = 60.0
CORES = sorted(os.sched_getaffinity(0))  # at the start: inside a block there is only one to choose from


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """This process, and what it starts meanwhile, on one core, also within such a block; a single core is kept."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CORES[number % len(CORES)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def build_peer(
    name: str, folder: Path, packages: Sequence[str] = (), sources: Path = SOURCES, level: str = "-O2"
) -> Path | str:
    """The program built from `<name>.cc` of `sources`, or why there is none. `packages`: of pkg-config."""
    source, program = sources / f"{name}.cc", folder / name
    compiler = shutil.which("g++") or shutil.which("c++")
    if not source.exists() or compiler is None:
        return "no source or no C++ compiler here"
    flags: list[str] = []
    if packages:
        try:
            asked = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], capture_output=True, text=True)
        except OSError:
            return "no pkg-config here"
        if asked.returncode != 0:
            return f"no development files of {', '.join(packages)} here"
        flags = asked.stdout.split()
    command = [compiler, "-std=c++17", level, "-o", str(program), str(source), *flags]
    built = subprocess.run(command, capture_output=True)
    return program if built.returncode == 0 else f"{source.name} does not build here"


def start_servers(
    commands: Mapping[str, Sequence[str]],
    environment: Mapping[str, Mapping[str, str]],
    folder: Path,
    stack: ExitStack,
    *,
    pinned: bool = True,
    patience_s: float = READY_PATIENCE_S,
) -> tuple[dict[str, Child], dict[str, str]]:
    """All of them, `pinned` to the first core: the processes, and where they listen. They stop with `stack`."""
    children: dict[str, Child] = {}
    with on_core(0) if pinned else nullcontext():
        for name, argv in commands.items():
            log = folder / f"{name}.log"
            children[name] = Child(name, list(argv), log=log, environment=dict(environment.get(name, {})))
            stack.callback(stop_process, children[name].process, [(signal.SIGTERM, 10.0)])
    ready = start_children(list(children.values()), patience_s)
    return children, {name: told["grpc"] for name, told in ready.items()}
