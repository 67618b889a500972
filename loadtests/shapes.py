"""How many tills are open over a run, for Locust: the stages of ``stages`` by its clock.

Users (``--users``) and length (``--run-time``) come from the command line. A shape opens tills and closes them; it
breaks nothing: in an outage the server is killed by somebody else, at the moments the stages name.
"""

from __future__ import annotations

from typing import Any, ClassVar

from locust import LoadTestShape, User

from altyn.loadtests import stages

SPAWN_RATE_MIN = 10.0
RUN_TIME_S = 60.0


class StagedShape(LoadTestShape):
    """One of the shapes; ends with its last stage."""

    abstract = True
    use_common_options = True
    shape_name: ClassVar[str]

    @property
    def length_s(self) -> float:
        """The run's length in seconds."""
        return float(self._option("run_time") or RUN_TIME_S)

    def tick(self) -> tuple[int, float] | tuple[int, float, list[type[User]] | None] | None:
        users_max = int(self._option("num_users") or 1)
        run_s: float = self.get_run_time()  # type: ignore[no-untyped-call]
        users = stages.users_at(self.shape_name, run_s / self.length_s, users_max)
        return None if users is None else (users, max(SPAWN_RATE_MIN, float(users_max)))

    def _option(self, name: str) -> Any:
        assert self.runner is not None
        return getattr(self.runner.environment.parsed_options, name)
