"""``altyn server``: the processing server in this process, with embedded stores if none are given."""

from __future__ import annotations

from typing import Annotated

import typer

from altyn.cli.options import Var, settings_with
from altyn.cli.process import run_process

app = typer.Typer(add_completion=False)


@app.command()
def run(
    var: Var = None,
    grpc_listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The registers' door.")] = None,
    ops_listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The back office's door.")] = None,
) -> None:
    """Answer registers until told to stop."""
    run_process("altyn.server", settings_with(var, grpc_listen=grpc_listen, ops_listen=ops_listen))
