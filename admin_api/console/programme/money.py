"""Currencies and money accounts with their rates, the programme and its limits, tiers."""

from __future__ import annotations

from altyn.admin_api.assets import handlers as assets
from altyn.admin_api.assets.schemas import AssetKind
from altyn.admin_api.console.programme.things import Act, Answer, Field, Table, Thing
from altyn.admin_api.program import handlers as program
from altyn.admin_api.tiers import handlers as tiers
from altyn.admin_api.tiers.schemas import Measure, Period

TITLES = (Field("title.en"), Field("title.ru"))
ASSET = (
    *TITLES,
    Field("scale", "number", is_needed=True),
    Field("kind", "choice", tuple(AssetKind)),
    Field("step_points", "number", is_needed=True),
    Field("expire_after_days", "number"),
    Field("adjust_points_max", "points"),
    Field("adjust_day_points_max", "points"),
)
RATE = (Field("from_points", "number", is_needed=True), Field("to_points", "number", is_needed=True))

RATES = Table(
    name="rates",
    path="/programme/currencies/{asset}/rates",
    call=assets.list_rates,
    rows="rates",
    key="to_asset",
    columns=(("to_asset", "text"), ("from_points", "number"), ("to_points", "number")),
    make=(
        Act(
            "put",
            assets.put_rate,
            (Field("to_asset", "choice", source="assets", is_needed=True), *RATE),
            picture="plus",
        ),
    ),
    acts=(Act("delete", assets.delete_rate, picture="trash", is_final=True),),
)
CURRENCIES = Table(
    name="currencies",
    path="/programme/currencies",
    call=assets.list_assets,
    rows="assets",
    key="asset",
    columns=(
        ("asset", "text"),
        ("title", "titles"),
        ("kind", "word"),
        ("scale", "number"),
        ("step_points", "number"),
        ("expire_after_days", "number"),
        ("adjust_points_max", "points"),
    ),
    filters=(Field("text"),),
    make=(Act("make", assets.put_asset, (Field("asset", is_needed=True), *ASSET), picture="plus", answer=Answer.ONE),),
    leads="/programme/currencies/{asset}",
)
CURRENCY = Thing(
    name="currency",
    path="/programme/currencies/{asset}",
    call=assets.get_asset,
    title="{asset}",
    facts=(("asset", "text"), ("asset_no", "number"), ("kind", "word"), ("zone", "text")),
    save=Act("save", assets.put_asset, ASSET),
    parts=(RATES,),
    kind="asset",
    object_id="{asset}",
    above="/programme/currencies",
)

PROGRAM = Thing(
    name="program",
    path="/programme/program",
    call=program.get_program,
    title="",
    facts=(("program", "text"), ("zone", "text"), ("currency", "text"), ("exponent", "number")),
    save=Act(
        "save",
        program.put_program,
        (
            Field("title", is_needed=True),
            Field("currency", is_needed=True),
            Field("exponent", "number", is_needed=True),
        ),
    ),
    kind="program",
    object_id="{tenant}",
)
LIMITS = Thing(
    name="limits",
    path="/programme/limits",
    call=program.get_limits,
    title="",
    facts=(),
    save=Act(
        "save",
        program.put_limits,
        (
            Field("offline.receipts_max", "number"),
            Field("offline.receipt_sum_max_minor", "money"),
            Field("offline.sum_max_minor", "money"),
            Field("offline.age_max_s", "number"),
            Field("offline.debt_points_max", "number"),
            Field("offline.assets", "words"),
            Field("returns.sum_max_minor", "money"),
            Field("returns.day_sum_max_minor", "money"),
            Field("decisions.sum_max_minor", "money"),
        ),
    ),
    kind="program",
    object_id="{tenant}",
)
TIERS = Thing(
    name="tiers",
    path="/programme/tiers",
    call=tiers.get_tiers,
    title="",
    facts=(),
    save=Act(
        "save",
        tiers.put_tiers,
        (
            Field("by", "choice", tuple(Measure), is_needed=True),
            Field("asset", "choice", source="assets"),
            Field("period", "choice", tuple(Period), is_needed=True),
            Field("days", "number"),
            Field("valid_periods", "number", is_needed=True),
            Field(
                "tiers",
                "rows",
                inner=(
                    Field("tier"),
                    Field("rank", "number"),
                    Field("sum", "number"),
                    Field("title.en"),
                    Field("title.ru"),
                ),
            ),
        ),
    ),
    acts=(Act("delete", tiers.delete_tiers, picture="trash", is_final=True),),
    kind="tiers",
    object_id="PROGRAM",
)
