"""What a choice offers that is not a fixed vocabulary, and how many digits amounts have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from altyn.admin_api.assets.repository import list_assets
from altyn.admin_api.console.pages import Visit
from altyn.admin_api.console.programme.typed import Scales

Options = Mapping[str, Sequence[tuple[str, str]]]


async def options_of(visit: Visit) -> tuple[Options, Scales]:
    """By name of the source: (value, text) of each; and the digits after the point."""
    rows = await list_assets(visit.call.connection, visit.call.tenant)
    assets = [(row["asset"], visit.t.of(row["title"], row["asset"])) for row in rows]
    money = {row["asset"] for row in rows if row["kind"] == "MONEY"}
    options = {"assets": assets, "money_assets": [one for one in assets if one[0] in money]}
    return options, Scales(visit.shell.exponent, {row["asset"]: row["scale"] for row in rows})
