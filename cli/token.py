"""``altyn token``: a token of a virtual card, as the customer's app would show it. For trying registers out.

In production the app's backend asks the back office: `POST /v1/cards/{card_id}/token`. Nobody is asked here whether
there is such a card: the register will be told.
"""

from __future__ import annotations

import secrets
import time
from typing import Annotated

import typer

from altyn.cli.options import Var, settings_with
from altyn.core.engine.identity import qr_token
from altyn.infra.settings import load_secrets

app = typer.Typer(add_completion=False)

CARD_ID_MAX = (1 << 48) - 1
LIFE_US = 60_000_000


@app.command()
def run(
    card_id: Annotated[int, typer.Argument(min=1, max=CARD_ID_MAX, help="As the back office tells it.")],
    var: Var = None,
) -> None:
    """Print a token that lives for a minute, made with the pepper of this installation."""
    pepper = load_secrets(settings_with(var)).pepper
    print(qr_token(pepper, card_id, time.time_ns() // 1_000 + LIFE_US, secrets.token_bytes(2)))
