"""`altyn parity`: the core against the independent oracle, on generated cases. Only in a development checkout.

Exit status: 0 when every case agrees, 1 when one differs or its documents are refused, 2 when the oracle is not there
or the width cannot be compared.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parents[1]
SHOWN_MAX = 20

app = typer.Typer(help="Compare the core with the independent oracle.")


@app.callback(invoke_without_command=True)
def parity(
    receipts: Annotated[int, typer.Option(min=1, help="How many generated receipts.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the first case; case n has seed + n.")] = 1,
    width: Annotated[int, typer.Option(min=1, max=2, help="Width of the vocabulary of the cases.")] = 1,
    keep: Annotated[Path | None, typer.Option(help="Write every case that differs into this folder, whole.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Calculate generated receipts twice and show every difference."""
    root = checkout_root()
    if root is None:
        print("parity needs a development checkout: tests/reference is not here", file=sys.stderr)
        raise typer.Exit(2)
    sys.path.insert(0, str(root))
    compare = importlib.import_module("tests.parity.compare")
    if width > compare.WIDTH_MAX:
        print(f"the core is not compared on width {width} yet", file=sys.stderr)
        raise typer.Exit(2)
    applied: Counter[str] = Counter()
    counts = Counter[str]()
    started = time.monotonic()
    for case in range(seed, seed + receipts):
        found = compare.compare_case(case, applied, width)
        if found is None:
            counts["refused"] += 1
            print(f"seed {case}: the documents are refused", file=sys.stderr)
            continue
        counts["compared"] += 1
        if found:
            counts["differences"] += 1
            show(case, found, compare.as_json(case, width), keep, counts["differences"])
    result = {
        "compared": counts["compared"],
        "differences": counts["differences"],
        "seconds": round(time.monotonic() - started, 3),
        "applied": dict(sorted(applied.items())),
        "refused": counts["refused"],
        "seed": seed,
        "width": width,
    }
    report(result, as_json)
    raise typer.Exit(1 if counts["differences"] or counts["refused"] else 0)


def show(case: int, found: list[str], whole: str, keep: Path | None, number: int) -> None:
    """The differences of a case; the first time with the whole case, so that nothing has to be run again."""
    if number <= SHOWN_MAX:
        print(f"seed {case}:", *found[:5], sep="\n  ", file=sys.stderr)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{case}.json").write_text(whole, encoding="utf-8")
    elif number == 1:
        print(whole, file=sys.stderr)


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
