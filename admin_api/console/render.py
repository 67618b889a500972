"""Templates: Jinja with every value escaped, no text of its own, and what all pages share."""

from __future__ import annotations

import secrets
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from altyn.admin_api.console.assets import address_of


@cache
def environment() -> Environment:
    """The templates of the console; a name that is not given is an error."""
    made = Environment(
        loader=PackageLoader("altyn.admin_api.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = address_of
    made.globals["icon"] = icon
    made.globals["once"] = lambda: secrets.token_hex(16)
    return made


def icon(name: str, extra: str = "") -> Markup:
    """A picture of ``icons.svg``; it says nothing to a reader of screens."""
    return Markup('<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        extra, address_of("icons.svg"), name
    )


def render(template: str, **given: Any) -> str:
    return environment().get_template(template).render(**given)
