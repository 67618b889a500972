"""`make mutants`: plants each fault in a copy of the core, compiles the touched module and compares with the oracle.

Prints a table of what caught each one, and how many receipts that took. Exit status 1 when one survives. Nothing of the
checkout changes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
DIRECTIVES = "boundscheck=False,wraparound=False,initializedcheck=False,cdivision=False"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="mutants to plant; default: all")
    parser.add_argument("--receipts", type=int, default=20_000, help="receipts that a mutant may survive")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if not asked.names or mutant.name in asked.names]
    print("| mutant | module | planted | caught by |\n| --- | --- | --- | --- |")
    survived = 0
    with ThreadPoolExecutor(asked.jobs) as pool:
        for mutant, caught in zip(chosen, pool.map(lambda one: try_mutant(one, asked.receipts), chosen), strict=True):
            module = mutant.module.removeprefix("core/calculator/")
            planted = f"`{cell(mutant.old)}` → `{cell(mutant.new)}`"
            print(f"| {mutant.name} | {module} | {planted} | {caught or '**survived**'} |", flush=True)
            survived += not caught
    return 1 if survived else 0


def cell(code: str) -> str:
    """Code as one cell of a table: no line ends, no bars."""
    return " ".join(code.split()).replace("|", "\\|")


def try_mutant(mutant: Mutant, receipts: int) -> str:
    """What caught it: a receipt or a scenario; empty when nothing did."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        plant(mutant, tree)
        compile_module(mutant.module, tree)
        path = {**os.environ, "PYTHONPATH": f"{tree / 'ns'}{os.pathsep}{ROOT}"}
        command = [sys.executable, "-m", "tests.mutants.hunt", str(receipts)]
        hunted = subprocess.run(command, env=path, cwd=ROOT, capture_output=True, text=True, check=False)
        if hunted.returncode not in (0, 1):
            return f"the process died ({hunted.returncode})"
        return hunted.stdout.strip()


def copy_tree(tree: Path) -> None:
    """The core as it is built, under a namespace of its own; everything else is the checkout's."""
    shutil.copytree(ROOT / "core", tree / "core", ignore=shutil.ignore_patterns("__pycache__"))
    names = tree / "ns" / "altyn"
    names.mkdir(parents=True)
    for entry in (ROOT / "build" / "ns" / "altyn").iterdir():
        (names / entry.name).symlink_to(tree / "core" if entry.name == "core" else entry.resolve())


def plant(mutant: Mutant, tree: Path) -> None:
    source = tree / mutant.module
    text = source.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise SystemExit(
            f"{mutant.name}: {mutant.module} holds {mutant.old!r} {text.count(mutant.old)} times, not once"
        )
    source.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def compile_module(module: str, tree: Path) -> None:
    source = (tree / module).resolve()
    name = f"altyn.{'.'.join(Path(module).with_suffix('').parts)}"
    written = tree / "mutant.c"
    options = ["-3", "-I", str(tree / "ns"), "-X", DIRECTIVES, "--module-name", name, "-o", str(written)]
    subprocess.run([sys.executable, "-m", "cython", *options, str(source)], check=True)
    flags = ["-shared", "-fPIC", "-O0", "-fwrapv", "-w", "-I", sysconfig.get_path("include")]
    target = source.with_suffix("").as_posix() + SUFFIX
    subprocess.run(["cc", *flags, "-o", target, str(written)], check=True)


if __name__ == "__main__":
    sys.exit(main())
