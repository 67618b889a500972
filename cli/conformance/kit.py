"""Runs the checks one after another on one register, then judges everything it sent.

The register keeps its state directory over the whole run: numbers and queues live through every fault. Invariants: a
check that fails does not stop the others; the register's process is gone when this returns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc.aio

from altyn.cli.conformance.bench import Bench, Place
from altyn.cli.conformance.checks import CHECKS
from altyn.cli.conformance.driver import Driver, Misbehaved, NotDriven, Stopped
from altyn.cli.conformance.judge import RULES, Broken, Traffic, judge
from altyn.cli.conformance.proxy import Proxy
from altyn.cli.conformance.seen import Receipt

PASSED, FAILED, NOT_DRIVEN = "passed", "failed", "not driven"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report."""

    name: str
    says: str
    state: str
    evidence: str
    seconds: float = 0.0


@dataclass
class Verdict:
    """All of them. ``stubbed`` are calls the server has not got yet: what the register sent was judged, what it would
    have been answered was not.
    """

    results: list[Result] = field(default_factory=list)
    stubbed: list[str] = field(default_factory=list)
    requests_count: int = 0

    @property
    def is_clean(self) -> bool:
        return bool(self.results) and all(result.state == PASSED for result in self.results)

    def of(self, name: str) -> Result:
        """KeyError when there is no such check."""
        for result in self.results:
            if result.name == name:
                return result
        raise KeyError(name)

    def as_json(self) -> dict[str, Any]:
        counts = {
            state.replace(" ", "_"): sum(result.state == state for result in self.results)
            for state in (PASSED, FAILED, NOT_DRIVEN)
        }
        results = [
            {name: getattr(result, name) for name in ("name", "says", "state", "evidence", "seconds")}
            for result in self.results
        ]
        return {
            "checks": len(self.results),
            **counts,
            "requests": self.requests_count,
            "stubbed": self.stubbed,
            "results": results,
        }


async def run_checks(
    driver: Driver,
    server: str,
    place: Place,
    names: Sequence[str],
    progress: Callable[[Result], None] = lambda _: None,
) -> Verdict:
    """Run these checks in this order on the server at this address."""
    verdict = Verdict()
    made: list[tuple[str, Receipt]] = []
    # Minutes since 1970: receipts of an earlier run on the same server keep their own shifts.
    first_shift = int(time.time()) // 60 * 100
    async with Proxy(server) as proxy:
        try:
            for number, name in enumerate(names):
                bench = Bench(driver, proxy, place, first_shift + number, made, len(proxy.seen))
                result = await _run(name, bench)
                verdict.results.append(result)
                progress(result)
            await driver.power_off()
        finally:
            await driver.kill()
        for result in judged(Traffic(proxy.seen, (place.store_id, place.register_id), place.key, made)):
            verdict.results.append(result)
            progress(result)
        verdict.stubbed = sorted({seen.call for seen in proxy.seen if seen.is_stubbed})
        verdict.requests_count = len(proxy.seen)
    return verdict


def judged(traffic: Traffic) -> list[Result]:
    """The rules over all traffic; without an operation there is nothing to judge."""
    if not traffic.operations:
        return [Result(name, says, NOT_DRIVEN, "no effect call came") for name, (says, _) in RULES.items()]
    found = judge(traffic)
    return [Result(name, RULES[name][0], PASSED if holds else FAILED, why) for name, (holds, why) in found.items()]


async def _run(name: str, bench: Bench) -> Result:
    says, scenario = CHECKS[name]
    started_s = time.monotonic()
    try:
        bench.calm()
        await bench.power_on()
        state, evidence = PASSED, await scenario(bench)
    except Broken as broken:
        state, evidence = FAILED, str(broken)
    except (Misbehaved, Stopped) as trouble:
        state, evidence = FAILED, f"the register: {trouble}"
    except grpc.aio.AioRpcError as error:
        state, evidence = FAILED, f"the server, asked by the kit: {error.code().name} {error.details()}"
    except NotDriven as unknown:
        state, evidence = NOT_DRIVEN, str(unknown)
    bench.calm()
    return Result(name, says, state, evidence, round(time.monotonic() - started_s, 2))
