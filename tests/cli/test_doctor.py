"""What the doctor sees in whole, missing and broken installations."""

from __future__ import annotations

import asyncio
import re
import socket
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from altyn.cli.doctor import PACKAGES, Finding, examine, judge_disk, judge_skew, look_at_clock, look_at_partitions
from altyn.cli.main import app
from altyn.infra.database import connect
from altyn.infra.embedded import embedded_services
from altyn.infra.partitions import Partition, Partitions
from altyn.infra.settings import Settings, load_secrets
from tests.cli.journalled import busy_world, execute, lay, write


def states(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.state for finding in findings}


def test_doctor_of_live_stores_finds_durability_and_clocks_good(
    tmp_path: Path, database_dsn: str, redis_url: str
) -> None:
    settings = Settings(var=tmp_path, postgres_dsn=database_dsn, redis_url=redis_url)
    load_secrets(settings)
    found = states(examine(settings))
    for name in ("secrets", "versions", "protobuf", "clock", "postgres", "durability", "clock of PG", "redis"):
        assert found[name] == "ok", name
    assert found["rules"] == "skip"


def test_doctor_of_a_fresh_folder_makes_nothing_there(tmp_path: Path) -> None:
    found = states(examine(Settings(var=tmp_path / "new")))
    assert (found["postgres"], found["redis"], found["secrets"]) == ("skip", "skip", "skip")
    assert not (tmp_path / "new").exists()


def test_doctor_of_a_stopped_cluster_looks_and_leaves_it_stopped(stores_folder: Path) -> None:
    var = stores_folder / "stopped"
    with embedded_services(Settings(var=var)):
        pass
    found = states(examine(Settings(var=var)))
    assert (found["durability"], found["redis"]) == ("ok", "ok")
    assert not (var / "postgres" / "data" / "postmaster.pid").exists()


def test_doctor_of_unreachable_stores_fails_both(tmp_path: Path) -> None:
    settings = Settings(
        var=tmp_path,
        postgres_dsn="postgresql://nobody@/x?host=/nonexistent",
        redis_url="unix:///nonexistent",
    )
    found = states(examine(settings))
    assert (found["postgres"], found["redis"]) == ("fail", "fail")


def test_doctor_finds_loose_secrets_and_unknown_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(var=tmp_path)
    load_secrets(settings)
    (tmp_path / "secrets" / "pepper").chmod(0o644)
    monkeypatch.setenv("ALTYN_TENNANT_ID", "typo")
    findings = {finding.name: finding for finding in examine(settings)}
    assert (findings["secrets"].state, findings["settings"].state) == ("fail", "warn")
    assert "ALTYN_TENNANT_ID" in findings["settings"].detail


def test_doctor_in_json_prints_one_object_and_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALTYN_REDIS_URL", "unix:///nonexistent")
    with pytest.raises(SystemExit) as ended:
        app(["doctor", "--var", str(tmp_path), "--json"])
    answer = orjson.loads(capsys.readouterr().out.splitlines()[-1])
    assert ended.value.code == 1 and answer["ok"] is False
    assert {"name", "state", "detail"} == set(answer["checks"][0])


def partition(number: int, **given: bool) -> Partition:
    return Partition(number, number * 10 + 1, number * 10 + 11, 0, given.get("leaving", False))


@pytest.mark.parametrize(
    ("last_seq", "numbers", "state"),
    [
        (0, [0, 1], "ok"),
        (5, [0, 1, 2], "ok"),
        (5, [0, 1], "warn"),
        (10, [0, 1], "warn"),
        (10, [0, 1, 2, 3], "ok"),
        (10, [0], "fail"),
        (7, [], "fail"),
    ],
)
def test_doctor_warns_of_partitions_before_the_journal_needs_them(
    last_seq: int, numbers: list[int], state: str
) -> None:
    found = Partitions(tuple(partition(number) for number in numbers), last_seq, 0)
    assert look_at_partitions(found).state == state


def test_doctor_tells_of_a_partition_left_half_detached() -> None:
    found = Partitions((partition(0, leaving=True), partition(1), partition(2), partition(3)), 15, 0)
    assert (look_at_partitions(found).state, "journal_000000" in look_at_partitions(found).detail) == ("warn", True)


def test_doctor_of_a_served_installation_sees_journal_snapshots_and_missing_archive(
    tmp_path: Path, database_dsn: str, redis_url: str
) -> None:
    async def serve() -> None:
        world, _ = busy_world(1)
        await lay(database_dsn)
        await write(database_dsn, world.records)

    asyncio.run(serve())
    settings = Settings(var=tmp_path, postgres_dsn=database_dsn, redis_url=redis_url)
    found = states(examine(settings))
    assert {name: found[name] for name in ("migrations", "partitions", "snapshots", "rules", "servers")} == {
        "migrations": "ok",
        "partitions": "ok",
        "snapshots": "ok",
        "rules": "ok",
        "servers": "skip",
    }
    assert "archive" not in found
    gone = "INSERT INTO journal_archive VALUES (0, 0, 1, 9, '\\x00', '\\x00', 1, '\\x00')"
    asyncio.run(execute(database_dsn, gone))
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / f"{99:019d}.snapshot").touch()
    found = states(examine(settings))
    assert (found["archive"], found["snapshots"]) == ("fail", "fail")


# EVERY CHECK FINDS ITS FAULT


@pytest.fixture
def served(tmp_path: Path, database_dsn: str, redis_url: str) -> Iterator[Settings]:
    """Migrated, published, with a journal of seven records; everything is well."""

    async def serve() -> None:
        world, _ = busy_world(1)
        await lay(database_dsn)
        await write(database_dsn, world.records)

    asyncio.run(serve())
    settings = Settings(var=tmp_path, postgres_dsn=database_dsn, redis_url=redis_url)
    load_secrets(settings)
    assert not {state for state in states(examine(settings)).values()} & {"warn", "fail"}
    yield settings


def plant(settings: Settings, query: str) -> None:
    async def run() -> None:
        connection = await connect(settings.postgres_dsn, name="test")
        await connection.execute(query)
        await connection.close()

    asyncio.run(run())


STATUS = (
    "INSERT INTO server_status (tenant, server_id, started_at, seen_at, rules_version, sha256, staged_version,"
    " feed_version, durable_seq, refused_version, refused_reason)"
    " VALUES ('demo', 'one', now(), now(), {runs}, NULL, 1, 1, 1, {refused}, '')"
)
FAULTS = [
    (
        "durability",
        "fail",
        "synchronous_commit",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
    ),
    ("partitions", "warn", "ahead", "DROP TABLE journal_000002, journal_000003"),
    (
        "partitions",
        "fail",
        "no partition",
        "ALTER TABLE journal DETACH PARTITION journal_000000; ALTER TABLE journal DETACH PARTITION journal_000001;"
        " DROP TABLE journal_000002, journal_000003",
    ),
    (
        "migrations",
        "warn",
        "to apply",
        "DELETE FROM schema_migration WHERE number = (SELECT max(number) FROM schema_migration)",
    ),
    ("migrations", "fail", "", "UPDATE schema_migration SET sha256 = sha256('') WHERE number = 1"),
    (
        "journal",
        "fail",
        "in the future",
        "UPDATE journal SET instant_us = instant_us + 10000000000000000 WHERE seq = 7",
    ),
    ("rules", "warn", "nothing published", "ALTER TABLE rules_release DISABLE TRIGGER ALL; DELETE FROM rules_release"),
    (
        "rules",
        "fail",
        "hash differs",
        "ALTER TABLE rules_release DISABLE TRIGGER ALL; ALTER TABLE rules_release DROP CONSTRAINT rules_release_hash;"
        " UPDATE rules_release SET document = document || ' '",
    ),
    ("servers", "fail", "refused 2", STATUS.format(runs=1, refused=2)),
    ("servers", "warn", "version 1 is in force", STATUS.format(runs=0, refused=0)),
    ("servers", "ok", "one runs 1", STATUS.format(runs=1, refused=0)),
]


@pytest.mark.parametrize(
    ("name", "state", "words", "query"), FAULTS, ids=[f"{name}-{words}" for name, _, words, _ in FAULTS]
)
def test_doctor_finds_a_fault_planted_in_the_database(
    served: Settings, name: str, state: str, words: str, query: str
) -> None:
    plant(served, query)
    found = {finding.name: finding for finding in examine(served)}
    assert (found[name].state, words in found[name].detail) == (state, True), found[name]


def test_doctor_finds_a_package_that_is_too_old_or_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "site" / "grpcio-1.2.3.dist-info"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: grpcio\nVersion: 1.2.3\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setitem(PACKAGES, "altyn-no-such-package", ("1", "2"))
    found = {finding.name: finding for finding in examine(Settings(var=tmp_path / "var"))}
    assert found["versions"].state == "fail"
    assert "grpcio 1.2.3 is not of 1.80 to 2" in found["versions"].detail
    assert "altyn-no-such-package is not installed" in found["versions"].detail


def test_versions_the_doctor_asks_for_are_those_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    asked = {
        found[1]: (found[2], found[3])
        for line in project["dependencies"]
        if (found := re.match(r"([a-z-]+)>=([\d.]+),<([\d.]+)", line)) and found[1] in PACKAGES
    }
    assert asked == PACKAGES


@pytest.mark.parametrize(
    ("free", "state"), [(50, "ok"), (10, "ok"), (9, "warn"), (5, "warn"), (4, "fail"), (0, "fail")]
)
def test_doctor_finds_a_disk_that_fills(free: int, state: str) -> None:
    assert judge_disk(free << 30, 100 << 30, "/var").state == state


def test_doctor_finds_a_clock_in_the_past_and_one_that_is_not_postgresqls(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    assert look_at_clock(Settings(var=tmp_path), datetime(2001, 1, 1, tzinfo=UTC)).state == "fail"
    assert judge_skew(now + timedelta(seconds=0.5), now).state == "ok"
    for skew_s in (-2, 2):
        found = judge_skew(now + timedelta(seconds=skew_s), now)
        assert (found.state, f"{skew_s:+.3f} s" in found.detail) == ("warn", True)


def test_doctor_ends_within_ten_seconds_though_both_stores_are_silent(tmp_path: Path) -> None:
    """Addresses that take the connection and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        begun = time.monotonic()
        found = states(
            examine(
                Settings(
                    var=tmp_path,
                    postgres_dsn=f"postgresql://nobody@127.0.0.1:{port}/x",
                    redis_url=f"redis://127.0.0.1:{port}/0",
                )
            )
        )
        assert (found["postgres"], found["redis"]) == ("fail", "fail")
        assert time.monotonic() - begun < 10
