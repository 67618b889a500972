"""``python -m altyn.cli`` is ``altyn``."""

from altyn.cli.main import app

app()
