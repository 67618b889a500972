"""What the doctor sees in whole, missing and broken installations."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from altyn.cli.doctor import Finding, examine, look_at_partitions
from altyn.cli.main import app
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
