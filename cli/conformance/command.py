"""``altyn conformance``: any register implementation through lost replies, time-outs, power cuts, reorders and returns.

Drives a register's adapter through every check (``--register``), or only listens, with faults by chance, for a till
that people work by hand (``--listen``). Without ``--target`` it starts a server of its own in a folder under VAR. Exit
status 0 only when every check and every rule passed.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from altyn.cli.conformance.bench import Place
from altyn.cli.conformance.checks import CHECKS
from altyn.cli.conformance.driver import Driver
from altyn.cli.conformance.judge import RULES, Traffic
from altyn.cli.conformance.kit import PASSED, Result, Verdict, judged, run_checks
from altyn.cli.conformance.proxy import PASS, Fault, Proxy
from altyn.cli.conformance.seen import Seen
from altyn.cli.options import AsJson, Var, say, settings_with
from altyn.infra.errors import Trouble

REFERENCE = f"{shlex.quote(sys.executable)} -m altyn.cli.conformance.reference"
#: One request in so many meets a fault while listening.
FAULT_EVERY = 5
CHANCE = ("lose", "drop", "twice", "retry", "strange", "hang")

app = typer.Typer(add_completion=False)


@app.command()
def run(
    register: Annotated[
        str, typer.Option(metavar="COMMAND", help="The register's adapter; default: that of altyn.register.")
    ] = REFERENCE,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CHECK", help="This check; may be repeated.")
    ] = None,
    skip: Annotated[list[str] | None, typer.Option("--skip", metavar="CHECK", help="Not this one.")] = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Drive nothing: a proxy with faults for a till worked by hand."),
    ] = None,
    seconds: Annotated[int, typer.Option(min=1, max=86_400, help="How long to listen.")] = 600,
    seed: Annotated[int, typer.Option(help="Chooses the faults while listening.")] = 1,
    target: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="A running server; default: one of its own.")
    ] = None,
    store: Annotated[str, typer.Option(help="The register's store.")] = "s1",
    register_id: Annotated[str, typer.Option(help="The register.")] = "r1",
    key: Annotated[str, typer.Option(help="Its key.")] = "register-key-1",
    card: Annotated[str, typer.Option(help="A card to sell to.")] = "",
    currency: Annotated[str, typer.Option(help="The store's currency.")] = "RUB",
    state: Annotated[
        Path | None, typer.Option(help="The register's state directory, kept; default: a fresh one.")
    ] = None,
    list_checks: Annotated[bool, typer.Option("--list", help="Name the checks and stop.")] = False,
    var: Var = None,
    as_json: AsJson = False,
) -> None:
    """Check a register implementation against the contract, with faults in the middle."""
    if list_checks:
        for name, (says, _) in (CHECKS | RULES).items():
            print(f"{name:18} {says}")
        return
    names = [name for name in (only or CHECKS) if name not in (skip or ())]
    for name in (*names, *(skip or ())):
        if name not in CHECKS:
            raise Trouble(f"no such check: {name}; see altyn conformance --list")
    parent = settings_with(var).var
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="conformance-", dir=parent))
    state_dir = state or folder / "register"
    state_dir.mkdir(parents=True, exist_ok=True)
    place = Place(store, register_id, key, state_dir.resolve(), card, currency)
    with server_at(target, folder) as address:
        if listen:
            verdict = asyncio.run(listen_only(address, listen, place, seconds, seed))
        else:
            driver = Driver(shlex.split(register), folder / "register.log")
            say(f"{len(names)} checks of: {register}")
            verdict = asyncio.run(run_checks(driver, address, place, names, quietly if as_json else show))
    if verdict.is_clean and state is None:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        say(f"kept for a look: {folder}")
    tell(verdict, as_json)
    raise typer.Exit(0 if verdict.is_clean else 1)


@contextmanager
def server_at(target: str | None, folder: Path) -> Iterator[str]:
    """The address given, or that of a server of its own with the small world's store."""
    if target:
        yield target
        return
    from altyn.cli.chaos.kills import own_stores
    from altyn.cli.chaos.server_process import ServerProcess
    from altyn.cli.chaos.small_world import prepare

    say("starting a server of its own")
    with own_stores(folder) as stores:
        asyncio.run(prepare(stores.postgres.dsn()))
        server = ServerProcess(stores.postgres.dsn(), stores.valkey.url, folder)
        server.start()
        try:
            yield server.grpc_address
        finally:
            server.stop()


async def listen_only(server: str, listen: str, place: Place, seconds: int, seed: int) -> Verdict:
    """Pass on with faults by chance until the time is over, then judge what came."""
    random = Random(seed)

    def plan(_: Seen) -> Fault:
        if random.randrange(FAULT_EVERY):
            return PASS
        return Fault(random.choice(CHANCE), wait_s=0.5)

    async with Proxy(server, listen) as proxy:
        proxy.plan = plan
        say(f"point the register to {proxy.target} for {seconds} s: one request in {FAULT_EVERY} meets a fault")
        await asyncio.sleep(seconds)
        traffic = Traffic(proxy.seen, (place.store_id, place.register_id), place.key)
        found = judged(traffic)
        stubbed = sorted({seen.call for seen in proxy.seen if seen.is_stubbed})
        return Verdict(found, stubbed, len(proxy.seen))


def show(result: Result) -> None:
    mark = "ok " if result.state == PASSED else "NO "
    print(f"{mark} {result.name:18} {result.seconds:6.2f} s  {result.says}", flush=True)
    if result.state != PASSED:
        print(f"    {result.state}: {result.evidence}", flush=True)


def tell(verdict: Verdict, as_json: bool) -> None:
    told = verdict.as_json()
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return
    if verdict.stubbed:
        print(f"answered by the kit's stub, not by the server: {', '.join(verdict.stubbed)}")
    counts = ", ".join(f"{told[name]} {name.replace('_', ' ')}" for name in ("passed", "failed", "not_driven"))
    print(f"{counts} of {told['checks']}, {told['requests']} requests")


def quietly(_: Result) -> None:
    """With --json only the last line is told."""
