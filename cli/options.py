"""Options that several commands share, and the settings they lead to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from altyn.infra.settings import Settings

Var = Annotated[
    Path | None, typer.Option("--var", metavar="DIR", help="Directory of stored data [ALTYN_VAR or ./var].")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


def settings_with(var: Path | None, **given: Any) -> Settings:
    """The environment's settings, with the options that were given on top. Raises pydantic's ValidationError."""
    chosen = {"var": var, **given}
    return Settings(**{name: value for name, value in chosen.items() if value is not None})


def say(text: str) -> None:
    """Tell a person how things go, apart from results on standard output."""
    print(text, file=sys.stderr, flush=True)
