"""Every page of the programme, in the order of its tabs."""

from __future__ import annotations

from altyn.admin_api.console.programme import goods, money, places, series
from altyn.admin_api.console.programme.pages import Programme

PROGRAMME = Programme(
    tabs=(
        money.CURRENCIES,
        money.PROGRAM,
        money.LIMITS,
        money.TIERS,
        places.STORES,
        goods.PRODUCTS,
        goods.GROUPS,
        goods.SEGMENTS,
        series.CARD_SERIES_LIST,
        series.GIFT_SERIES_LIST,
        series.COUPON_SERIES_LIST,
    ),
    things=(
        money.CURRENCY,
        places.STORE_PAGE,
        places.REGISTER_PAGE,
        goods.PRODUCT,
        goods.GROUP,
        goods.UPLOAD,
        goods.SEGMENT,
        series.CARD_SERIES_PAGE,
        series.CARD_BATCH,
        series.GIFT_SERIES_PAGE,
        series.GIFT_BATCH,
        series.COUPON_SERIES_PAGE,
        series.COUPON_BATCH,
    ),
)
pages = PROGRAMME.pages
