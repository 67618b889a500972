"""The catalogue has every code of the contract, and every code the sources give is of the contract."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from altyn.cli.main import app
from altyn.cli.reasons import page
from altyn.pos.v1 import outcome_pb2, pos_service_pb2, reasons_pb2
from altyn.register.reasons import AGAIN, catalogue

ROOT = Path(__file__).resolve().parents[2]
CALLS = {method.name for method in pos_service_pb2.DESCRIPTOR.services_by_name["PosService"].methods}
PLACES = {"FLAG", "EXCEPTION", "COUPON", "LIMIT", "TENDER", "INFO", "OFFICE"}
STATUSES = {name.removeprefix("STATUS_") for name in outcome_pb2.Status.DESCRIPTOR.values_by_name} - {"UNSPECIFIED"}
GRPC_ERRORS = {
    "INVALID_ARGUMENT",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "UNAVAILABLE",
    "UNIMPLEMENTED",
    "NOT_FOUND",
} | {"RESOURCE_EXHAUSTED"}
SOURCES = [
    path
    for folder in ("core", "server")
    for kind in ("pyx", "py", "pxd")
    for path in (ROOT / folder).rglob(f"*.{kind}")
    if "generated" not in path.parts
]
TEXT = {path: path.read_text("utf-8") for path in SOURCES}


def test_catalogue_holds_each_value_of_the_enum_under_its_number() -> None:
    reasons = {f"REASON_{reason.code}": number for number, reason in catalogue().reasons.items()}
    errors = {f"ERROR_REASON_{code}": reason.number for code, reason in catalogue().error_reasons.items()}
    assert reasons | {"REASON_UNSPECIFIED": 0} == dict(reasons_pb2.Reason.items())
    assert errors | {"ERROR_REASON_UNSPECIFIED": 0} == dict(reasons_pb2.ErrorReason.items())


def test_codes_the_sources_give_are_values_of_the_enums() -> None:
    given = {name for text in TEXT.values() for name in re.findall(r"\bpos_v1\.((?:ERROR_)?REASON_\w+)", text)}
    assert len(given) > 20
    assert given <= {*reasons_pb2.Reason.keys(), *reasons_pb2.ErrorReason.keys()}


def test_errors_the_sources_raise_are_in_the_catalogue_with_their_status() -> None:
    call = re.compile(r"\b(?:CallRefused|refused)\(\s*\"([A-Z_]+)\",\s*\"([A-Z_]+)\"")
    raised = {pair for text in TEXT.values() for pair in call.findall(text)}
    assert len(raised) > 8
    known = {(status, code) for code, error in catalogue().error_reasons.items() for status in error.given_as}
    assert raised <= known


def named(pattern: str) -> set[str]:
    """What a pattern finds in the sources, without the enums' prefixes."""
    found = {name for text in TEXT.values() for name in re.findall(pattern, text)}
    return {name.removeprefix("ERROR_").removeprefix("REASON_") for name in found}


def test_codes_the_catalogue_says_are_given_are_those_the_sources_give() -> None:
    reasons, errors = catalogue().reasons.values(), catalogue().error_reasons.values()
    # The calculator knows its own few by their numbers alone.
    numbered = {
        (name, int(number)) for text in TEXT.values() for name, number in re.findall(r"    (\w+) = (\d+)\n", text)
    }
    given = named(r"\bREASON_\w+") | {reason.code for reason in reasons if (reason.code, reason.number) in numbered}
    # Told to the back office by name.
    told = {reason.code for reason in reasons if "OFFICE" in reason.given_as}
    given |= {code for code in told if any(f'b"{code}"' in text for text in TEXT.values())}
    assert {reason.code for reason in reasons if reason.is_given} == given & {reason.code for reason in reasons}
    raised = named(r"\b(?:CallRefused|refused)\(\s*\"[A-Z_]+\",\s*\"([A-Z_]+)\"") | set(EDGE_ERRORS)
    assert {error.code for error in errors if error.is_given} == raised & {error.code for error in errors}


#: Chosen by number in core/edge.pyx: what is wrong with a field.
EDGE_ERRORS = set(re.findall(r"ERROR_REASON_(\w+)", (ROOT / "core/edge.pyx").read_text("utf-8")))


def test_places_the_catalogue_names_are_where_the_sources_put_a_code() -> None:
    places = {
        "EXCEPTION": named(r"add_exception\([^,]+, pos_v1\.(REASON_\w+)"),
        "FLAG": named(r"remark\([^,]+, pos_v1\.(REASON_\w+)") | named(r"flags\.append\(\"(REASON_\w+)\""),
    }
    for place, codes in places.items():
        assert len(codes) > 3
        # OFFICE: on the record, and not in what the till is told.
        assert codes <= {
            reason.code for reason in catalogue().reasons.values() if {place, "OFFICE"} & {*reason.given_as}
        }


def test_no_call_of_the_contract_is_left_out_of_the_server() -> None:
    """The table of the server that `altyn server` runs; NOT_IMPLEMENTED then names no call."""
    text = (ROOT / "server/calls.py").read_text("utf-8")
    beside = (ROOT / "server/app.py").read_text("utf-8")
    told = re.findall(r"\"(\w+)\": (?:self|partial)", text) + re.findall(r"\"(\w+)\": (?:shifts|codes)\.", beside)
    assert set(told) == CALLS
    [error] = catalogue().of("NOT_IMPLEMENTED")
    assert (error.calls, error.is_given) == ((), False)


@pytest.mark.parametrize(
    "reason",
    [*catalogue().reasons.values(), *catalogue().error_reasons.values()],
    ids=lambda reason: f"{reason.code}-{reason.number}",
)
def test_entry_says_what_it_means_and_what_to_do(reason: object) -> None:
    assert reason.en and reason.ru and re.search("[а-я]", reason.ru) and not re.search("[а-я]", reason.en)
    assert set(reason.calls) <= CALLS
    assert reason.given_as and set(reason.given_as) <= PLACES | STATUSES | GRPC_ERRORS
    assert reason.again in AGAIN
    assert bool(reason.calls) == bool(reason.till)
    assert bool(reason.cashier_en) == bool(reason.cashier_ru)


def test_what_nobody_knows_is_sent_again_and_what_is_final_is_not() -> None:
    for error in catalogue().error_reasons.values():
        assert (error.again == "SAME_BYTES") == (not {"INVALID_ARGUMENT", "NOT_FOUND"} & set(error.given_as))
    for reason in catalogue().reasons.values():
        if {"CONFLICT", "QUARANTINED", "PARKED"} & set(reason.given_as):
            assert reason.again == "NEVER"


def test_texts_the_server_shows_the_cashier_are_those_of_the_catalogue() -> None:
    text = (ROOT / "core/engine/reply.pyx").read_text("utf-8")
    table = re.findall(r"REASON_(\w+): \(\s*\(b\"en\", b\"([^\"]+)\"\),\s*\(b\"ru\", \"([^\"]+)\"", text)
    assert len(table) >= 4
    for code, en, ru in table:
        [reason] = catalogue().of(code)
        assert (reason.cashier_en, reason.cashier_ru) == (en, ru)


def test_page_of_the_documentation_is_the_catalogue() -> None:
    assert (ROOT / "docs/register/reasons.md").read_text("utf-8") == page()


def test_command_tells_one_code_all_codes_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    def shown(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            app(["reasons", *words])
        assert not ended.value.code
        return capsys.readouterr().out

    assert "Цена изменилась" in shown("reason_price_changed")
    assert len(shown().splitlines()) == len(catalogue().reasons) + len(catalogue().error_reasons)
    assert len(json.loads(shown("--json"))["reasons"]) == len(shown().splitlines())
    with pytest.raises(SystemExit) as ended:
        app(["reasons", "NONSENSE"])
    assert ended.value.code == 1
