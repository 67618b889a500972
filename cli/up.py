"""``altyn up``: the whole of Altyn on one machine, in the foreground, gone without a trace of processes when it ends.

Order: stores, migrations, server, snapshot writer, back office, then the demo's data. Each process tells where it
listens by its readiness line, and the later ones are given that address. Invariants: nothing is restarted (the first
death ends everything, with exit status 1); Ctrl-C and SIGTERM end everything with status 0; killed by force, the kernel
ends the rest. It decides nothing about receipts and holds no state.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
import typer

from altyn.cli.migrate import apply_migrations
from altyn.cli.options import Var, say, settings_with
from altyn.infra.embedded import Endpoints, embedded_services
from altyn.infra.processes import Child, start_children, stop_children
from altyn.infra.settings import Settings, split_address

# (name, module), in order of starting. ``python -m module`` must print one line ``ready {json}``.
PROCESSES: Sequence[tuple[str, str]] = (
    ("server", "altyn.server"),
    ("snapshotter", "altyn.server.snapshotter"),
    ("admin", "altyn.admin_api"),
)
# Doors by the key of the readiness line; the setting of the same name is rewritten for the processes that follow.
DOORS = {"grpc": "grpc_listen", "ops": "ops_listen", "admin": "admin_listen"}
METRICS = ("metrics_listen", "admin_metrics_listen")
READY_PATIENCE_S = 600.0
STOP_PATIENCE_S = 30.0
TELL_EVERY_S = 5.0
WATCH_EVERY_S = 0.2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class Running:
    """A started system: what the demo's loader is given."""

    settings: Settings
    endpoints: Endpoints
    ready: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class StopAsked(BaseException):
    """Somebody asked this process to end. Not an Exception: no handler of failures may swallow it."""


@app.command()
def run(
    var: Var = None,
    demo: Annotated[bool, typer.Option("--demo", help="Load the demo programme when all is ready.")] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Load the sandbox store with its test cards when all is ready.")
    ] = False,
    grpc_listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The registers' door.")] = None,
    ops_listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The back office's door.")] = None,
    admin_listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The back office.")] = None,
) -> None:
    """Start everything, print where it is, stay until told to stop."""
    if demo and sandbox:
        raise typer.BadParameter("--demo and --sandbox: one of them, so that the sandbox's replies stay exact")
    settings = settings_with(var, grpc_listen=grpc_listen, ops_listen=ops_listen, admin_listen=admin_listen)
    with suppress(StopAsked), stop_signals_raise():
        run_up(with_free_ports(settings), PROCESSES, load_demo if demo else load_sandbox if sandbox else None)


def run_up(
    settings: Settings,
    processes: Sequence[tuple[str, str]],
    load: Callable[[Running], str | None] | None = None,
) -> None:
    """Start all, tell it, watch for ever; ends by ChildFailed or by what a signal raises, with everything stopped."""
    with embedded_services(settings, say) as endpoints:
        applied = asyncio.run(apply_migrations(endpoints.postgres_dsn, settings))
        say(f"schema ready, {len(applied)} migrations applied")
        children: list[Child] = []
        try:
            ready = start_processes(settings, endpoints, processes, children)
            note = load(Running(settings, endpoints, ready)) if load else None
            tell_ready(settings, ready, note)
            while True:
                watch(children, endpoints)
                time.sleep(WATCH_EVERY_S)
        finally:
            ignore_stop_signals()
            if children:
                say("stopping")
                stop_children(children[::-1], STOP_PATIENCE_S)


def start_processes(
    settings: Settings, endpoints: Endpoints, processes: Sequence[tuple[str, str]], children: list[Child]
) -> dict[str, Mapping[str, Any]]:
    """Start one after another, each once the one before is ready; ``children`` is filled for the caller to stop."""
    environment = settings.environment() | endpoints.environment()
    ready: dict[str, Mapping[str, Any]] = {}
    for name, module in processes:
        say(f"starting {name}")
        child = Child(
            name,
            [sys.executable, "-m", module],
            log=settings.var / "logs" / f"{name}.log",
            environment=environment,
        )
        children.append(child)
        ready |= start_children([child], READY_PATIENCE_S, _watch_and_tell(children, endpoints, name))
        for door, setting in DOORS.items():
            address = ready[name].get(door)
            if isinstance(address, str):
                environment[f"ALTYN_{setting.upper()}"] = address
    return ready


def watch(children: Sequence[Child], endpoints: Endpoints) -> None:
    """Raise ChildFailed when anything that was started has died."""
    endpoints.check()
    for child in children:
        child.check()


def tell_ready(settings: Settings, ready: Mapping[str, Mapping[str, Any]], note: str | None) -> None:
    """Say where everything is; the last line is for programs: ``ready {json}``, name of process → what it told."""
    doors = {door: address for told in ready.values() for door, address in told.items() if door in DOORS}
    if "admin" in doors:
        print(f"back office   http://{doors['admin']}/")
    if "grpc" in doors:
        print(f"registers     {doors['grpc']} (gRPC, altyn.pos.v1)")
    for name, told in ready.items():
        if told.get("metrics"):
            print(f"metrics       http://{told['metrics']}/metrics ({name})")
    print(f"data, logs    {settings.var}")
    if note:
        print(note)
    print("Ctrl-C stops everything")
    print("ready " + orjson.dumps(ready).decode(), flush=True)


def load_demo(running: Running) -> str | None:
    """Load the demo programme; its text, for people, is printed with the addresses."""
    say("loading the demo programme")
    note: str | None = importlib.import_module("altyn.cli.demo.load").load(running)
    return note


def load_sandbox(running: Running) -> str | None:
    """Load the sandbox store; its text, with the registers' keys, is printed with the addresses."""
    say("loading the sandbox")
    note: str | None = importlib.import_module("altyn.cli.sandbox.load").load(running)
    return note


def with_free_ports(settings: Settings) -> Settings:
    """The same settings; a default address that is taken on this machine gives way to a free port."""
    changed: dict[str, str] = {}
    for setting in (*DOORS.values(), *METRICS):
        if setting in settings.model_fields_set:
            continue
        host, port = split_address(getattr(settings, setting))
        if port and not _is_free(host, port):
            say(f"{host}:{port} is taken; {setting} gets a free port")
            changed[setting] = f"{host}:0"
    return settings.model_copy(update=changed) if changed else settings


@contextmanager
def stop_signals_raise() -> Iterator[None]:
    """Inside, the first stop signal raises StopAsked in the main thread, and later ones are ignored."""

    def on_signal(_number: int, _frame: object) -> None:
        ignore_stop_signals()
        raise StopAsked

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number, handler in before.items():
        if number != signal.SIGHUP or handler is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_stop_signals() -> None:
    """While stopping, which has an end of its own, nothing may interrupt it."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _watch_and_tell(children: Sequence[Child], endpoints: Endpoints, name: str) -> Callable[[], None]:
    start = told = time.monotonic()

    def check() -> None:
        nonlocal told
        watch(children, endpoints)
        now = time.monotonic()
        if now - told >= TELL_EVERY_S:
            told = now
            say(f"{name} is starting, {now - start:.0f} s")

    return check


def _is_free(host: str, port: int) -> bool:
    try:
        with socket.create_server((host, port)):
            return True
    except OSError:
        return False
