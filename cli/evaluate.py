"""`altyn evaluate`: one receipt through the rules of a file, with nothing else running.

The receipt file holds the receipt, or a mapping with `receipt`, `store`, `catalogue` (sku to attributes), `customer`
and `at`. Exit status: 0 when calculated, 1 when rules or receipt are refused (each problem with its path), 2 for a
wrong call.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import yaml

from altyn.cli.catalogue import CATALOGUE_KEYS, check_row
from altyn.core.evaluate import HOLDINGS_KEYS, ReceiptError, evaluate
from altyn.core.facts import Zones
from altyn.core.rules.compile import CompileError, compile_ruleset
from altyn.core.rules.definition import DocumentError, load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.infra.zones import ensure_zone, load_zone

app = typer.Typer(help="Calculate one receipt from files.")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CUSTOMER_HELP = """customer_id, card_id, card_type, segments, tiers, card_state, anonymous, birthday, favourites,
personal; balances, counters, coupons, history."""
PLACE_KEYS = ("store_id", "zone", "region", "format", "cluster")


def evaluate_documents(
    documents: Sequence[object],
    receipt: Mapping[str, Any],
    store: Mapping[str, Any],
    customer: Mapping[str, Any] | None,
    at: int | str | None,
    explain: bool = False,
    holdings: Mapping[str, Any] | None = None,
    fiscal_plan: bool = False,
) -> dict[str, Any]:
    """Calculate a receipt by documents; the outcome with the field names of altyn.pos.v1.Outcome.

    `store` has store_id, zone (IANA, default UTC), region, format, cluster; `at` is UTC microseconds or ISO text, by
    the store's wall clock when it has no offset, and defaults to the receipt's own time. Raises DocumentError,
    CompileError, ReceiptError.
    """
    rules = read_documents(documents)
    ruleset = Ruleset(compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=0))
    return evaluate_ruleset(ruleset, receipt, store, customer, at, explain, holdings, fiscal_plan)


def evaluate_ruleset(
    ruleset: Ruleset,
    receipt: Mapping[str, Any],
    store: Mapping[str, Any],
    customer: Mapping[str, Any] | None,
    at: int | str | None,
    explain: bool = False,
    holdings: Mapping[str, Any] | None = None,
    fiscal_plan: bool = False,
) -> dict[str, Any]:
    """As `evaluate_documents`, by rules that are compiled. Raises ReceiptError."""
    check_keys(store, PLACE_KEYS, "store")
    instant_us, clock = business_time(str(store.get("zone") or "UTC"), at, receipt)
    place = {key: value for key, value in store.items() if key != "zone"}
    who, held = split_holdings(customer)
    known = {**held, **(holdings or {})}
    return evaluate(ruleset, dict(receipt), place, who, clock, explain, known, fiscal_plan, instant_us)


def split_holdings(customer: Mapping[str, Any] | None) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Who the customer is (nobody, when only the rest is given), and what the book knows."""
    given = dict(customer or {})
    held = {key: given.pop(key) for key in HOLDINGS_KEYS if key in given}
    return given or None if held else (None if customer is None else given), held


def check_keys(mapping: Mapping[str, Any], known: Sequence[str], path: str) -> None:
    for key in mapping:
        if key not in known:
            raise ReceiptError(f"{path}.{key}", "BAD_FORMAT", f"unknown key; known are {', '.join(known)}")


def business_time(zone: str, at: int | str | None, receipt: Mapping[str, Any]) -> tuple[int, tuple[int, int, int]]:
    """The instant, and the store's wall clock then with the gap near it."""
    zones = Zones()
    try:
        number = ensure_zone(zones, zone)
    except KeyError as error:
        raise ReceiptError("store.zone", "BAD_FORMAT", str(error.args[0])) from None
    instant_us = instant_of(zone, at, receipt)
    clock = zones.wall_clock_at(number, instant_us)
    return instant_us, (clock.wall_us, clock.gap_from_wall_us, clock.gap_us)


def instant_of(zone: str, at: int | str | None, receipt: Mapping[str, Any]) -> int:
    if isinstance(at, int):
        return at
    if at is not None:
        try:
            moment = datetime.fromisoformat(str(at))
        except ValueError:
            message = f"{at!r} is no time like 2027-03-01T10:00 or 2027-03-01T10:00+03:00"
            raise ReceiptError("at", "BAD_FORMAT", message) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=load_zone(zone))
        return (moment.astimezone(UTC) - EPOCH) // MICROSECOND
    local, offset = receipt.get("local_time_us"), receipt.get("utc_offset_minutes", 0)
    if isinstance(local, int) and isinstance(offset, int):
        return local - offset * 60_000_000
    return (datetime.now(UTC) - EPOCH) // MICROSECOND


def with_catalogue(receipt: dict[str, Any], catalogue: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The receipt with attributes its lines leave out taken from the catalogue; flags of both count."""
    lines = []
    for line in receipt.get("lines") or []:
        sku = str(line.get("sku", "")) if isinstance(line, dict) else ""
        if product := check_row(sku, catalogue[sku]) if sku in catalogue else {}:
            given = {key: value for key, value in line.items() if value not in ("", None)}
            flags = {key: True for part in (product, line) for key, set_ in (part.get("flags") or {}).items() if set_}
            line = {**{key: product[key] for key in CATALOGUE_KEYS if key in product}, **given, "flags": flags}
        lines.append(line)
    return {**receipt, "lines": lines}


def read_receipt_file(content: object) -> dict[str, Any]:
    """`receipt`, `store`, `customer`, `catalogue` and `at` of a receipt file."""
    if not isinstance(content, dict):
        raise ReceiptError("receipt", "BAD_FORMAT", "a mapping is needed")
    if "receipt" not in content:
        content = {"receipt": content}
    check_keys(content, ("receipt", "store", "customer", "catalogue", "at"), "receipt")
    receipt = content["receipt"]
    if not isinstance(receipt, dict):
        raise ReceiptError("receipt", "BAD_FORMAT", "a mapping is needed")
    store = content.get("store") or {"store_id": receipt.get("store_id", "")}
    return {**content, "receipt": with_catalogue(receipt, content.get("catalogue") or {}), "store": store}


@app.callback(invoke_without_command=True)
def command(
    rules: Annotated[Path, typer.Option(help="Rule documents: YAML or JSON; - reads standard input.")],
    receipt: Annotated[Path, typer.Option(help="A receipt, or receipt, store, catalogue, customer, at.")],
    customer: Annotated[Path | None, typer.Option(help=CUSTOMER_HELP)] = None,
    at: Annotated[
        str | None, typer.Option(help="Business time, by the store's wall clock unless it has an offset.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say of every rule why it did or did not apply.")] = False,
    fiscal_plan: Annotated[bool, typer.Option("--fiscal-plan", help="Say how a fiscal register prints it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as one JSON object.")] = False,
    lang: Annotated[str, typer.Option(help="Language of the table: en or ru.")] = "en",
) -> None:
    """Calculate one receipt from files; nothing is stored."""
    if lang not in ("en", "ru"):
        stop(f"--lang {lang}: en or ru", 2)
    try:
        documents = load_documents(read_text(rules))
        given = read_receipt_file(yaml.safe_load(read_text(receipt)))
        who = given.get("customer") if customer is None else yaml.safe_load(read_text(customer))
        when = given.get("at") if at is None else at
        when = str(when) if when is not None and not isinstance(when, int) else when
        asked = given["receipt"], given["store"], who, when, explain
        outcome = evaluate_documents(documents, *asked, fiscal_plan=fiscal_plan)
    except DocumentError as error:
        refuse([(problem.path, str(problem.code), problem.message) for problem in error.problems], as_json)
    except (CompileError, ReceiptError) as error:
        refuse([(error.path, error.code, error.message)], as_json)
    except yaml.YAMLError as error:
        refuse([(str(receipt), "BAD_SYNTAX", " ".join(str(error).split()))], as_json)
    if as_json:
        print(json.dumps(outcome, ensure_ascii=False))
        return
    from altyn.cli.outcome_table import print_outcome

    print_outcome(outcome, given["receipt"], documents, lang)


def read_text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        stop(f"{file}: {error.strerror}", 2)
    except UnicodeDecodeError:
        stop(f"{file}: the file is not UTF-8", 1)


def refuse(problems: Sequence[tuple[str, str, str]], as_json: bool) -> NoReturn:
    if as_json:
        rows = [{"path": path, "code": code, "message": message} for path, code, message in problems]
        print(json.dumps({"problems": rows}, ensure_ascii=False))
    else:
        for path, code, message in problems:
            print(f"{path}: {code}: {message}", file=sys.stderr)
    raise typer.Exit(1)


def stop(message: str, exit_status: int) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(exit_status)


if __name__ == "__main__":
    app()
