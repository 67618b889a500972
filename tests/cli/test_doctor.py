"""What the doctor sees in whole, missing and broken installations."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from altyn.cli.doctor import Finding, examine
from altyn.cli.main import app
from altyn.infra.embedded import embedded_services
from altyn.infra.settings import Settings, load_secrets


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
