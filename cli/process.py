"""Run one of the processes of ``altyn up`` alone, in this very process."""

from __future__ import annotations

import os
import runpy

from altyn.cli.options import say
from altyn.infra.embedded import embedded_services
from altyn.infra.settings import Settings


def run_process(module: str, settings: Settings) -> None:
    """``python -m module`` with these settings as its environment, and the stores it needs."""
    with embedded_services(settings, say) as endpoints:
        os.environ.update(settings.environment() | endpoints.environment())
        runpy.run_module(module, run_name="__main__", alter_sys=True)
