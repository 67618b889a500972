"""Who goes first on a core that those who measure share with what they measure beside.

A process that only spins, with the least weight there is, still keeps a waking generator waiting for the end of its
slice: milliseconds, where a call takes a tenth of one. So whoever measures goes before all others where the system
lets it, whoever disturbs runs only when nobody else would, and every result says what the system has granted. As
`python -m altyn.benchmarks.front_precedence SHARE` it is the control of an attacker: it takes so much of a core, does
nothing with it, until it is ended.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator

PRIORITY = 10  # of the real-time ones: above everybody ordinary, below the kernel's own
NICE_MIN, NICE_MAX = -20, 19
REST_S = 0.0005
STOOD_STILL_S = 0.02


def go_first(pid: int = 0) -> str:
    """`real-time`, `nice` or `ordinary`: what the system granted this process, or the first thread of another."""
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
        return "real-time"
    except (AttributeError, OSError):
        pass
    try:
        os.setpriority(os.PRIO_PROCESS, pid, NICE_MIN)
        return "nice"
    except OSError:
        return "ordinary"


def go_last() -> str:
    """`idle` or `nice`: this process gives way to everybody who has something to do."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        return "idle"
    except (AttributeError, OSError):
        os.nice(NICE_MAX)
        return "nice"


@contextlib.contextmanager
def going_first() -> Iterator[str]:
    """This process, until the end of the block."""
    policy, priority, nice = os.sched_getscheduler(0), os.sched_getparam(0), os.getpriority(os.PRIO_PROCESS, 0)
    try:
        yield go_first()
    finally:
        os.sched_setscheduler(0, policy, priority)
        os.setpriority(os.PRIO_PROCESS, 0, nice)


def spin(share: float) -> None:
    """Take `share` of a core, evenly; times in which it was made to stand still are not made up for."""
    began = seen = time.monotonic()
    spent = time.process_time()
    while True:
        now = time.monotonic()
        if now - seen > STOOD_STILL_S:
            began, spent = now, time.process_time()
        seen = now
        if time.process_time() - spent > share * (now - began):
            time.sleep(REST_S)


if __name__ == "__main__":
    go_last()
    print("{}", flush=True)
    spin(float(sys.argv[1]))
