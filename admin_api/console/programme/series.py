"""Series of cards, gift cards and coupons, their batches, and the files of numbers and codes that are told once."""

from __future__ import annotations

from altyn.admin_api.cards import handlers as cards
from altyn.admin_api.cards.schemas import CardStates
from altyn.admin_api.cards.schemas import SeriesState as CardSeriesState
from altyn.admin_api.console.programme.things import Act, Answer, Field, Table, Thing
from altyn.admin_api.coupons import handlers as coupons
from altyn.admin_api.coupons.schemas import Kind, OnReturn, Origin, State
from altyn.admin_api.gift_cards import handlers as gift_cards
from altyn.admin_api.gift_cards.schemas import SeriesState as GiftSeriesState

BATCH = (Field("title"), Field("count", "number", is_needed=True))
SERIES = Field("series", is_needed=True)
REASON = (Field("reason", "long", is_needed=True),)

# CARDS

CARD_SERIES = (
    Field("title"),
    Field("template", is_needed=True),
    Field("card_type"),
    Field("state", "choice", tuple(CardSeriesState), is_needed=True),
)
CARD_BATCHES = Table(
    name="card-batches",
    path="/programme/card-series/{series}/batches",
    call=cards.list_batches,
    rows="batches",
    key="batch_id",
    columns=(
        ("batch_id", "text"),
        ("title", "text"),
        ("cards_count", "number"),
        ("state", "state"),
        ("created_by", "who"),
        ("created_at", "moment"),
    ),
    make=(Act("print", cards.issue_batch, BATCH, picture="download", answer=Answer.FILE),),
    leads="/programme/card-batches/{batch_id}",
)
CARD_BATCH = Thing(
    name="card-batch",
    path="/programme/card-batches/{batch_id}",
    call=cards.get_batch,
    title="{batch_id}",
    facts=(
        ("batch_id", "text"),
        ("series", "text"),
        ("cards_count", "number"),
        ("block_reason", "text"),
        ("created_by", "who"),
        ("created_at", "moment"),
    ),
    acts=(
        Act("block", cards.block_batch, REASON, picture="x", states=("ISSUED",)),
        Act("unblock", cards.unblock_batch, REASON, picture="check", states=("BLOCKED",)),
    ),
    parts=(
        Table(
            name="run-cards",
            path="/programme/card-batches/{batch_id}/cards",
            call=cards.list_cards,
            rows="cards",
            key="card_id",
            columns=(("card_id", "text"), ("last4", "text"), ("state", "state"), ("block_reason", "text")),
            filters=(Field("state", options=tuple(CardStates)),),
        ),
    ),
    kind="card_batch",
    object_id="{batch_id}",
    above="/programme/card-series/{series}",
)
CARD_SERIES_LIST = Table(
    name="card-series",
    path="/programme/card-series",
    call=cards.list_series,
    rows="series",
    key="series",
    columns=(
        ("series", "text"),
        ("title", "text"),
        ("template", "code"),
        ("card_type", "text"),
        ("state", "state"),
        ("cards", "counts"),
        ("updated_at", "moment"),
    ),
    filters=(Field("text"),),
    make=(Act("make", cards.put_series, (SERIES, *CARD_SERIES), picture="plus", answer=Answer.ONE),),
    leads="/programme/card-series/{series}",
)
CARD_SERIES_PAGE = Thing(
    name="card-series-one",
    path="/programme/card-series/{series}",
    call=cards.get_series,
    title="{series}",
    facts=(
        ("series", "text"),
        ("template", "code"),
        ("card_type", "text"),
        ("cards", "counts"),
        ("updated_by", "who"),
        ("updated_at", "moment"),
    ),
    save=Act("save", cards.put_series, CARD_SERIES),
    parts=(CARD_BATCHES,),
    kind="card_series",
    object_id="{series}",
    above="/programme/card-series",
)

# GIFT CARDS

GIFT_SERIES = (
    Field("title"),
    Field("template", is_needed=True),
    Field("asset", "choice", source="money_assets", is_needed=True),
    Field("currency", is_needed=True),
    Field("pin_digits", "number"),
    Field("valid_days", "number"),
    Field("state", "choice", tuple(GiftSeriesState), is_needed=True),
)
GIFT_BATCHES = Table(
    name="gift-batches",
    path="/programme/gift-series/{series}/batches",
    call=gift_cards.list_batches,
    rows="batches",
    key="batch_id",
    columns=(
        ("batch_id", "text"),
        ("title", "text"),
        ("cards_count", "number"),
        ("state", "state"),
        ("ordered_by", "who"),
        ("ordered_at", "moment"),
        ("issued_by", "who"),
    ),
    make=(Act("order", gift_cards.order_batch, BATCH, picture="plus"),),
    acts=(Act("issue", gift_cards.issue_batch, picture="download", states=("ORDERED",), answer=Answer.FILE),),
    leads="/programme/gift-batches/{batch_id}",
)
GIFT_BATCH = Thing(
    name="gift-batch",
    path="/programme/gift-batches/{batch_id}",
    call=gift_cards.get_batch,
    title="{batch_id}",
    facts=(
        ("batch_id", "text"),
        ("series", "text"),
        ("cards_count", "number"),
        ("block_reason", "text"),
        ("ordered_by", "who"),
        ("ordered_at", "moment"),
        ("issued_by", "who"),
        ("issued_at", "moment"),
    ),
    acts=(
        Act("block", gift_cards.block_batch, REASON, picture="x", states=("ISSUED",)),
        Act("unblock", gift_cards.unblock_batch, REASON, picture="check", states=("BLOCKED",)),
    ),
    parts=(
        Table(
            name="run-gift-cards",
            path="/programme/gift-batches/{batch_id}/cards",
            call=gift_cards.list_cards,
            rows="cards",
            key="gift_card_id",
            columns=(("gift_card_id", "text"), ("last4", "text"), ("is_blocked", "truth"), ("block_reason", "text")),
        ),
    ),
    kind="gift_card_batch",
    object_id="{batch_id}",
    above="/programme/gift-series/{series}",
)
GIFT_SERIES_LIST = Table(
    name="gift-series",
    path="/programme/gift-series",
    call=gift_cards.list_series,
    rows="series",
    key="series",
    columns=(
        ("series", "text"),
        ("title", "text"),
        ("template", "code"),
        ("asset", "text"),
        ("currency", "text"),
        ("valid_days", "number"),
        ("state", "state"),
        ("cards_count", "number"),
    ),
    filters=(Field("text"),),
    make=(
        Act(
            "make",
            gift_cards.put_series,
            (SERIES, *GIFT_SERIES),
            picture="plus",
            answer=Answer.ONE,
        ),
    ),
    leads="/programme/gift-series/{series}",
)
GIFT_SERIES_PAGE = Thing(
    name="gift-series-one",
    path="/programme/gift-series/{series}",
    call=gift_cards.get_series,
    title="{series}",
    facts=(
        ("series", "text"),
        ("template", "code"),
        ("asset", "text"),
        ("currency", "text"),
        ("cards_count", "number"),
    ),
    save=Act("save", gift_cards.put_series, GIFT_SERIES),
    parts=(GIFT_BATCHES,),
    kind="gift_card_series",
    object_id="{series}",
    above="/programme/gift-series",
)

# COUPONS

COUPON_SERIES = (
    Field("title"),
    Field("kind", "choice", tuple(Kind), is_needed=True),
    Field("origin", "choice", tuple(Origin), is_needed=True),
    Field("template"),
    Field("starts_at", "moment", is_needed=True),
    Field("ends_at", "moment"),
    Field("uses_max", "number", is_needed=True),
    Field("on_return", "choice", tuple(OnReturn), is_needed=True),
    Field("grace_days", "number"),
    Field("state", "choice", tuple(State), is_needed=True),
)
COUPON_BATCHES = Table(
    name="coupon-batches",
    path="/programme/coupon-series/{series}/batches",
    call=coupons.list_batches,
    rows="batches",
    key="batch_id",
    columns=(
        ("batch_id", "text"),
        ("title", "text"),
        ("origin", "word"),
        ("codes_count", "number"),
        ("state", "state"),
        ("created_by", "who"),
        ("created_at", "moment"),
    ),
    make=(
        Act("generate", coupons.generate_codes, BATCH, picture="download", answer=Answer.FILE),
        Act("serials", coupons.make_serials, BATCH, picture="plus"),
        Act(
            "import",
            coupons.import_codes,
            (Field("file", "file", is_needed=True), Field("title"), Field("all_or_nothing", "truth")),
            picture="package",
            answer=Answer.REPORT,
        ),
    ),
    leads="/programme/coupon-batches/{batch_id}",
)
COUPON_SERIES_LIST = Table(
    name="coupon-series",
    path="/programme/coupon-series",
    call=coupons.list_series,
    rows="series",
    key="series",
    columns=(
        ("series", "text"),
        ("title", "text"),
        ("kind", "word"),
        ("origin", "word"),
        ("starts_at", "moment"),
        ("ends_at", "moment"),
        ("state", "state"),
    ),
    filters=(Field("text"), Field("state", options=tuple(State))),
    make=(
        Act(
            "make",
            coupons.put_series,
            (SERIES, *COUPON_SERIES),
            picture="plus",
            answer=Answer.ONE,
        ),
    ),
    leads="/programme/coupon-series/{series}",
)
COUPON_SERIES_PAGE = Thing(
    name="coupon-series-one",
    path="/programme/coupon-series/{series}",
    call=coupons.get_series,
    title="{series}",
    facts=(
        ("series", "text"),
        ("kind", "word"),
        ("origin", "word"),
        ("template", "code"),
        ("starts_at", "moment"),
        ("ends_at", "moment"),
        ("codes", "counts"),
    ),
    save=Act("save", coupons.put_series, COUPON_SERIES),
    parts=(COUPON_BATCHES,),
    kind="coupon_series",
    object_id="{series}",
    above="/programme/coupon-series",
)
EXPORTS = Table(
    name="exports",
    path="/programme/coupon-batches/{batch_id}/exports",
    call=coupons.list_exports,
    rows="exports",
    key="export_id",
    columns=(
        ("export_id", "text"),
        ("state", "state"),
        ("reason", "text"),
        ("asked_by", "who"),
        ("asked_at", "moment"),
        ("decided_by", "who"),
        ("taken_at", "moment"),
    ),
    make=(Act("ask", coupons.ask_export, REASON, picture="plus"),),
    acts=(
        Act("approve", coupons.approve_export, picture="check", states=("ASKED",)),
        Act("refuse", coupons.refuse_export, picture="x", states=("ASKED",)),
        Act("codes", coupons.take_export, picture="download", states=("APPROVED",), answer=Answer.FILE),
    ),
)
COUPON_BATCH = Thing(
    name="coupon-batch",
    path="/programme/coupon-batches/{batch_id}",
    call=coupons.get_batch,
    title="{batch_id}",
    facts=(
        ("batch_id", "text"),
        ("series", "text"),
        ("origin", "word"),
        ("codes_count", "number"),
        ("first_serial", "number"),
        ("created_by", "who"),
        ("created_at", "moment"),
    ),
    acts=(
        Act("block", coupons.set_batch_state, REASON, "x", ("ACTIVE",), {"state": "BLOCKED"}),
        Act("unblock", coupons.set_batch_state, REASON, "check", ("BLOCKED",), {"state": "ACTIVE"}),
    ),
    parts=(EXPORTS,),
    kind="coupon_batch",
    object_id="{batch_id}",
    above="/programme/coupon-series/{series}",
)
