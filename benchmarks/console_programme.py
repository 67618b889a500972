"""What the pages of the programme, of points by hand and of trials tell, laid for the console's benchmark by COPY.

Currencies and rates, registers and their keys, groups, series of cards, gift cards and coupons with what was issued of
them, points by hand, and a backtest and a shadow that are done: as big as a chain of so many customers has them.
Nothing here is random. It must never be let loose on a database that is used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from altyn.admin_api.backtests import report as backtest
from altyn.admin_api.shadows import differences
from altyn.benchmarks import front_world as world

STORES, REGISTERS_OF_STORE = 200, 8
PROMOTIONS = 900
CARD_BATCHES, GIFT_BATCHES, COUPON_BATCHES = 100, 2_000, 5_000
ADJUSTMENTS = 20_000
CATEGORIES = 4_000
DAYS = 90
SERIALS = 1_000_000
EXPORTS = 100

Put = Callable[[str, tuple[str, ...], Iterator[str], int], Awaitable[None]]


async def lay_programme(connection: asyncpg.Connection[Any], put: Put, customers: int, now: datetime) -> None:
    """All of it; ``put`` writes rows of COPY's text into columns of a table."""
    version = await connection.fetchval("SELECT version FROM next_feed_version($1)", world.TENANT)
    laid = Laid(put, customers, now, f"{world.TENANT}\t{version}\t{now.isoformat()}\t")
    await laid.money()
    await laid.places()
    await laid.series()
    await laid.by_hand()
    await laid.trials()


class Laid:
    """``mark``: what every row of facts begins with."""

    def __init__(self, put: Put, customers: int, now: datetime, mark: str) -> None:
        self._put, self._customers, self._now, self._mark = put, customers, now, mark
        self._stamp = now.isoformat()

    async def _facts(self, table: str, columns: tuple[str, ...], rows: Iterator[str], count: int) -> None:
        marked = (f"{self._mark}{row}\n" for row in rows)
        await self._put(table, ("tenant", "version", "valid_from", *columns), marked, count)

    async def money(self) -> None:
        rows = iter(["gold\t2\t0\tPOINTS", "roubles\t3\t2\tMONEY"])
        await self._facts("assets", ("asset", "asset_no", "scale", "kind"), rows, 2)
        columns = ("asset", "to_asset", "from_points", "to_points")
        await self._facts("asset_rates", columns, iter(["bonus\tgold\t1000\t1", "gold\tbonus\t1\t900"]), 2)

    async def places(self) -> None:
        names = [(f"S{one:03}", f"K{other:02}") for one in range(STORES) for other in range(REGISTERS_OF_STORE)]
        rows = (f"{store}\t{register}\tTill {register}" for store, register in names)
        await self._facts("registers", ("store_id", "register_id", "title"), rows, len(names))
        rows = (
            f"\\\\x{_hash(f'{store} {register} {one}')}\t{store}\t{register}\t{'ft'[one]}"
            for store, register in names
            for one in range(2)
        )
        columns = ("key_hash", "store_id", "register_id", "revoked")
        await self._facts("register_credentials", columns, rows, 2 * len(names))
        rows = (f"category-{one}\tCategory {one}" for one in range(CATEGORIES))
        await self._facts("product_groups", ("group_id", "title"), rows, CATEGORIES)

    async def series(self) -> None:
        mine, now = world.TENANT, self._stamp
        row = f"{mine}\tplastic\tPlastic\t22###########\tACTIVE\tperson:p1\t{now}\n"
        columns: tuple[str, ...] = ("tenant", "series", "title", "template", "state", "updated_by", "updated_at")
        await self._put("card_series", columns, iter([row]), 1)
        each = max(1, self._customers // CARD_BATCHES)
        rows = (f"{mine}\t{one}\tplastic\tRun {one}\t{each}\tperson:p1\t{now}\n" for one in range(1, CARD_BATCHES + 1))
        columns = ("tenant", "batch_id", "series", "title", "cards_count", "created_by", "created_at")
        await self._put("card_batches", columns, rows, CARD_BATCHES)
        await self._gift_cards()
        await self._coupons()

    async def _gift_cards(self) -> None:
        mine, now, each = world.TENANT, self._stamp, max(1, self._customers // 10 // GIFT_BATCHES)
        row = "presents\t1\tPresents\t99############\troubles\tRUB"
        columns: tuple[str, ...] = ("series", "series_no", "title", "template", "asset", "currency")
        await self._facts("gift_card_series", columns, iter([row]), 1)
        rows = (
            f"{mine}\t{one}\tpresents\tRun {one}\t{each}\tISSUED\tperson:p1\t{now}\tperson:p2\t{now}\n"
            for one in range(1, GIFT_BATCHES + 1)
        )
        columns = (
            *("tenant", "batch_id", "series", "title", "cards_count", "state", "ordered_by", "ordered_at"),
            *("issued_by", "issued_at"),
        )
        await self._put("gift_card_batches", columns, rows, GIFT_BATCHES)
        first = 10 * self._customers + world.MEMBERS  # accounts that no customer has
        rows = (
            f"{one}\t\\\\x{_hash(f'gift {one}')}\t{one % 10_000:04}\t1\t{(one - 1) // each + 1}\t{first + one}"
            for one in range(1, each * GIFT_BATCHES + 1)
        )
        columns = ("gift_card_id", "number_hash", "last4", "series_no", "batch_id", "account_id")
        await self._facts("gift_cards", columns, rows, each * GIFT_BATCHES)

    async def _coupons(self) -> None:
        mine, now, each = world.TENANT, self._stamp, max(1, self._customers // 2 // COUPON_BATCHES)
        columns: tuple[str, ...] = (
            *("series", "series_no", "kind", "title", "template", "starts_at", "uses_max", "origin"),
        )
        rows = iter(
            [
                f"summer\t1\tUNIQUE\tSummer\tS#########\t{now}\t1\tLISTED",
                f"winter\t2\tUNIQUE\tWinter\tW##########\t{now}\t1\tSERIAL",
            ]
        )
        await self._facts("coupon_series", columns, rows, 2)
        rows = (
            f"{mine}\t{one}\tsummer\tBatch {one}\tGENERATED\t{each}\t\\N\tperson:p1\t{now}\n"
            for one in range(1, COUPON_BATCHES + 1)
        )
        columns = ("tenant", "batch_id", "series", "title", "origin", "codes_count", "first_serial")
        columns += ("created_by", "created_at")
        await self._put("coupon_batches", columns, rows, COUPON_BATCHES)
        serial = f"{mine}\t{COUPON_BATCHES + 1}\twinter\tSerials\tSERIAL\t{SERIALS}\t1\tperson:p1\t{now}\n"
        await self._put("coupon_batches", columns, iter([serial]), 1)
        ranges = ("series_no", "first_serial", "last_serial")
        await self._facts("coupon_ranges", ranges, iter([f"2\t1\t{SERIALS}"]), 1)
        rows = (
            f"{one}\t\\\\x{code_hash(one)}\t1\t{(one - 1) // each + 1}" for one in range(1, each * COUPON_BATCHES + 1)
        )
        columns = ("code_id", "code_hash", "series_no", "batch_id")
        await self._facts("coupon_codes", columns, rows, each * COUPON_BATCHES)
        rows = (
            f"{mine}\t{COUPON_BATCHES + 1}\tTAKEN\tasked\tperson:p1\t{now}\tperson:p2\t{now}\t{now}\n"
            for _ in range(EXPORTS)
        )
        columns = ("tenant", "batch_id", "state", "reason", "asked_by", "asked_at", "decided_by", "decided_at")
        await self._put("coupon_exports", (*columns, "taken_at"), rows, EXPORTS)

    async def by_hand(self) -> None:
        """One in a hundred waits for other eyes."""
        rows = (
            f"{world.TENANT}\t\\\\x{one:032x}\t{world.MEMBERS + 1 + one % self._customers}\tbonus\t500\tsorry\t0\t0"
            f"\t{'GIVEN' if one % 100 else 'ASKED'}\tperson:p{one % 500}\t{self._stamp}\n"
            for one in range(ADJUSTMENTS)
        )
        columns = (
            *("tenant", "op_id", "account_id", "asset", "points", "reason", "active_from_us", "expires_at_us"),
            *("state", "asked_by", "asked_at"),
        )
        await self._put("adjustments", columns, rows, ADJUSTMENTS)

    # TRIALS

    async def trials(self) -> None:
        """A backtest and a shadow, both done."""
        document = next(one for one in world.documents() if "promotion" in one)
        name = document["promotion"]
        tried = {"promotion_id": name, "revision": 1, "document": document, "days": DAYS, "stores": []}
        tried |= {"first_day": None, "last_day": None}
        beside = {"promotion_ids": [name], "sha256": _hash(name), "share_ppm": 1_000_000, "minutes": 60}
        jobs = [("BACKTEST", tried, self._backtest(name)), ("SHADOW", beside, _shadow())]
        rows = (
            f"{world.TENANT}\t{kind}\t{name}\tDONE\t1\t1\t{_text(given)}\t{_text(result)}\tperson:p1\t{self._stamp}"
            f"\t{self._stamp}\n"
            for kind, given, result in jobs
        )
        columns = (
            *("tenant", "kind", "subject", "state", "total_count", "done_count", "given", "result", "created_by"),
            *("created_at", "updated_at"),
        )
        await self._put("jobs", columns, rows, len(jobs))

    def _backtest(self, name: str) -> dict[str, Any]:
        """As long as a report of so many days in all stores may be."""
        days = [(self._now - timedelta(DAYS - one)).date().isoformat() for one in range(DAYS)]
        promotions = [name, *(f"promotion-{one}" for one in range(PROMOTIONS) if f"promotion-{one}" != name)]
        given = [
            {"promotion": one, "receipts_before": 90, "receipts_after": 100, **_row(number)}
            for number, one in enumerate(promotions)
        ]
        top = [
            {"seq": number, "business_time": self._stamp, "store": f"S{number:03}", **_row(number)}
            for number in range(1, backtest.TOP_SHOWN + 1)
        ]
        lists = {
            "days": [{"day": one, **_row(number)} for number, one in enumerate(days)],
            "stores": [{"store": f"S{one:03}", **_row(one)} for one in range(STORES)],
            "categories": [{"category": f"category-{one}", **_row(one)} for one in range(CATEGORIES)],
            "segments": [{"segment": f"segment-{one:02}", **_row(one)} for one in range(50)],
            "promotions": given,
            "top": top,
        }
        told = backtest.report_of([], [], complete=True) | {
            "first_day": days[0],
            "last_day": days[-1],
            "receipts": 250_000,
            "changed": 100_000,
            "rules_versions": [1],
            "assets": [{"asset": "bonus", "scale": 2}],
            "total": _row(1_000),
            "on_release": 1,
        }
        return backtest.shortened(told | lists)


def code_hash(number: int) -> str:
    """Of a coupon code: as spread as keyed hashes are."""
    return _hash(f"code {number}")[:32]


def _row(number: int) -> dict[str, Any]:
    """Sums of a backtest; the later one is larger by more."""
    row = backtest.empty_row([("bonus", 2)])
    row |= {"receipts": 1_000, "changed": 400, "gross_minor": 10_000_000}
    row |= {"discount_before_minor": 800_000, "discount_after_minor": 800_000 + 100 * number}
    row["points"]["bonus"] = {"before": 5_000, "after": 5_000 + number}
    return row


def _shadow() -> dict[str, Any]:
    told = differences.nothing(1, _hash("shadow"))
    told |= {"compared": 20_000, "changed": 4_000, "gross_minor": 10**9, "steps": [100] * differences.STEPS_COUNT}
    told["promotions"] = {f"promotion-{one}": [1_000, 1_000 + one] for one in range(PROMOTIONS)}
    told["top"] = [
        {
            "seq": seq,
            "store_id": world.STORE,
            "gross_minor": 100_000,
            "discount_before_minor": 0,
            "discount_after_minor": seq,
        }
        for seq in range(1, differences.TOP_KEPT + 1)
    ]
    return told


def _text(told: Any) -> str:
    """JSON as COPY takes it."""
    return json.dumps(told).replace("\\", "\\\\")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
