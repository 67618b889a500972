"""What deploy/ and docs/operations name must exist: commands, modules, settings, metrics, alerts, runbooks."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from altyn.cli.configuration import reference
from altyn.cli.doctor import OTHER_VARIABLES
from altyn.cli.main import available
from altyn.infra.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY, DOCS = ROOT / "deploy", ROOT / "docs" / "operations"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
VARIABLES = {PREFIX + name.upper() for name in Settings.model_fields} | OTHER_VARIABLES
RULES = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "altyn.json").read_text())
SUFFIXES = re.compile(r"_(?:total|bucket|sum|count|info)$")
METRIC = re.compile(r"\b(?:altyn|grpc_server)_[a-z0-9_]+\b")


def declared() -> set[str]:
    """Metrics of the collectors, without the suffixes of the text format."""
    sources = [ROOT / "server" / "metrics.py", ROOT / "admin_api" / "metrics.py", ROOT / "infra" / "metrics.py"]
    found = {name for path in sources for name in re.findall(r'"((?:altyn|grpc_server)_[a-z0-9_]+)"', path.read_text())}
    assert len(found) > 40
    return found


def used(text: str) -> set[str]:
    """Metrics a text names."""
    return {SUFFIXES.sub("", name) for name in METRIC.findall(text)}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_unit_starts_something_that_exists(unit: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    words = line.split()
    if words[0].endswith("/python"):
        assert words[1] == "-m" and importlib.util.find_spec(words[2]) is not None
    else:
        assert words[0] == "/opt/altyn/bin/altyn" and words[1] in available()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_unit_is_confined(unit: Path) -> None:
    text = unit.read_text()
    for wall in (
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=\n",
        "User=altyn",
        "LimitCORE=0",
    ):
        assert wall in text, wall


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_units_pass_systemd_analyze(tmp_path: Path) -> None:
    for unit in (*UNITS, *(DEPLOY / "systemd").glob("*.timer")):
        text = re.sub(r"/opt/altyn/bin/\w+", sys.executable, unit.read_text())
        (tmp_path / unit.name).write_text(text)
    told = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, [line for line in told.stderr.splitlines() if "altyn" in line]) == (0, [])


def test_every_variable_named_in_deploy_and_docs_is_a_setting() -> None:
    paths = [path for path in (*DEPLOY.rglob("*"), *DOCS.rglob("*.md")) if path.is_file()]
    named = {name for path in paths for name in re.findall(r"ALTYN_[A-Z_]*[A-Z]", path.read_text())}
    assert len(named) > 10 and named <= VARIABLES


def test_containerfile_copies_and_runs_what_exists() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text()
    for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE):
        assert all((ROOT / source).exists() for source in line.split()[:-1]), line
    health = json.loads(re.findall(r"CMD (\[\"python.*\])", text)[0])
    assert importlib.util.find_spec(health[2]) is not None
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"]
    assert json.loads(re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)[-1])[0] in available()
    listens = [getattr(Settings(), name) for name in Settings.model_fields if name.endswith("_listen")]
    ports = {str(address).rpartition(":")[2] for address in listens if address}
    assert set(re.findall(r"^EXPOSE (.*)$", text, re.MULTILINE)[0].split()) == ports


def test_compose_runs_commands_that_exist_on_volumes_and_services_that_are_declared() -> None:
    whole: dict[str, Any] = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
    services = whole["services"]
    assert set(services) == {"postgres", "valkey", "migrate", "server", "snapshotter", "admin"}
    for name, service in services.items():
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(whole["volumes"]), name
        assert set(service.get("depends_on", {})) <= set(services), name
        if service["image"] != "altyn":
            continue
        if "entrypoint" in service:
            assert importlib.util.find_spec(service["entrypoint"][2]) is not None
        else:
            assert service["command"][0] in available()
        assert (DEPLOY / "container" / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).exists()
        values = {key: value for key, value in service["environment"].items() if "$" not in value}
        Settings(**{key.removeprefix(PREFIX).lower(): value for key, value in values.items()})


def test_metrics_page_names_every_metric_and_only_those() -> None:
    assert used((DOCS / "metrics.md").read_text()) == {SUFFIXES.sub("", name) for name in declared()}


@pytest.mark.parametrize("path", ["prometheus/alerts.yml", "grafana/altyn.json"])
def test_alerts_and_dashboard_ask_for_metrics_that_exist(path: str) -> None:
    asked = used((DEPLOY / path).read_text()) - {"altyn_server", "altyn_admin"}
    assert asked and asked <= declared()


def queries() -> list[tuple[str, str]]:
    """(where, PromQL) of every alert and every panel."""
    found = [(rule["alert"], rule["expr"]) for rule in RULES]
    for panel in DASHBOARD["panels"]:
        found += [(panel["title"], target["expr"]) for target in panel["targets"]]
    return found


@pytest.mark.parametrize(("where", "query"), queries(), ids=[f"{where}-{n}" for n, (where, _) in enumerate(queries())])
def test_query_names_exported_metrics_and_is_whole(where: str, query: str) -> None:
    """What can be said without Prometheus: test_prometheus.py asks one."""
    bare = re.sub(r'"[^"]*"', '""', query)
    for opened, closed in ("()", "[]", "{}"):
        assert bare.count(opened) == bare.count(closed), (where, query)
    assert query.count('"') % 2 == 0
    named = {SUFFIXES.sub("", name) for name in METRIC.findall(bare)}
    named |= {name for name in re.findall(r"\b(?:up|process_[a-z_]+)\b", bare)}
    known = {SUFFIXES.sub("", name) for name in declared()} | {"up"}
    assert named and all(name in known or name.startswith("process_") for name in named), (where, named)
    for word in re.findall(r"([a-z_]+)\s*\(", bare):
        assert word in PROMQL_WORDS, (where, word)
    for function, inside in re.findall(r"\b(rate|increase|changes|deriv)\(([^()]*)\)", bare):
        assert re.search(r"\[(?:\d+[smhd]|\$__rate_interval)\]$", inside), (where, function, inside)
    for counter in re.findall(r"\b(?:rate|increase)\((\w+)", bare):
        assert re.search(r"_(?:total|bucket|sum|count)$", counter), (where, counter)


PROMQL_WORDS = {
    "sum",
    "max",
    "min",
    "avg",
    "by",
    "rate",
    "increase",
    "changes",
    "deriv",
    "histogram_quantile",
    "and",
    "or",
}


def test_alert_rules_have_what_prometheus_asks_of_a_rule() -> None:
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"} and {"alert", "expr"} <= set(rule)
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1s")), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "runbook"}
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert all((DEPLOY / "prometheus" / name).exists() for name in config["rule_files"])
    jobs = {job["job_name"] for job in config["scrape_configs"]}
    assert {job for _, query in queries() for job in re.findall(r'job="([^"]+)"', query)} <= jobs
    ports = {
        target.rpartition(":")[2] for job in config["scrape_configs"] for target in job["static_configs"][0]["targets"]
    }
    assert ports == {Settings().metrics_listen.rpartition(":")[2], Settings().admin_metrics_listen.rpartition(":")[2]}


def test_dashboard_has_panels_that_grafana_can_lay_out_and_fill() -> None:
    sources = {one["name"] for one in DASHBOARD["templating"]["list"]}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids) > 10
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        assert panel["type"] in {"timeseries", "stat", "table", "row"}
        assert panel["datasource"]["uid"] == "${source}"
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(set(references)) == len(references)
    variables = {name for _, query in queries() for name in re.findall(r"\$(\w+)", query)} - {"__rate_interval"}
    assert variables <= sources
    for one in DASHBOARD["templating"]["list"]:
        if one["type"] == "query":
            (metric,) = re.findall(r"label_values\((\w+),", one["query"])
            assert SUFFIXES.sub("", metric) in declared()


def test_every_alert_has_a_runbook_of_four_parts_and_every_runbook_an_alert() -> None:
    alerts = {rule["alert"] for rule in RULES}
    assert alerts == {path.stem for path in (DOCS / "runbooks").glob("Altyn*.md")} and len(alerts) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        text = (ROOT / rule["annotations"]["runbook"]).read_text()
        for part in ("**Symptom.**", "**Check**", "**Act**", "**Verify.**"):
            assert part in text, (rule["alert"], part)


def test_links_between_pages_lead_somewhere() -> None:
    broken = {
        f"{page.relative_to(ROOT)}: {link}"
        for page in DOCS.rglob("*.md")
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / link).exists()
    }
    assert not broken


def test_commands_named_in_the_pages_exist() -> None:
    named = {name for page in DOCS.rglob("*.md") for name in re.findall(r"`altyn ([a-z]+)", page.read_text())}
    assert len(named) > 5 and named <= {*available()}


def test_settings_page_is_what_the_model_says() -> None:
    assert (DOCS / "configuration.md").read_text() == reference(), "run make docs"
