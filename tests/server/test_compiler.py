"""The compiling process on a real PostgreSQL: what it answers, how it is replaced, and what it leaves to others."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from altyn.server.feeds.compiler import (
    LARGE_BYTES,
    NICENESS,
    DocumentUnread,
    ReleaseRefused,
    RulesCompiler,
)
from tests.server.back_office import TEN_PERCENT, TENANT, BackOffice, back_office, lay_tables
from tests.server.test_feeds import until

EMPTY = hashlib.sha256(b"[]").digest()
NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"


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


def worker_of(compiler: RulesCompiler) -> int:
    assert compiler._worker is not None
    return compiler._worker.pid


async def test_release_is_read_compiled_and_opened(office: BackOffice, compiler: RulesCompiler) -> None:
    version = await office.release([TEN_PERCENT])
    sha256 = await office.connection.fetchval("SELECT sha256 FROM rules_release")
    opened = await compiler.compile(version, sha256)
    assert (opened.ruleset.version, opened.ruleset.promotion_id(0), opened.assets) == (version, "ten", ())


async def test_worker_that_died_is_replaced_at_the_next_release(office: BackOffice, compiler: RulesCompiler) -> None:
    version = await office.release([])
    await compiler.compile(version, EMPTY)
    died = worker_of(compiler)
    os.kill(died, signal.SIGKILL)
    await until(lambda: compiler._worker is None or compiler._worker.poll() is not None)
    assert (await compiler.compile(version, EMPTY)).ruleset.version == version
    assert worker_of(compiler) != died


async def test_release_that_takes_too_long_is_refused_and_the_next_one_taken(
    office: BackOffice, compiler: RulesCompiler
) -> None:
    version = await office.release([])
    with pytest.raises(ReleaseRefused, match="took more than 0 s"):
        await compiler.compile(version, EMPTY, timeouts_s=(0.0, 0.0))
    assert (await compiler.compile(version, EMPTY)).ruleset.version == version


async def test_worker_left_nothing_is_replaced_by_one_of_ordinary_priority_for_that_release(
    office: BackOffice, compiler: RulesCompiler
) -> None:
    version = await office.release([])
    compiler.start()
    starved = worker_of(compiler)
    os.kill(starved, signal.SIGSTOP)
    assert (await compiler.compile(version, EMPTY, timeouts_s=(0.1, 60.0))).ruleset.version == version
    assert compiler._worker is None, "the next release gives way again"


async def test_release_not_there_and_postgresql_not_there_say_nothing_about_the_rules(compiler: RulesCompiler) -> None:
    with pytest.raises(DocumentUnread, match="no release 7"):
        await compiler.compile(7, EMPTY)
    without = RulesCompiler(NOBODY, TENANT)
    try:
        with pytest.raises(DocumentUnread):
            await without.compile(7, EMPTY)
    finally:
        without.stop()


async def test_worker_stays_for_the_next_small_release_and_ends_after_a_large_one(
    office: BackOffice, compiler: RulesCompiler
) -> None:
    small = await office.release([])
    await compiler.compile(small, EMPTY)
    worker = worker_of(compiler)
    document = b"[" + b" " * LARGE_BYTES + b"]"
    large, sha256 = await office.release(document), hashlib.sha256(document).digest()
    assert (await compiler.compile(large, sha256)).ruleset.version == large
    assert compiler._worker is None
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    assert (await compiler.compile(small, EMPTY)).ruleset.version == small


GIVES_WAY = """
import os
from altyn.server.feeds.compiler import AUTOGROUP, give_way
def weight(): return AUTOGROUP.read_text().split()[-1:] if AUTOGROUP.exists() else []
before = weight()
give_way()
print(os.nice(0), *before, *weight())
"""


@pytest.mark.parametrize("own_session", [False, True])
def test_worker_gives_way_with_its_own_session_and_with_no_other(own_session: bool) -> None:
    """Niceness alone would count among the processes of its own session: among nobody."""
    command = [sys.executable, "-c", GIVES_WAY]
    said = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=own_session)
    niceness, *weights = said.stdout.split()
    assert niceness == str(NICENESS)
    if weights:  # the kernel weighs sessions, and this one
        before, after = weights
        assert after == (str(NICENESS) if own_session else before)
