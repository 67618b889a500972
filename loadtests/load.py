"""What all users of one process share: settings, stock, registers, clock, meter, ledger.

One register identity belongs to one user at a time. RegisterUsers take them from one end, StoreForwardUsers from the
other: a register's numbers must come from one kind of till. It must never be made at import: a load test that is only
listed sends nothing.
"""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

from locust.env import Environment
from locust.runners import WorkerRunner

from altyn.loadtests.ledger import Ledger
from altyn.loadtests.meter import Meter
from altyn.loadtests.pacing import ClosedLoop, OpenLoop, Pace
from altyn.loadtests.receipts import Stock
from altyn.loadtests.settings import Identity, LoadSettings, SettingWrong
from altyn.register.history import SteadyClock


class Load:
    """This process's part of a run."""

    def __init__(self, settings: LoadSettings, environment: Environment) -> None:
        """Loads the stock, which takes seconds. Raises OSError, ValueError."""
        self.settings = settings
        self.environment = environment
        self.clock = SteadyClock()
        self.meter = Meter()
        self.stock = Stock.open(settings.stock, settings.baskets)
        self.ledger = Ledger(settings.out / "told")
        #: Of StoreForwardUsers: the process of their registers, and registers that still send what they owe.
        self.tills: Any = None
        self.settling: list[Any] = []
        self._numbers = itertools.count()
        self._free = deque(self._own_registers(environment.runner))

    def take_register(self, *, last: bool = False) -> Identity:
        """A register that nobody has. Raises SettingWrong."""
        if not self._free:
            raise SettingWrong("--registers: fewer registers than users; two tills must not share an identity")
        return self._free.pop() if last else self._free.popleft()

    def give_back(self, identity: Identity, *, last: bool = False) -> None:
        """The user has stopped."""
        if last:
            self._free.append(identity)
        else:
            self._free.appendleft(identity)

    def new_seed(self) -> int:
        """Another for each user, the same ones in each run."""
        return self.settings.seed * 1_000_003 + next(self._numbers)

    def new_pace(self, seed: int, busy_us: int = 0) -> Pace:
        """``busy_us``: how long a receipt takes at this till by plan."""
        settings = self.settings
        if settings.pacing == "closed":
            return ClosedLoop(settings.receipts_per_s, self.clock.now_us())
        return OpenLoop(
            settings.receipts_per_s,
            self.clock.now_us(),
            backlog_max=settings.backlog_max,
            seed=seed,
            busy_us=busy_us,
        )

    def _own_registers(self, runner: Any) -> tuple[Identity, ...]:
        """All of them, or this worker's share."""
        everyone = self.settings.registers
        if not isinstance(runner, WorkerRunner):
            return everyone
        workers_count = max(1, int(getattr(self.environment.parsed_options, "processes", None) or 1))
        return everyone[max(0, runner.worker_index) % workers_count :: workers_count]


def load_of(environment: Environment) -> Load | None:
    """The load of the run that is under way or about to be."""
    return getattr(environment, "altyn_load", None)


def current_load(environment: Environment) -> Load:
    """The same, for users: there is one while they live."""
    load = load_of(environment)
    assert load is not None
    return load
