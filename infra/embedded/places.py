"""Short paths for unix sockets, and locks that the kernel frees when their holder dies.

A socket's path may have at most 107 bytes, so a deep ``--var`` gets its sockets in a private folder under the system's
temporary directory, named by a hash of the var path: the same var always finds the same place.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from altyn.infra.errors import Trouble
from altyn.infra.processes import POLL_S

SOCKET_PATH_MAX = 107
_LONGEST_NAME = len("/postgres/.s.PGSQL.5432.lock")
_PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")


class PlaceTaken(Trouble):
    """The folder for sockets belongs to somebody else, or a lock was not freed in time."""


def socket_folder(var: Path, name: str) -> Path:
    """``var/run/<name>``, or its short stand-in; made with mode 0700."""
    base = var / "run"
    if len(os.fsencode(base)) + _LONGEST_NAME > SOCKET_PATH_MAX or not _PLAIN.fullmatch(str(base)):
        mark = hashlib.sha256(os.fsencode(var.resolve())).hexdigest()[:12]
        base = Path(tempfile.gettempdir()) / f"altyn-{os.geteuid()}-{mark}"
        if len(os.fsencode(base)) + _LONGEST_NAME > SOCKET_PATH_MAX:
            base = Path("/tmp") / base.name
    base.mkdir(mode=0o711, parents=True, exist_ok=True)
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PlaceTaken(f"{base} must be a folder of uid {os.geteuid()} that nobody else may write")
    place = base / name
    place.mkdir(mode=0o700, exist_ok=True)
    return place


@contextmanager
def exclusive(path: Path, patience_s: float) -> Iterator[int]:
    """Hold an exclusive lock on a file; yields its descriptor, which a child may inherit to keep the lock."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience_s
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise PlaceTaken(f"{path} is locked by another process for {patience_s:.0f} s") from None
                time.sleep(POLL_S)
        yield handle
    finally:
        os.close(handle)
