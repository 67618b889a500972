"""Registers that conform pass every check, and each planted fault is found by its check."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from pathlib import Path

import pytest

from altyn.cli.chaos.small_world import register_key, register_name
from altyn.cli.conformance.bench import Place
from altyn.cli.conformance.checks import CHECKS
from altyn.cli.conformance.driver import Driver
from altyn.cli.conformance.judge import RULES
from altyn.cli.conformance.kit import Verdict, run_checks
from altyn.cli.main import app
from tests.integration.system import System

PLAIN = str(Path(__file__).with_name("plain_register.py"))
REFERENCE = (sys.executable, "-m", "altyn.cli.conformance.reference", "--hurry")

#: What is done wrong: the check or rule that must find it, and the scenarios to run.
PLANTED = {
    "new_op_id": ("lost-reply", ("lost-reply",)),
    "new_time": ("same-bytes", ("lost-reply",)),
    "short_op_id": ("op-id-form", ("sale",)),
    "commits_twice": ("one-operation", ("doubt",)),
    "counts_anew": ("register-seq", ("sale", "next-day")),
    "defers": ("receipt-order", ("abandoned-reserve",)),
    "foreign_store": ("own-identity", ("sale",)),
    "bare_key": ("own-identity", ("sale",)),
    "no_number": ("whole-numbers", ("sale",)),
    "forgets": ("outage", ("outage",)),
    "boasts": ("outage", ("outage",)),
    "hammers": ("outage", ("outage",)),
    "last_in_first_out": ("outage", ("outage",)),
    "impatient": ("try-later", ("try-later",)),
    "waits_for_ever": ("time-out", ("time-out",)),
    "saves_late": ("power-cut-before", ("power-cut-before",)),
    "guesses": ("doubt", ("doubt",)),
    "never_cancels": ("abandoned-reserve", ("abandoned-reserve",)),
    "commits_instead": ("late-request", ("late-request",)),
    "repeats_answers": ("declined", ("declined",)),
    "never_gives_up": ("unreadable", ("unreadable",)),
    "drops_at_the_door": ("wrong-key", ("wrong-key",)),
    "strict": ("later-contract", ("later-contract",)),
    "stays_online": ("no-forecast", ("no-forecast",)),
    "returns_no_sale": ("return", ("return",)),
    "returns_no_line": ("return", ("return",)),
    "calculates_anew": ("qr-code", ("qr-code",)),
    "reads_any_code_as_a_card": ("qr-code", ("qr-code",)),
    "keeps_the_code": ("one-time-code", ("one-time-code",)),
    "asks_for_no_code": ("one-time-code", ("one-time-code",)),
}
_numbers = itertools.count(1)


def examine(system: System, folder: Path, command: tuple[str, ...], names: tuple[str, ...]) -> Verdict:
    """The kit on a register of its own."""
    number = next(_numbers)
    state = folder / "state"
    state.mkdir()
    place = Place("s1", register_name(number), register_key(number), state)
    driver = Driver(command, folder / "register.log")
    return asyncio.run(run_checks(driver, system.grpc_address, place, names))


def failures(verdict: Verdict) -> dict[str, str]:
    return {result.name: result.evidence for result in verdict.results if result.state != "passed"}


@pytest.mark.parametrize("command", [REFERENCE, (sys.executable, PLAIN)], ids=["altyn.register", "plain"])
def test_register_that_conforms_passes_every_check(system: System, tmp_path: Path, command: tuple[str, ...]) -> None:
    verdict = examine(system, tmp_path, command, tuple(CHECKS))
    assert failures(verdict) == {}
    assert verdict.is_clean
    assert [result.name for result in verdict.results] == [*CHECKS, *RULES]
    assert all(result.evidence for result in verdict.results)


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_fault_is_found_by_its_check(
    system: System, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "waits_for_ever":
        monkeypatch.setattr("altyn.cli.conformance.driver.ANSWER_PATIENCE_S", 8.0)
    finder, names = PLANTED[fault]
    verdict = examine(system, tmp_path, (sys.executable, PLAIN, fault), names)
    assert finder in failures(verdict), failures(verdict)
    assert not verdict.is_clean


def test_every_check_and_rule_has_a_fault_that_it_finds() -> None:
    found = {finder for finder, _ in PLANTED.values()}
    # Found by other checks first: the plain ways of selling, and what only looks at what the others left.
    plain = {"sale", "lost-request", "duplicate", "power-cut-after", "power-cut-queue", "next-day"}
    assert found | plain == {*CHECKS, *RULES}


def test_register_without_a_command_is_told_as_not_driven(system: System, tmp_path: Path) -> None:
    verdict = examine(system, tmp_path, (sys.executable, PLAIN, "no_returns"), ("sale", "return"))
    assert verdict.of("return").state == "not driven"
    assert not verdict.is_clean
    assert verdict.as_json()["not_driven"] == 1


@pytest.mark.parametrize("command", [("false",), ("cat",), (sys.executable, "-c", "print('hello'); input()")])
def test_process_that_is_no_register_fails_and_names_what_it_did(
    system: System, tmp_path: Path, command: tuple[str, ...]
) -> None:
    verdict = examine(system, tmp_path, command, ("sale",))
    assert verdict.of("sale").state == "failed"
    assert verdict.of("sale").evidence
    assert {verdict.of(name).state for name in RULES} == {"not driven"}


def test_command_prints_one_json_object(system: System, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    number = next(_numbers)
    words = ["--target", system.grpc_address, "--register-id", register_name(number), "--key", register_key(number)]
    with pytest.raises(SystemExit) as ended:
        app(["conformance", *words, "--only", "sale", "--var", str(tmp_path), "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["failed"] == 0
    assert told["checks"] == told["passed"] == 1 + len(RULES)


def test_unknown_check_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["conformance", "--only", "nonsense", "--var", str(tmp_path)])
    assert ended.value.code == 1
    assert "nonsense" in capsys.readouterr().err
