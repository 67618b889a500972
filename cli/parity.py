"""`altyn parity`: the core against the independent oracle, on generated cases. Only in a development checkout.

Exit status: 0 when every case agrees, 1 when one differs or its documents are refused, 2 when the oracle is not there
or the width cannot be compared.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parents[1]
SHOWN_MAX = 20

app = typer.Typer(help="Compare the core with the independent oracle.")


@app.callback(invoke_without_command=True)
def parity(
    receipts: Annotated[int, typer.Option(min=1, help="How many generated receipts.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the first case; case n has seed + n.")] = 1,
    width: Annotated[
        int | None, typer.Option(min=1, max=4, help="Width of the vocabulary of the cases; default: each in its own.")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="Write every case that differs into this folder, whole.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; default: one per processor.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Calculate generated receipts twice and show every difference.

    Without a width the cases are of width 4, the whole vocabulary, and every tenth of width 1: many promotions of the
    plainest kind at once.
    """
    root = checkout_root()
    if root is None:
        print("parity needs a development checkout: tests/reference is not here", file=sys.stderr)
        raise typer.Exit(2)
    sys.path.insert(0, str(root))
    runs = importlib.import_module("tests.parity.runs")
    run = runs.compare_many(seed, receipts, width, jobs)
    for number, (case, found) in enumerate(sorted(run.wrong.items()), start=1):
        show(runs, case, width, found, keep, number)
    refused = sum(found is None for found in run.wrong.values())
    result = {
        "compared": run.compared,
        "differences": len(run.wrong) - refused,
        "seconds": run.seconds,
        "applied": dict(sorted(run.applied.items())),
        "refused": refused,
        "seed": seed,
        "width": width or runs.WIDTH_MAX,
    }
    report(result, as_json)
    raise typer.Exit(1 if run.wrong else 0)


def show(
    runs: ModuleType, case: int, width: int | None, found: list[str] | None, keep: Path | None, number: int
) -> None:
    """The differences of a case; the first time with the whole case, so that nothing has to be run again."""
    if number <= SHOWN_MAX:
        print(
            f"seed {case}:",
            *(["the documents are refused"] if found is None else found[:5]),
            sep="\n  ",
            file=sys.stderr,
        )
    if keep is None and number > 1:
        return
    whole = runs.as_json(case, width)
    if keep is None:
        print(whole, file=sys.stderr)
        return
    keep.mkdir(parents=True, exist_ok=True)
    (keep / f"{case}.json").write_text(whole, encoding="utf-8")


def checkout_root() -> Path | None:
    """The folder that holds tests/reference: above this file, or where the command is run."""
    for folder in (ROOT, Path.cwd(), *Path(__file__).parents):
        if (folder / "tests" / "reference" / "__init__.py").exists():
            return folder
    return None


def report(result: dict[str, object], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
        return
    counts = f"{result['compared']} compared, {result['differences']} differ, {result['refused']} refused"
    print(f"{counts}, {result['seconds']} s")
    applied = result["applied"]
    assert isinstance(applied, dict)
    for name, count in applied.items():
        print(f"  {count:8} {name}")


if __name__ == "__main__":
    app()
