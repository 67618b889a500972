"""Hardware counters of the calling thread in user space, where the kernel lends them.

Instructions are the steadiest figure of a machine with neighbours. Where there is no perf_event_open, or it refuses,
`count` tells nothing instead of failing.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Callable

EVENTS = {"cycles": 0, "instructions": 1, "branch_misses": 5}
"""Generic hardware events by number (linux/perf_event.h)."""
CALL_NUMBERS = {"x86_64": 298, "aarch64": 241}
USER_SPACE_ONLY = 1 << 5 | 1 << 6


def count(work: Callable[[], object]) -> dict[str, int | None]:
    """What `work` took of each event; None for an event that is not lent."""
    counters = {name: open_counter(event) for name, event in EVENTS.items()}
    before = {name: read_counter(counter) for name, counter in counters.items()}
    work()
    after = {name: read_counter(counter) for name, counter in counters.items()}
    for counter in counters.values():
        if counter >= 0:
            os.close(counter)
    return {
        name: None if (end := after[name]) is None or (begin := before[name]) is None else end - begin
        for name in EVENTS
    }


def per_item(work: Callable[[int], object], items: int) -> dict[str, int | None]:
    """What one of `items` costs, where `work(n)` does all of them n times: without what `work` does around them."""
    once, thrice = count(lambda: work(1)), count(lambda: work(3))
    return {
        name: None if (low := once[name]) is None or (high := thrice[name]) is None else round((high - low) / 2 / items)
        for name in EVENTS
    }


def open_counter(event: int) -> int:
    """A descriptor that counts from now on; negative when refused."""
    number = CALL_NUMBERS.get(platform.machine())
    if not sys.platform.startswith("linux") or number is None:
        return -1
    # struct perf_event_attr in its first version: type and size, event, …, flags at byte 40.
    asked = struct.pack("<IIQ24xQ16x", 0, 64, event, USER_SPACE_ONLY)
    opened: int = ctypes.CDLL(None).syscall(number, asked, 0, -1, -1, 0)
    return opened


def read_counter(counter: int) -> int | None:
    return int.from_bytes(os.read(counter, 8), sys.byteorder) if counter >= 0 else None
