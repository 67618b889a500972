"""As whom embedded PostgreSQL runs: it refuses uid 0, and a container or CI machine often has nothing else.

Not root: as the same user. Root: inside a user namespace where root appears as an ordinary uid, so files stay owned by
root and nothing is chmod-ed; where namespaces are forbidden, dropped to the user behind sudo or to ``nobody``.
An existing cluster keeps the owner it has. It must never create users and never widen a permission outside its folder.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from altyn.infra.processes import die_with_parent

NOBODY = 65534
PROBE_PATIENCE_S = 20
_CLONE_NEWUSER = 0x10000000
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Identity:
    """``uid`` owns the files; ``in_namespace`` says that this uid is root's, seen as another from inside."""

    name: str
    uid: int
    gid: int
    in_namespace: bool = False

    @property
    def is_dropped(self) -> bool:
        return self.uid != os.geteuid()

    def popen_options(self, death_signal: int) -> dict[str, Any]:
        """Keyword arguments for ``subprocess.Popen``: become this identity, die with the parent."""
        options: dict[str, Any] = {
            "preexec_fn": die_with_parent(death_signal, enter_user_namespace if self.in_namespace else None)
        }
        if self.is_dropped:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options


def candidates(folder: Path) -> Iterator[Identity]:
    """Identities to try, best first, for a cluster in ``folder`` (its owner decides when it exists)."""
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0:
        yield Identity("as this user", uid, gid)
        return
    cluster = folder / "data"
    owner = cluster.stat() if cluster.exists() else None
    if owner is None or owner.st_uid == 0:
        yield Identity("in a user namespace", 0, 0, in_namespace=True)
    if owner is None:
        behind_sudo = int(os.environ.get("SUDO_UID") or 0), int(os.environ.get("SUDO_GID") or 0)
        if all(behind_sudo):
            yield Identity(f"as uid {behind_sudo[0]}", *behind_sudo)
        yield Identity(f"as uid {NOBODY}", NOBODY, NOBODY)
    elif owner.st_uid != 0:
        yield Identity(f"as uid {owner.st_uid}", owner.st_uid, owner.st_gid)


def can_run(identity: Identity, program: Path, folder: Path) -> bool:
    """True when this identity may write in ``folder`` and execute ``program``."""
    script = 'test -w "$0" && test -x "$0" && "$1" --version'
    try:
        return (
            subprocess.run(
                ["/bin/sh", "-c", script, str(folder), str(program)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd="/",
                timeout=PROBE_PATIENCE_S,
                **identity.popen_options(9),
            ).returncode
            == 0
        )
    except (OSError, subprocess.SubprocessError):
        return False


def enter_user_namespace() -> None:
    """In the child: a namespace where our root is ``nobody``. Raises OSError where that is forbidden."""
    if _LIBC.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{NOBODY} 0 1"), ("gid_map", f"{NOBODY} 0 1")):
        handle = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(handle, text.encode())
        os.close(handle)
