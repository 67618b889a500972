"""The feed on a real PostgreSQL and a real Valkey: what is published arrives, whatever breaks."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from altyn.core.engine.types import Scope
from altyn.core.facts import AssetFact, Facts, OfflineLimits, ReturnLimits
from altyn.core.facts.catalogue import ProductFact
from altyn.core.facts.directory import CARD_ACTIVE, CARD_BLOCKED, PHONE_NOT_UNIQUE, CardFact, CustomerFact
from altyn.core.facts.stores import StoreFact
from altyn.infra.certificates import certificate_of, fingerprint_of, hash_name
from altyn.infra.database import connect
from altyn.infra.embedded.valkey import EmbeddedValkey
from altyn.infra.redis_stream import open_client
from altyn.server.feeds.credentials import CertificateRevoked, Credentials
from altyn.server.feeds.facts import SLICE_ROWS, FactsFeed, FeedClockWentBack
from altyn.server.feeds.feeds import Feeds
from altyn.server.feeds.rules import Release
from altyn.server.pulse import Interval
from tests.server.back_office import TEN_PERCENT, TENANT, BackOffice, back_office, keyed, lay_tables, ring

WAIT_S = 30.0
NEVER_S = 3_600.0
NO_REDIS = "unix:///nonexistent/valkey.sock"


@pytest.fixture
async def dsn(database_dsn: str) -> str:
    await lay_tables(database_dsn)
    return database_dsn


@pytest.fixture
async def office(dsn: str) -> AsyncIterator[BackOffice]:
    async with back_office(dsn) as office:
        yield office


class Server:
    """A feed with its facts, and the releases it was handed."""

    def __init__(self, feeds: Feeds) -> None:
        self.feeds = feeds
        self.facts = Facts()
        self.taken: list[Release] = []

    @property
    def versions(self) -> list[int]:
        return [release.version for release in self.taken]


@asynccontextmanager
async def following(
    dsn: str, redis_url: str = NO_REDIS, check_every_s: float = 0.1, *judges: Callable[[Any], Any], **options: Any
) -> AsyncIterator[Server]:
    """`judges`: whether a release is ready, and how far it is with that."""
    server = Server(Feeds(server_id="test", check_every_s=check_every_s, **options))
    await server.feeds.start(dsn, redis_url, TENANT, server.facts, server.taken.append, *judges)
    try:
        await asyncio.wait_for(server.feeds.ready(), WAIT_S)
        yield server
    finally:
        await server.feeds.stop()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def until_row(fetch: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await fetch():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@asynccontextmanager
async def pulling(dsn: str) -> AsyncIterator[tuple[FactsFeed, Callable[[], Awaitable[bool]]]]:
    """A facts feed pulled by hand."""
    connection = await connect(dsn, name="test feed")
    feed = FactsFeed(TENANT, Facts(), Credentials())
    try:
        yield feed, lambda: feed.pull(connection)
    finally:
        connection.terminate()


CARD: dict[str, Any] = {"card_id": 5, "number_hash": keyed("n"), "last4": "4321", "account_id": 50, "customer_id": 7}
CUSTOMER: dict[str, Any] = {"customer_id": 7, "account_id": 50, "phone_hash": keyed("p")}
KEY: dict[str, Any] = {"key_hash": hashlib.sha256(b"key").digest(), "store_id": "s1", "register_id": "r1"}
TIERS: dict[str, Any] = {
    "by": "POINTS",
    "asset": "points",
    "period": "QUARTER",
    "days": None,
    "valid_periods": 1,
    "tiers": [{"tier": "gold", "rank": 1, "sum": 100}],
}
TILL = certificate_of(b"der", ["till"])


async def test_limits_of_the_program_arrive_change_and_end(dsn: str, office: BackOffice) -> None:
    async with pulling(dsn) as (feed, pull):
        offline = {"receipts_max": 5, "sum_max_minor": 900, "assets": ["bonus"]}
        async with office.change():
            await office.put("program_limits", subject="OFFLINE", limits=offline)
            await office.put("program_limits", subject="RETURNS", limits={"sum_max_minor": 7, "day_sum_max_minor": 9})
            await office.put("program_limits", subject="DECISIONS", limits={"sum_max_minor": 1})
        assert await pull()
        assert feed.facts.offline == OfflineLimits(receipts_max=5, sum_max_minor=900, assets=("bonus",))
        assert feed.facts.returns == ReturnLimits(7, 9)
        async with office.change():
            await office.put("program_limits", subject="RETURNS", deleted=True, limits={"sum_max_minor": 7})
        assert await pull()
        assert feed.facts.returns == ReturnLimits()
        assert feed.facts.offline.receipts_max == 5


async def test_facts_of_every_kind_arrive_change_and_vanish(dsn: str, office: BackOffice) -> None:
    async with pulling(dsn) as (feed, pull):
        assert not await pull()
        async with office.change():
            await office.put("stores", store_id="s1", zone="Europe/Samara", region="volga")
            await office.put("products", sku="milk", group_id="dairy", flags=3, min_price_minor=100, vat_code=10)
            await office.put("products", sku="bread")
            await office.put("cards", **CARD, card_type="gold", state="ACTIVE")
            await office.put("customers", **CUSTOMER)
            await office.put("customer_segments", customer_id=7, segment="vip")
            await office.put("customer_segments", customer_id=7, segment="new")
            await office.put("assets", asset="points", asset_no=1, scale=2, step_points=100, title={"en": "Points"})
            await office.put("tier_terms", scheme="PROGRAM", terms=TIERS)
            await office.put("register_credentials", **KEY)
            for bound in (fingerprint_of(b"der"), hash_name("till")):
                await office.put("register_credentials", **KEY | {"key_hash": bound}, kind="CERTIFICATE")
        assert await pull()
        facts, directory = feed.facts, feed.facts.directory
        assert facts.stores.get("s1") == StoreFact("s1", "Europe/Samara", "volga")
        assert facts.catalogue.get("milk") == ProductFact("milk", "dairy", "", "", 3, 100, 10)
        assert directory.card(keyed("n")) == CardFact(keyed("n")[:16], 5, 50, 7, "gold", CARD_ACTIVE, "4321")
        assert directory.customer(7) == CustomerFact(7, 50, keyed("p")[:16])
        assert directory.customer_by_phone(keyed("p")) == 7
        assert directory.segments(7) == ["new", "vip"]
        assert facts.assets == {"points": AssetFact("points", 1, 2, 100, '{"en": "Points"}')}
        assert (facts.tiers.count, facts.tiers.points_asset) == (1, "points")
        assert feed.credentials.find(b"key") == Scope(TENANT, "s1", "r1")
        assert feed.credentials.find_certificate(TILL) == Scope(TENANT, "s1", "r1")
        assert feed.version == office.version == 1

        async with office.change():
            await office.put("stores", store_id="s1", zone="Europe/Moscow")
            await office.put("products", sku="milk", group_id="cheese")
            await office.put("cards", **CARD, card_type="gold", state="BLOCKED")
            await office.put("customers", customer_id=8, account_id=51, phone_hash=keyed("p"))
        assert await pull()
        assert facts.stores.get("s1") == StoreFact("s1", "Europe/Moscow")
        assert facts.catalogue.get("milk") == ProductFact("milk", "cheese")
        assert (card := directory.card(keyed("n"))) and card.state == CARD_BLOCKED
        assert directory.customer_by_phone(keyed("p")) == PHONE_NOT_UNIQUE

        async with office.change():
            await office.put("stores", True, store_id="s1", zone="Europe/Moscow")
            await office.put("products", True, sku="milk")
            await office.put("cards", True, **CARD)
            await office.put("customers", True, **CUSTOMER)
            await office.put("customer_segments", True, customer_id=7, segment="vip")
            await office.put("tier_terms", True, scheme="PROGRAM", terms=TIERS)
            await office.put("register_credentials", **KEY, revoked=True)
            certificate = KEY | {"key_hash": fingerprint_of(b"der"), "kind": "CERTIFICATE"}
            await office.put("register_credentials", **certificate, revoked=True)
        assert await pull()
        assert not await pull()
        assert (len(facts.stores), len(facts.catalogue), directory.cards_count, directory.customers_count) == (
            0,
            1,
            0,
            1,
        )
        assert directory.customer_by_phone(keyed("p")) == 8
        assert facts.tiers.count == 0
        assert feed.credentials.find(b"key") is None
        with pytest.raises(CertificateRevoked):
            feed.credentials.find_certificate(TILL)  # although its name is bound
        async with office.change():
            await office.put("customers", **CUSTOMER)
        await pull()
        assert directory.segments(7) == ["new"]


async def test_a_first_load_equals_what_changes_one_by_one_have_led_to(dsn: str, office: BackOffice) -> None:
    async with pulling(dsn) as (patched, pull_patched), pulling(dsn) as (loaded, pull_loaded):
        for number in range(30):
            sku = f"sku-{number * 7 % 10}"
            await office.put_one("products", number % 4 == 3, sku=sku, group_id=f"group-{number}")
            await office.put_one(
                "customer_segments", number % 5 == 4, customer_id=number % 3 + 1, segment=f"s{number % 4}"
            )
            await pull_patched()
        await office.put_one("customers", customer_id=2, account_id=1)
        await pull_patched()
        await pull_loaded()
        for sku in (f"sku-{number}" for number in range(10)):
            assert patched.facts.catalogue.get(sku) == loaded.facts.catalogue.get(sku)
        assert patched.facts.directory.segments(2) == loaded.facts.directory.segments(2) != []
        assert patched.version == loaded.version == 61


async def test_a_version_taken_first_and_committed_late_is_never_passed_by(dsn: str, office: BackOffice) -> None:
    async with back_office(dsn) as other, pulling(dsn) as (feed, pull):
        slow = office.change()
        await slow.__aenter__()
        await office.put("products", sku="slow")
        fast = asyncio.create_task(other.put_one("products", sku="fast"))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        await until_row(lambda: office.connection.fetchval(waiting))
        assert not await pull()
        await slow.__aexit__(None, None, None)
        await fast
        assert await pull()
        assert (office.version, other.version, feed.version) == (1, 2, 2)
        assert {sku for sku in ("slow", "fast") if feed.facts.catalogue.get(sku)} == {"slow", "fast"}


async def test_no_row_is_lost_while_writers_and_a_reader_interleave(dsn: str) -> None:
    async def write(writer: int) -> None:
        async with back_office(dsn) as office:
            for number in range(25):
                async with office.change():
                    await office.put("products", sku=f"{writer}-{number}")
                    await asyncio.sleep(0.001 * ((writer + number) % 3))
                    await office.put("products", sku=f"last-of-{writer}", group_id=str(number))

    async with pulling(dsn) as (feed, pull):
        writers = [asyncio.create_task(write(writer)) for writer in range(4)]
        while not all(writer.done() for writer in writers):
            await pull()
        await asyncio.gather(*writers)
        await pull()
        catalogue = feed.facts.catalogue
        assert feed.version == 100
        assert len(catalogue) == 104
        assert [catalogue.get(f"last-of-{writer}") for writer in range(4)] == [
            ProductFact(f"last-of-{writer}", "24") for writer in range(4)
        ]


async def test_a_large_load_lets_the_loop_work_between_slices(dsn: str, office: BackOffice) -> None:
    rows = 8 * SLICE_ROWS
    async with office.change():
        await office.connection.execute(
            "INSERT INTO products (tenant, sku, version, valid_from) SELECT $1, 'sku-' || i, $2, $3 "
            "FROM generate_series(1, $4::int) AS i",
            TENANT,
            office.version,
            office.at,
            rows,
        )
    seen: set[int] = set()

    async def watch(feed: FactsFeed) -> None:
        while True:
            seen.add(len(feed.facts.catalogue))
            await asyncio.sleep(0)

    async with pulling(dsn) as (feed, pull):
        watcher = asyncio.create_task(watch(feed))
        await pull()
        watcher.cancel()
        assert len(feed.facts.catalogue) == rows
        steps = sorted(seen | {rows})
        assert max(b - a for a, b in itertools.pairwise(steps)) <= SLICE_ROWS


async def test_a_store_in_an_unknown_zone_keeps_what_it_was(dsn: str, office: BackOffice) -> None:
    async with pulling(dsn) as (feed, pull):
        await office.put_one("stores", store_id="s1", zone="Europe/Moscow", region="old")
        await pull()
        async with office.change():
            await office.put("stores", store_id="s1", zone="Europe/Moskva", region="new")
            await office.put("stores", store_id="s2", zone="Mars/Base")
            await office.put("products", sku="milk")
        await pull()
        assert feed.facts.stores.get("s1") == StoreFact("s1", "Europe/Moscow", "old")
        assert feed.facts.stores.get("s2") is None
        assert feed.facts.catalogue.get("milk")


async def test_a_clock_that_went_back_is_refused_and_facts_stay(dsn: str, office: BackOffice) -> None:
    async with pulling(dsn) as (feed, pull):
        for sku in ("a", "b"):
            await office.put_one("products", sku=sku)
        await pull()
        await office.connection.execute("UPDATE feed_clock SET version = 1")
        with pytest.raises(FeedClockWentBack):
            await pull()
        assert (feed.version, len(feed.facts.catalogue)) == (2, 2)


async def test_a_hint_brings_facts_and_rules_long_before_the_next_check(
    dsn: str, office: BackOffice, redis_url: str
) -> None:
    async with following(dsn, redis_url, check_every_s=NEVER_S) as server:
        await office.put_one("products", sku="milk")
        version = await office.release([TEN_PERCENT], emergency=True)
        while not server.taken:  # the first hint may come before the reader has connected
            await ring(redis_url)
            await asyncio.sleep(0.05)
        assert server.facts.catalogue.get("milk")
        (taken,) = server.taken
        assert (taken.version, taken.emergency) == (version, True)
        assert taken.sha256 == await office.connection.fetchval("SELECT sha256 FROM rules_release")
        ruleset = taken.ruleset
        assert (ruleset.version, ruleset.promotions_count) == (version, 1)


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    folder = Path(tempfile.mkdtemp(prefix="altyn-"))
    server = EmbeddedValkey(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


async def test_without_redis_everything_still_arrives(dsn: str, office: BackOffice, valkey: EmbeddedValkey) -> None:
    async with following(dsn, valkey.url) as server:
        async with open_client(valkey.url) as client:
            await client.flushall()
        await office.put_one("products", sku="after flushall")
        await until(lambda: server.facts.catalogue.get("after flushall"))
        valkey.kill()
        await office.put_one("products", sku="after kill")
        version = await office.release([TEN_PERCENT])
        await until(lambda: server.facts.catalogue.get("after kill") and server.versions == [version])
        valkey.start()
        await office.put_one("products", sku="after return")
        await until(lambda: server.facts.catalogue.get("after return"))


@asynccontextmanager
async def cut_off(office: BackOffice, postgres_dsn: str) -> AsyncIterator[None]:
    """The feed's connection is ended and no new one let in; the back office keeps its own."""
    name = await office.connection.fetchval("SELECT current_database()")
    maintenance = await connect(postgres_dsn, name="test maintenance")
    try:
        await maintenance.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'altyn feed test'"
        assert await maintenance.fetch(end)
        yield
        await maintenance.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    finally:
        await maintenance.close()


async def test_while_postgresql_is_away_facts_stay_and_lag_grows_and_afterwards_changes_arrive(
    dsn: str, office: BackOffice, postgres_dsn: str
) -> None:
    await office.put_one("products", sku="before")
    async with following(dsn) as server:
        async with cut_off(office, postgres_dsn):
            await office.put_one("products", sku="meanwhile")
            await until(lambda: server.feeds.lag_us > 1_000_000)
            assert server.facts.catalogue.get("before")
            assert not server.facts.catalogue.get("meanwhile")
        await until(lambda: server.facts.catalogue.get("meanwhile"))
        await until(lambda: server.feeds.lag_us < 1_000_000)


async def test_a_scheduled_release_comes_into_force_at_its_time_even_without_postgresql(
    dsn: str, office: BackOffice, postgres_dsn: str
) -> None:
    now = [0]  # the server's clock, in hand
    async with office.change():
        await office.connection.execute(
            "INSERT INTO rules_release VALUES ($1, 1, sha256('[]'), '[]', to_timestamp(0.3), false, 'test')", TENANT
        )
    async with following(dsn, clock=lambda: now[0]) as server, cut_off(office, postgres_dsn):
        assert server.feeds.rules.staged_version == 1
        now[0] = 299_999
        await asyncio.sleep(0.5)  # the timer has looked at the clock by now
        assert server.taken == []
        now[0] = 300_000
        await until(lambda: server.taken)
        (taken,) = server.taken
        assert (taken.version, taken.effective_at_us, taken.emergency) == (1, 300_000, False)


async def test_a_newer_release_calls_off_one_that_still_waits(dsn: str, office: BackOffice) -> None:
    async with following(dsn) as server:
        await office.release([TEN_PERCENT], after=timedelta(hours=1))
        await until(lambda: server.feeds.rules.staged_version == 1)
        await office.release([])
        await until(lambda: server.versions == [2])
        assert server.feeds.rules.next_effective_at_us(0) is None


BROKEN = [
    (b"not json at all: {", "DocumentError"),
    ([{"promotion": "x", "stage": "item", "rewrad": []}], "DocumentError"),
    (
        [
            {
                "promotion": "x",
                "stage": "item",
                "group": {"name": "g", "mode": "BEST"},
                "reward": [{"percent": {"rate": "1"}}],
            },
            {
                "promotion": "y",
                "stage": "item",
                "group": {"name": "g", "mode": "CASCADE"},
                "reward": [{"percent": {"rate": "1"}}],
            },
        ],
        "CompileError",
    ),
    ([{"promotion": "x", "reward": [{"points": {"asset": "miles", "percent": "1"}}]}], "miles has no number"),
    (
        [
            {"asset": "points", "scale": "0"},
            {"promotion": "x", "reward": [{"points": {"asset": "points", "percent": "1"}}]},
        ],
        "scale",
    ),
]


@pytest.mark.parametrize(("documents", "reason"), BROKEN)
async def test_a_release_that_cannot_be_taken_is_refused_and_reported_and_the_old_one_stays(
    dsn: str, office: BackOffice, documents: Any, reason: str
) -> None:
    await office.put_one("assets", asset="points", asset_no=1)
    good = await office.release([TEN_PERCENT])
    async with following(dsn) as server:
        bad = await office.release(documents)
        await until(lambda: server.feeds.rules.refused_version == bad)
        assert reason in server.feeds.rules.refused_reason
        assert server.versions == [good]
        reported = "SELECT refused_reason FROM server_status WHERE refused_version = $1 AND rules_version = $2"
        await until_row(lambda: office.connection.fetchval(reported, bad, good))
        better = await office.release([])
        await until(lambda: server.versions == [good, better])


async def test_a_release_whose_document_is_not_the_hashed_one_is_refused(dsn: str, office: BackOffice) -> None:
    await office.connection.execute("ALTER TABLE rules_release DROP CONSTRAINT rules_release_hash")
    async with following(dsn) as server:
        bad = await office.release([TEN_PERCENT], sha256=bytes(32))
        await until(lambda: server.feeds.rules.refused_version == bad)
        assert "hash" in server.feeds.rules.refused_reason
        assert server.taken == []


async def test_a_ruleset_the_engine_does_not_take_is_refused_and_the_feed_goes_on(dsn: str, office: BackOffice) -> None:
    feeds = Feeds(server_id="test", check_every_s=0.05)
    facts = Facts()
    offered: list[int] = []

    def on_ruleset(release: Release) -> None:
        offered.append(release.version)
        if release.version == 1:
            raise RuntimeError("no")

    await feeds.start(dsn, NO_REDIS, TENANT, facts, on_ruleset)
    try:
        await office.release([TEN_PERCENT])
        await until(lambda: feeds.rules.refused_version == 1)
        assert feeds.rules.version == 0
        await office.release([])
        await until(lambda: feeds.rules.version == 2)
        assert offered == [1, 2]
    finally:
        await feeds.stop()


async def test_a_start_hands_over_what_tokens_may_name_and_what_waits_past_a_broken_newest_one(
    dsn: str, office: BackOffice
) -> None:
    ages = [timedelta(hours=-3), timedelta(hours=-2), timedelta(minutes=-5), timedelta(hours=1)]
    for age in ages:
        await office.release([TEN_PERCENT], after=age)
    broken = await office.release(b"{")
    async with following(dsn) as server:
        assert server.versions == [2, 3]
        rules = server.feeds.rules
        assert (rules.version, rules.staged_version, rules.refused_version, rules.seen_version) == (
            3,
            4,
            broken,
            broken,
        )


async def test_the_status_row_says_what_the_server_runs(dsn: str, office: BackOffice) -> None:
    await office.put_one("products", sku="milk")
    version = await office.release([TEN_PERCENT])
    pulse = [Interval(at="2026-11-23T10:00:00.000+00:00", elapsed_ms=5_000, calls=[])]
    async with following(dsn, durable_seq=lambda: 77, pulse=lambda: pulse) as server:
        status = "SELECT * FROM server_status WHERE tenant = $1 AND server_id = 'test'"
        await until_row(lambda: office.connection.fetchrow(status, TENANT))
        row = await office.connection.fetchrow(status, TENANT)
        sha256 = await office.connection.fetchval("SELECT sha256 FROM rules_release WHERE version = $1", version)
        assert (row["rules_version"], row["staged_version"], row["sha256"]) == (version, version, sha256)
        assert (row["feed_version"], row["durable_seq"], row["refused_version"]) == (server.feeds.feed_version, 77, 0)
        assert row["pulse"] == pulse


async def test_the_status_row_says_how_far_earlier_purchases_are_counted(dsn: str, office: BackOffice) -> None:
    is_ready = False
    version = await office.release([TEN_PERCENT])
    counted = (3, 1, 40, 90)
    async with following(dsn, NO_REDIS, 0.1, lambda ruleset: is_ready, lambda ruleset: counted) as server:
        status = (
            "SELECT numbers_asked, numbers_ready, history_seq, history_until_seq FROM server_status"
            " WHERE server_id = 'test' AND staged_version = $1 AND rules_version = $2"
        )
        await until_row(lambda: office.connection.fetchrow(status, version, 0))
        assert tuple(await office.connection.fetchrow(status, version, 0)) == counted
        is_ready = True
        server.feeds.activate()
        newer = await office.release([TEN_PERCENT])
        await until_row(lambda: office.connection.fetchrow(status, newer, newer))
        assert tuple(await office.connection.fetchrow(status, newer, newer)) == (0, 0, 0, 0)


async def test_a_row_no_back_office_writes_is_told_and_the_rest_of_the_copy_is_left(
    dsn: str, office: BackOffice
) -> None:
    constraint = "SELECT conname FROM pg_constraint WHERE conrelid = 'products'::regclass AND conname LIKE '%flags%'"
    name = await office.connection.fetchval(constraint)
    await office.connection.execute(f'ALTER TABLE products DROP CONSTRAINT "{name}"')
    await office.put_one("products", sku="bad", flags=128)
    async with pulling(dsn) as (feed, pull):
        with pytest.raises(ValueError, match="flags is 128"):
            await pull()
        assert feed.version == 0
