"""``altyn admin``: the back office in this process, with embedded stores if none are given."""

from __future__ import annotations

from typing import Annotated

import typer

from altyn.cli.options import Var, settings_with
from altyn.cli.process import run_process

app = typer.Typer(add_completion=False)


@app.command()
def run(
    var: Var = None,
    listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Address of the back office.")] = None,
) -> None:
    """Serve the back office and its background work until told to stop."""
    run_process("altyn.admin_api", settings_with(var, admin_listen=listen))
