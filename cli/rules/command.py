"""`altyn rules`: the schema of rule documents, their lint, and what changes between two files.

Only reads files and prints. Exit status: 0 when the documents can be read and nothing ruinous is in them, 1 when they
cannot or something is, 2 for a wrong call.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import yaml

from altyn.cli.catalogue import products_of, split_catalogue
from altyn.core.evaluate import ReceiptError
from altyn.core.rules.compare import compare
from altyn.core.rules.compile import CompileError, compile_ruleset
from altyn.core.rules.definition import (
    Code,
    DocumentError,
    Rules,
    default_documents,
    dump_documents,
    load_documents,
    read_documents,
)
from altyn.core.rules.lint import Known, Remark, Severity, remarks
from altyn.core.rules.schema import document_schema

app = typer.Typer(help="Rule documents: schema, lint, diff.", no_args_is_help=True)

# A file of a hundred thousand promotions; what is published stays within the reader's own limit.
FILE_BYTES_MAX = 256 << 20
EPOCH = date(1970, 1, 1)

RulesFile = Annotated[
    Path, typer.Argument(help="A YAML stream, a list, or JSON; - reads standard input.", metavar="FILE")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Lang = Annotated[str, typer.Option(help="Language of the texts: en or ru.")]
Catalogue = Annotated[
    Path | None,
    typer.Option(
        help="SKU to group_id, brand_id, supplier_id, price_minor, min_price_minor, cost_minor; or that under "
        "`catalogue`, with `coupon_series` beside it."
    ),
]
At = Annotated[str | None, typer.Option(help="The day to look from, 2027-03-01; today by default.")]


@app.command()
def schema() -> None:
    """Print the JSON Schema of one document."""
    print(json.dumps(document_schema(), ensure_ascii=False, indent=2))


@app.command()
def lint(
    file: RulesFile,
    catalogue: Catalogue = None,
    at: At = None,
    deep: Annotated[int, typer.Option(min=1, max=100, help="Tell stacked discounts from this percent on.")] = 70,
    products: Annotated[int, typer.Option(min=0, help="Most products whose discounts are added up.")] = 20_000,
    least: Annotated[Severity, typer.Option(help="Leave out what is less than this.")] = Severity.HINT,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Print the documents with all defaults written out instead.")
    ] = False,
    as_json: AsJson = False,
    lang: Lang = "en",
) -> None:
    """Print what is wrong with documents, or what can hardly be meant; every code: docs/rules-lint.md."""
    check_lang(lang)
    rows, series = read_catalogue(catalogue, as_json)
    known = Known(products_of(rows), series, day_of(at), deep * 10_000, products)
    rules = read_rules(file, as_json)
    if defaults:
        print(dump_documents(default_documents(rules)), end="")
        return
    check_compiles(rules, as_json)
    levels = list(Severity)
    found = [one for one in remarks(rules, known) if levels.index(one.severity) <= levels.index(least)]
    if as_json:
        told = {"problems": [], "remarks": [as_row(one, lang) for one in found], "documents": default_documents(rules)}
        print(json.dumps(told, ensure_ascii=False))
    else:
        from altyn.cli.rules.tables import print_remarks

        print_remarks(found, lang)
    if any(one.severity is Severity.ERROR or (strict and one.severity is Severity.WARNING) for one in found):
        raise typer.Exit(1)


@app.command()
def diff(
    before: RulesFile,
    after: RulesFile,
    receipts: Annotated[
        Path | None, typer.Option(help="Sample receipts as for `altyn evaluate`: a YAML stream, a list, or JSON.")
    ] = None,
    catalogue: Catalogue = None,
    at: At = None,
    as_json: AsJson = False,
    lang: Lang = "en",
) -> None:
    """Print what was added, removed and changed by meaning, and the prices and receipts that are not what they were."""
    from altyn.cli.rules.effects import compiled, price_changes, receipt_changes

    check_lang(lang)
    rows, _ = read_catalogue(catalogue, as_json)
    known = Known(products_of(rows), None, day_of(at))
    old, new = read_rules(before, as_json), read_rules(after, as_json)
    changes = compare(old, new)
    try:
        old_ruleset, new_ruleset = compiled(old), compiled(new)
        prices = price_changes((old, old_ruleset), (new, new_ruleset), changes, known)
        samples = [] if receipts is None else read_samples(receipts, as_json)
        paid = list(receipt_changes(old_ruleset, new_ruleset, samples, rows, known.today))
    except (CompileError, ReceiptError) as error:
        refuse([(error.path, error.code, error.message)], as_json)
    if as_json:
        told: dict[str, Any] = {"changes": changes, "prices": prices, "receipts": paid}
        print(json.dumps({name: [asdict(one) for one in found] for name, found in told.items()}, ensure_ascii=False))
        return
    from altyn.cli.rules.tables import WORDS, print_changes, print_prices, print_receipts

    print_changes(changes, lang)
    scales = {asset.asset: asset.scale for asset in (*old.assets, *new.assets)}
    if prices:
        print_prices(prices, lang, scales, not rows)
    if paid:
        print_receipts(paid, lang, scales)
    if changes and not prices and not paid:
        print(WORDS[lang]["no_effect"])


def as_row(one: Remark, lang: str) -> dict[str, Any]:
    return {
        "path": one.path,
        "code": one.code,
        "severity": one.severity.value,
        "message": one.say(lang),
        "mend": one.mend(lang),
        "details": dict(one.details),
    }


def check_lang(lang: str) -> None:
    if lang not in ("en", "ru"):
        stop(f"--lang {lang}: en or ru")


def day_of(at: str | None) -> int:
    """Days since 1970-01-01."""
    if at is None:
        return (datetime.now(UTC).date() - EPOCH).days
    try:
        return (datetime.fromisoformat(at).date() - EPOCH).days
    except ValueError:
        stop(f"--at {at}: a day like 2027-03-01 is needed")


def read_catalogue(file: Path | None, as_json: bool) -> tuple[Mapping[str, dict[str, Any]], frozenset[str] | None]:
    if file is None:
        return {}, None
    try:
        return split_catalogue(load_plain(read_text(file, as_json)))
    except ReceiptError as error:
        refuse([(error.path, error.code, error.message)], as_json)
    except yaml.YAMLError as error:
        refuse([(str(file), Code.BAD_SYNTAX, " ".join(str(error).split()))], as_json)


def read_samples(file: Path, as_json: bool) -> list[object]:
    """Receipts of a YAML stream, of one list, or of JSON."""
    try:
        parts = list(yaml.load_all(read_text(file, as_json), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as error:
        refuse([(str(file), Code.BAD_SYNTAX, " ".join(str(error).split()))], as_json)
    samples: list[object] = []
    for part in parts:
        samples.extend(part if isinstance(part, list) else [] if part is None else [part])
    return samples


def load_plain(text: str) -> object:
    """JSON, which is read fast, or YAML."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def read_rules(file: Path, as_json: bool) -> Rules:
    """The rules of a file; prints every problem and exits with 1 when there are any."""
    try:
        return read_documents(load_documents(read_text(file, as_json), bytes_max=FILE_BYTES_MAX))
    except DocumentError as error:
        refuse([(one.path, one.code, one.message) for one in error.problems], as_json)


def check_compiles(rules: Rules, as_json: bool) -> None:
    """What documents say against one another is a problem too."""
    try:
        compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=0)
    except CompileError as error:
        refuse([(error.path, error.code, error.message)], as_json)


def read_text(file: Path, as_json: bool) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        stop(f"{file}: {error.strerror}")
    except UnicodeDecodeError:
        refuse([(str(file), Code.BAD_SYNTAX, "the file is not UTF-8")], as_json)


def refuse(problems: Sequence[tuple[str, str, str]], as_json: bool) -> NoReturn:
    """Print problems as path, code and message, and exit with 1."""
    if as_json:
        rows = [dict(zip(("path", "code", "message"), one, strict=True)) for one in problems]
        print(json.dumps({"problems": rows, "remarks": [], "documents": []}, ensure_ascii=False))
    for problem in () if as_json else problems:
        print(": ".join(problem))
    raise typer.Exit(1)


def stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(2)
