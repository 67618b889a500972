"""The stages of every shape of load: which share of the tills is open in which share of the run.

A shape is stages, each a share of the run's length that goes straight from one share of the users to another, so the
same shape lasts eight hours or five seconds. Pure data and arithmetic: Locust (``shapes``) and who breaks a server for
an outage (``altyn load run``) read the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """``length_share`` of the run; the users go from one share to the other."""

    name: str
    length_share: float
    users_from: float
    users_to: float


STAGES: dict[str, tuple[Stage, ...]] = {
    # Tills open one after another until all are busy.
    "morning": (Stage("opening", 0.2, 0.05, 0.2), Stage("ramp", 0.5, 0.2, 1.0), Stage("open", 0.3, 1.0, 1.0)),
    # Half the tills, then all at once, then half again: what comes must be served, and what queued must go.
    "peak": (Stage("usual", 0.3, 0.5, 0.5), Stage("rush", 0.4, 1.0, 1.0), Stage("after", 0.3, 0.5, 0.5)),
    # The same load for hours: leaks, drift, full disks.
    "soak": (Stage("ramp", 0.05, 0.1, 1.0), Stage("soak", 0.95, 1.0, 1.0)),
    # Steady load while the server goes away and comes back: queues drain, nothing acknowledged is lost.
    "outage": (Stage("before", 0.3, 1.0, 1.0), Stage("outage", 0.2, 1.0, 1.0), Stage("recovery", 0.5, 1.0, 1.0)),
}


def marks(shape: str, length_s: float) -> list[tuple[str, float]]:
    """Each stage of a shape and the second of the run at which it begins; none of a shape without stages."""
    found, at_s = [], 0.0
    for stage in STAGES.get(shape, ()):
        found.append((stage.name, at_s))
        at_s += stage.length_share * length_s
    return found


def users_at(shape: str, at_share: float, users_max: int) -> int | None:
    """The users at a share of the run, at least one; None when it is over."""
    for stage in STAGES[shape]:
        if at_share < stage.length_share:
            share = stage.users_from + (stage.users_to - stage.users_from) * at_share / stage.length_share
            return max(1, round(users_max * share))
        at_share -= stage.length_share
    return None
