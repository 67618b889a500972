"""Past releases on a real PostgreSQL, compiled by the real process: found, shared, bounded, and in nobody's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from altyn.core.engine import CallRefused
from altyn.core.rules.ruleset import Ruleset
from altyn.server.feeds.compiler import CompilerFailed, Opened, RulesCompiler
from altyn.server.feeds.past_rules import PastRules, PastRulesLoader
from altyn.server.feeds.rules import FOLLOWS_UNKNOWN
from tests.server.back_office import TEN_PERCENT, TENANT, BackOffice, back_office, lay_tables
from tests.server.test_feeds import following, until

HOUR = timedelta(hours=1)


@pytest.fixture
async def dsn(database_dsn: str) -> str:
    await lay_tables(database_dsn)
    return database_dsn


@pytest.fixture
async def office(dsn: str) -> AsyncIterator[BackOffice]:
    async with back_office(dsn) as office:
        yield office


@pytest.fixture
def compiler(dsn: str) -> Iterator[RulesCompiler]:
    made = RulesCompiler(dsn, TENANT)
    yield made
    made.stop()


class Loading:
    """A loader and what it handed over."""

    def __init__(self, dsn: str, compiler: Any, **options: Any) -> None:
        self.taken: list[PastRules] = []
        self.loader = PastRulesLoader(dsn, TENANT, {}, compiler, self.taken.append, **options)

    @property
    def versions(self) -> list[int]:
        return [past.ruleset.version if past.ruleset else 0 for past in self.taken]


def hours_ago(hours: float) -> int:
    return int((datetime.now(UTC) - hours * HOUR).timestamp() * 1_000_000)


async def publish(office: BackOffice, count: int) -> None:
    """Releases 1 to `count`; the last was published half an hour ago, each other an hour before the next."""
    for version in range(1, count + 1):
        await office.release([TEN_PERCENT], after=-(count - version + 0.5) * HOUR)


async def test_brings_the_release_of_a_time_with_the_whole_time_it_holds_for(
    dsn: str, office: BackOffice, compiler: RulesCompiler
) -> None:
    await publish(office, 12)
    loading = Loading(dsn, compiler)
    await loading.loader.bring(hours_ago(10))
    await loading.loader.bring(hours_ago(100))
    await loading.loader.stop()
    first, nothing = loading.taken
    assert (first.ruleset and first.ruleset.version, first.sha256) == (2, await office.connection.fetchval(SHA256))
    assert (first.begin_us - hours_ago(10.5)) // 60_000_000 in (-1, 0)
    assert first.end_us - first.begin_us == pytest.approx(HOUR / timedelta(microseconds=1), abs=5_000_000)
    assert (nothing.ruleset, nothing.end_us) == (None, await office.connection.fetchval(OLDEST))


async def test_return_brings_the_release_of_its_sale_or_the_news_that_there_is_none(
    dsn: str, office: BackOffice, compiler: RulesCompiler
) -> None:
    await office.release([TEN_PERCENT], after=-9 * HOUR)
    await office.release(b"{", after=-8 * HOUR)
    await office.release([TEN_PERCENT], after=-9 * HOUR)
    loading = Loading(dsn, compiler)
    for version in (1, 2, 7, 1):
        await loading.loader.bring(0, version)
    await loading.loader.stop()
    assert [(past.version, past.ruleset is not None) for past in loading.taken] == [
        (1, True),
        (2, False),
        (7, False),
        (1, True),
    ]
    assert loading.taken[0].sha256 == await office.connection.fetchval(
        "SELECT sha256 FROM rules_release WHERE version = 1"
    )


SHA256 = "SELECT sha256 FROM rules_release WHERE version = 2"
OLDEST = "SELECT (extract(epoch FROM min(effective_at)) * 1000000)::bigint FROM rules_release"


async def test_release_called_off_before_its_time_was_never_in_force(
    dsn: str, office: BackOffice, compiler: RulesCompiler
) -> None:
    await office.release([TEN_PERCENT], after=-9 * HOUR)
    await office.release([TEN_PERCENT], after=-5 * HOUR)
    await office.release([TEN_PERCENT], after=-7 * HOUR)
    loading = Loading(dsn, compiler)
    for hours in (8, 6, 4):
        await loading.loader.bring(hours_ago(hours))
    await loading.loader.stop()
    assert loading.versions == [1, 3, 3]


async def test_many_calls_of_one_time_bring_one_release_once(
    dsn: str, office: BackOffice, compiler: RulesCompiler
) -> None:
    await publish(office, 12)
    loading = Loading(dsn, compiler)
    await asyncio.gather(*(loading.loader.bring(hours_ago(10) + number) for number in range(50)))
    await loading.loader.stop()
    assert loading.versions == [2]
    assert loading.loader.loads_count == 1


async def test_release_that_cannot_be_taken_is_passed_over_for_the_one_below(
    dsn: str, office: BackOffice, compiler: RulesCompiler
) -> None:
    await office.release([TEN_PERCENT], after=-9 * HOUR)
    await office.release(b"{", after=-8 * HOUR)
    await office.release([{"promotion": "x", "reward": [{"points": {"asset": "no", "percent": "1"}}]}], after=-7 * HOUR)
    await office.release([TEN_PERCENT], after=-1 * HOUR)
    loading = Loading(dsn, compiler)
    await loading.loader.bring(hours_ago(6))
    await loading.loader.stop()
    [past] = loading.taken
    assert loading.versions == [1]
    assert past.end_us - past.begin_us == pytest.approx(8 * HOUR / timedelta(microseconds=1), abs=5_000_000)


class Gate:
    """The real compiler behind a gate; `fails` answers before it as a compiling process that died."""

    def __init__(self, compiler: RulesCompiler, fails: int = 0) -> None:
        self.opened = asyncio.Event()
        self.asked_count = 0
        self._compiler = compiler
        self._fails = fails

    async def compile(self, version: int, sha256: bytes) -> Opened:
        self.asked_count += 1
        if self.asked_count <= self._fails:
            raise CompilerFailed("it ended")
        await self.opened.wait()
        return await self._compiler.compile(version, sha256)


async def test_call_that_waits_too_long_is_told_to_come_again_and_the_load_goes_on(
    dsn: str, office: BackOffice, compiler: RulesCompiler
) -> None:
    await publish(office, 3)
    gate = Gate(compiler)
    loading = Loading(dsn, gate, patience_s=0.2)
    with pytest.raises(CallRefused, match="RETRY"):
        await loading.loader.bring(hours_ago(2))
    assert loading.taken == []
    gate.opened.set()
    await until(lambda: loading.versions == [1])
    await loading.loader.stop()
    assert gate.asked_count == 1


async def test_compiling_process_that_dies_is_tried_again_before_a_release_is_given_up(
    dsn: str, office: BackOffice, compiler: RulesCompiler
) -> None:
    await publish(office, 3)
    gate = Gate(compiler, fails=2)
    gate.opened.set()
    loading = Loading(dsn, gate)
    for _ in range(2):
        with pytest.raises(CallRefused, match="RETRY"):
            await loading.loader.bring(hours_ago(2))
    await loading.loader.bring(hours_ago(2))
    await loading.loader.stop()
    assert loading.versions == [1]


async def test_without_postgresql_the_call_is_told_to_come_again(dsn: str, compiler: RulesCompiler) -> None:
    loading = Loading("postgresql://nobody@127.0.0.1:1/none", compiler)
    with pytest.raises(CallRefused, match="RETRY"):
        await loading.loader.bring(hours_ago(2))
    await loading.loader.stop()


async def test_stop_answers_those_who_wait(dsn: str, office: BackOffice, compiler: RulesCompiler) -> None:
    await publish(office, 3)
    gate = Gate(compiler)
    loading = Loading(dsn, gate)
    waiting = asyncio.create_task(loading.loader.bring(hours_ago(2)))
    await until(lambda: gate.asked_count)
    await loading.loader.stop()
    with pytest.raises(CallRefused, match="RETRY"):
        await waiting


async def test_ruleset_the_engine_does_not_take_is_passed_over(
    dsn: str, office: BackOffice, compiler: RulesCompiler
) -> None:
    await publish(office, 4)
    taken: list[int] = []

    def take(past: PastRules) -> None:
        assert isinstance(past.ruleset, Ruleset)
        if past.ruleset.version == 2:
            raise ValueError("no")
        taken.append(past.ruleset.version)

    loader = PastRulesLoader(dsn, TENANT, {}, compiler, take)
    await loader.bring(hours_ago(2))
    await loader.stop()
    assert taken == [1]


async def test_feed_says_of_each_release_what_it_follows(dsn: str, office: BackOffice) -> None:
    await publish(office, 12)
    async with following(dsn) as server:
        await office.release([TEN_PERCENT], after=HOUR)
        await until(lambda: server.feeds.rules.staged_version == 13)
        await office.release([TEN_PERCENT])
        await until(lambda: server.versions[-1] == 14)
        await office.release(b"{")
        await office.release([TEN_PERCENT])
        await until(lambda: server.versions[-1] == 16)
    assert [(release.version, release.follows) for release in server.taken] == [
        (12, FOLLOWS_UNKNOWN),
        (14, 12),
        (16, 14),
    ]


async def test_first_release_there_ever_was_follows_nothing(dsn: str, office: BackOffice) -> None:
    await office.release([TEN_PERCENT])
    async with following(dsn) as server:
        assert [(release.version, release.follows) for release in server.taken] == [(1, 0)]


async def test_releases_published_while_postgresql_was_away_leave_a_gap_that_is_told(
    dsn: str, office: BackOffice
) -> None:
    await publish(office, 1)
    async with following(dsn) as server:
        feed = server.feeds.rules
        async with office.change():
            for hours in (5, 4, 3):
                await office.connection.execute(INSERT, TENANT, datetime.now(UTC) - hours * HOUR)
        await until(lambda: feed.seen_version == 4)
    assert [(release.version, release.follows) for release in server.taken] == [(1, 0), (4, FOLLOWS_UNKNOWN)]


INSERT = (
    "INSERT INTO rules_release SELECT $1, max(version) + 1, sha256('[]'), '[]', $2, false, 'test' FROM rules_release"
)
