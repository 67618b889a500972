"""PostgreSQL's own tools for saving and loading: found beside the server programs, given a DSN without showing it.

The password travels in the environment, never in an argument that others can list.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from altyn.infra.embedded.providers import NoProvider, find_postgres
from altyn.infra.errors import Trouble

POSTGRES_TOOLS_PATIENCE_S = 24 * 3600.0


def postgres_tool(name: str) -> str:
    """The path of `pg_dump`, `pg_restore`, …: `ALTYN_PG_BIN`, the embedded programs, then PATH. NoProvider."""
    try:
        beside: Path | None = find_postgres().folder / name
    except NoProvider:
        beside = None
    if beside is not None and os.access(beside, os.X_OK):
        return str(beside)
    found = shutil.which(name)
    if found is None:
        raise NoProvider(f"{name} was not found: install PostgreSQL's client programs, or set ALTYN_PG_BIN")
    return found


def run_tool(name: str, dsn: str, *arguments: str) -> None:
    """Run a tool against a database to its end. Trouble with what it said; NoProvider."""
    ended = subprocess.run(
        [postgres_tool(name), *arguments],
        env=tool_environment(dsn),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=POSTGRES_TOOLS_PATIENCE_S,
        check=False,
    )
    if ended.returncode:
        raise Trouble(f"{name} failed: {ended.stderr.strip()}")


def tool_environment(dsn: str) -> dict[str, str]:
    """The environment in which a tool connects to `dsn` (``postgresql://user:password@host:port/database?host=…``)."""
    parts, query = urlsplit(dsn), parse_qs(urlsplit(dsn).query)
    found = {
        "PGHOST": query.get("host", [unquote(parts.hostname or "")])[0],
        "PGPORT": query.get("port", [str(parts.port or "")])[0],
        "PGUSER": unquote(parts.username or "") or query.get("user", [""])[0],
        "PGPASSWORD": unquote(parts.password or "") or query.get("password", [""])[0],
        "PGDATABASE": unquote(parts.path.lstrip("/")),
        "PGSSLMODE": query.get("sslmode", [""])[0],
        "PGSSLROOTCERT": query.get("sslrootcert", [""])[0],
        "PGAPPNAME": "altyn",
    }
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")}
    return kept | {"LC_ALL": "C"} | {name: value for name, value in found.items() if value}
