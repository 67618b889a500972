"""`h2_fuzz` on the compiled door built once more, with AddressSanitizer and UndefinedBehaviorSanitizer.

`python -m tests.server.h2_sanitized --seconds 60` compiles the C that the build has left, puts it in place of the
door's modules in a process of its own, and passes everything else on to the fuzzer. Python's own allocator is off
there, so that objects have red zones as well. Leaks are not looked for: the interpreter leaves some; the fuzzer counts
streams and bytes itself.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "build" / "c" / "server" / "transport" / "h2"
PACKAGE = "altyn.server.transport.h2."
MODULES = ("connection", "fields", "frames", "replies", "semantics", "stream")
FOLDER = "ALTYN_SANITIZED"
# Cython aligns and shifts as it likes, and its own code takes a null pointer plus nothing.
CHECKS = ["-fsanitize=address,undefined", "-fno-sanitize=alignment,shift,pointer-overflow"]


def library(name: str) -> str | None:
    """Where the compiler has its `name`; None: nowhere."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return None
    said = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    found = said.stdout.strip()
    return found if Path(found).is_absolute() else None


def missing() -> str:
    """Why this cannot be run here; empty: it can."""
    if not all((SOURCES / f"{name}.c").exists() for name in MODULES):
        return "the build has left no C of the door"
    return "" if library("libasan.so") and library("libubsan.so") else "no gcc with sanitizers here"


def build(folder: Path) -> None:
    include = sysconfig.get_paths()["include"]
    flags = ["-shared", "-fPIC", "-O1", "-g", "-fwrapv", "-fno-omit-frame-pointer", "-w", *CHECKS, f"-I{include}"]
    for name in MODULES:
        target = folder / f"{name}.so"
        subprocess.run(["gcc", *flags, "-o", str(target), str(SOURCES / f"{name}.c"), "-lnghttp2"], check=True)


def fuzz(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Build and run; what it printed, and not 0 when something was found."""
    with tempfile.TemporaryDirectory(prefix="altyn-sanitized-") as name:
        build(Path(name))
        environment = {
            **os.environ,
            FOLDER: name,
            "LD_PRELOAD": f"{library('libasan.so')} {library('libubsan.so')}",
            "ASAN_OPTIONS": "detect_leaks=0",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "PYTHONMALLOC": "malloc",
        }
        command = [sys.executable, "-m", "tests.server.h2_sanitized", *arguments]
        return subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Sanitized:
    """Finds the door's modules in the folder of the sanitized ones."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        module = name.removeprefix(PACKAGE)
        if module == name or module not in MODULES:
            return None
        file = str(Path(os.environ[FOLDER]) / f"{module}.so")
        loader = importlib.machinery.ExtensionFileLoader(name, file)
        return importlib.util.spec_from_file_location(name, file, loader=loader)


if __name__ == "__main__":
    if FOLDER in os.environ:
        sys.meta_path.insert(0, Sanitized)  # type: ignore[arg-type]
        frames = importlib.import_module(PACKAGE + "frames")
        assert str(frames.__file__).startswith(os.environ[FOLDER]), "the door in place is not the sanitized one"
        runpy.run_module("tests.server.h2_fuzz", run_name="__main__")
    else:
        ended = fuzz(sys.argv[1:])
        print(ended.stdout, end="")
        sys.exit(ended.returncode)
