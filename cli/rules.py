"""`altyn rules`: the schema of rule documents, their lint, and what changed between two files.

Only reads files and prints. Exit status: 0 when the documents can be read, 1 when they cannot, 2 for a wrong call.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from altyn.core.rules.compare import DocumentChange, compare
from altyn.core.rules.definition import (
    Code,
    DocumentError,
    Problem,
    Rules,
    default_documents,
    dump_documents,
    load_documents,
    read_documents,
)
from altyn.core.rules.lint import remarks
from altyn.core.rules.schema import document_schema

app = typer.Typer(help="Rule documents: schema, lint, diff.", no_args_is_help=True)

RulesFile = Annotated[
    Path, typer.Argument(help="A YAML stream, a list, or JSON; - reads standard input.", metavar="FILE")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


@app.command()
def schema() -> None:
    """Print the JSON Schema of one document."""
    print(json.dumps(document_schema(), ensure_ascii=False, indent=2))


@app.command()
def lint(file: RulesFile, as_json: AsJson = False) -> None:
    """Print the documents with all defaults written out, and remarks; or everything that is wrong with them."""
    rules = _read(file, as_json)
    written = default_documents(rules)
    found = remarks(rules)
    if as_json:
        print(json.dumps({"problems": [], "remarks": [asdict(one) for one in found], "documents": written}))
        return
    print(dump_documents(written), end="")
    for remark in found:
        print(remark, file=sys.stderr)


@app.command()
def diff(before: RulesFile, after: RulesFile, as_json: AsJson = False) -> None:
    """Print what was added, removed and changed between two files, by meaning."""
    changes = compare(_read(before, as_json), _read(after, as_json))
    if as_json:
        print(json.dumps({"changes": [asdict(change) for change in changes]}))
        return
    for change in changes:
        _print_change(change)


def _print_change(change: DocumentChange) -> None:
    print(f"{change.change.value:8} {change.kind} {change.name}")
    for path in change.paths:
        print(f"         {path.path}: {path.before or 'nothing'} -> {path.after or 'nothing'}")


def _read(file: Path, as_json: bool) -> Rules:
    """The rules of a file; prints every problem and exits with 1 when there are any."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        print(f"{file}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(2) from None
    except UnicodeDecodeError:
        _refuse([Problem(str(file), Code.BAD_SYNTAX, "the file is not UTF-8")], as_json)
    try:
        return read_documents(load_documents(text))
    except DocumentError as error:
        _refuse(error.problems, as_json)


def _refuse(problems: Sequence[Problem], as_json: bool) -> NoReturn:
    if as_json:
        print(json.dumps({"problems": [asdict(problem) for problem in problems], "remarks": [], "documents": []}))
    for problem in () if as_json else problems:
        print(problem)
    raise typer.Exit(1)
