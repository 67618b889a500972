"""The command ``altyn``: finds the command's own file, imports that one alone, and runs it.

Each command is a typer application called ``app`` in ``cli/<command>.py``, or in ``cli/<command>/command.py`` when it
needs a folder. Expected failures are told in one line and
give exit status 1; a wrong setting or call gives 2. It must import nothing heavy itself: ``altyn evaluate`` has a
second for everything.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

COMMANDS = {
    "up": "everything on one machine: stores, server, back office",
    "server": "the processing server alone",
    "admin": "the back office alone",
    "migrate": "apply the numbered SQL migrations",
    "doctor": "check settings, versions, durability, disk, clock, rules",
    "demo": "load the retail dataset, replay baskets through the door, verify",
    "evaluate": "calculate one receipt from files",
    "sandbox": "what is in the sandbox store that `altyn up --sandbox` makes",
    "send": "send one receipt to a running server",
    "code": "the one-time code a phone was to be sent",
    "token": "a token of a virtual card, as an app would show it",
    "reasons": "what a reason code means and what a till does about it",
    "conformance": "drive any register through faults and returns, and judge what it sends",
    "rules": "rule documents: schema, lint, diff",
    "backtest": "run a draft over the journal's past",
    "replay": "decide one stored receipt again, and say why it cost what it cost",
    "parity": "the core against the independent oracle (development checkout)",
    "backup": "save everything that cannot be made again, live",
    "restore": "load a backup into an empty place and verify it",
    "journal": "partitions of the journal: list, archive, check, attach",
    "verify": "check the invariants of a live or stopped system",
    "people": "who may sign in to the back office: add the first administrator, reset, list",
    "audit": "check the hash chain of the audit log",
    "chaos": "kill server and PostgreSQL under load, recover, verify",
    "load": "load tests: registers, runs against a local or remote server, the check after",
    "bench": "measure core, ledger, front door, backtest",
}
USAGE_STATUS = 2
TROUBLE_STATUS = 1


def app(arguments: list[str] | None = None) -> None:
    """Run ``altyn <command> …``; ends by SystemExit, as a console script does."""
    words = sys.argv[1:] if arguments is None else arguments
    name = words[0] if words else ""
    if name in ("", "-h", "--help"):
        print(_help())
        raise SystemExit(0 if name else USAGE_STATUS)
    if name == "--version":
        print(_version())
        raise SystemExit(0)
    if name not in available():
        print(f"altyn: no such command: {name!r}; see altyn --help", file=sys.stderr)
        raise SystemExit(USAGE_STATUS)
    try:
        import_module(_module_of(name)).app(words[1:], prog_name=f"altyn {name}")
    except Exception as error:
        status = _tell(error)
        if status is None:
            raise
        raise SystemExit(status) from None


def available() -> list[str]:
    """The commands this installation has, in the order of the help."""
    return [name for name in COMMANDS if _module_of(name)]


def _module_of(name: str) -> str:
    """The module that holds a command; empty when this installation has none."""
    folder = Path(__file__).parent
    if (folder / f"{name}.py").exists():
        return f"altyn.cli.{name}"
    return f"altyn.cli.{name}.command" if (folder / name / "command.py").exists() else ""


def _help() -> str:
    lines = [f"  {name:<10} {COMMANDS[name]}" for name in available()]
    return "\n".join(["usage: altyn COMMAND [OPTIONS]; altyn COMMAND --help tells more", "", *lines])


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"altyn {version('altyn')}"
    except PackageNotFoundError:
        return "altyn, not installed"


def _tell(error: Exception) -> int | None:
    """Print an expected failure; the exit status for it, or None for a surprise that deserves its traceback."""
    from altyn.infra.errors import Trouble

    kind = type(error)
    if kind.__name__ == "ValidationError" and getattr(error, "title", "") == "Settings":
        for problem in error.errors():  # type: ignore[attr-defined]
            field = ".".join(map(str, problem["loc"]))
            print(f"altyn: setting {field} (ALTYN_{field.upper()}): {problem['msg']}", file=sys.stderr)
        return USAGE_STATUS
    if isinstance(error, Trouble | OSError) or kind.__module__.partition(".")[0] in ("asyncpg", "redis"):
        print(f"altyn: {str(error) or kind.__name__}", file=sys.stderr)
        return TROUBLE_STATUS
    return None
