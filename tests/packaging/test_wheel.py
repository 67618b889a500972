"""A plain install gives the same modules as the tree."""

from __future__ import annotations

import ast
import os
import runpy
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
COMPILED_DOOR = "altyn/server/transport/h2/"
SHIPPED = {".py", ".pyi", ".pxd", ".sql", ".proto", ".yaml", ".json", ".html"}


def mapping() -> dict[str, str]:
    """Folder → place in the wheel, read from setup.py's own table."""
    text = (ROOT / "setup.py").read_text()
    table = text[text.index("FOLDERS = {") : text.index("}", text.index("FOLDERS = {")) + 1]
    names: dict[str, str] = ast.literal_eval(table.removeprefix("FOLDERS = "))
    return {folder: name.replace(".", "/") for name, folder in names.items()}


def of_tree() -> set[str]:
    found = set()
    for folder, place in mapping().items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_dir() or "__pycache__" in path.parts or not has_package(path, ROOT / folder):
                continue
            if path.suffix in SHIPPED or "static" in path.parts:
                found.add(f"{place}/{path.relative_to(ROOT / folder)}")
            elif path.suffix == ".pyx":
                found.add(f"{place}/{path.relative_to(ROOT / folder).with_suffix(SUFFIX)}")
    return found


def has_package(path: Path, top: Path) -> bool:
    """A file is shipped when its folder, or the nearest one above it that is a package, is one."""
    return (path.parent / "__init__.py").exists() or any(
        (parent / "__init__.py").exists() for parent in path.parents if parent.is_relative_to(top)
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--skip-dependency-check",
        "--outdir",
        str(out),
        str(ROOT),
    ]
    lending = os.environ | {"ALTYN_LEND": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=lending)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    (built,) = out.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name and not name.endswith("/")}


def test_wheel_holds_every_file_of_the_tree_and_nothing_else(wheel: set[str]) -> None:
    tree = of_tree()
    if not any(name.startswith(COMPILED_DOOR) and name.endswith(SUFFIX) for name in wheel):
        # Built without libnghttp2's headers: then none of the compiled door's modules, and all the others.
        tree -= {name for name in tree if name.startswith(COMPILED_DOOR) and name.endswith(SUFFIX)}
    assert sorted(tree - wheel) == []
    assert sorted(wheel - tree) == []


def test_wheel_leaves_generated_c_out(wheel: set[str]) -> None:
    assert not [name for name in wheel if name.endswith((".c", ".pyx"))]


def test_folders_refuse_their_bare_names() -> None:
    for folder in mapping():
        with pytest.raises(ImportError, match="imported as altyn"):
            runpy.run_path(str(ROOT / folder / "__init__.py"), run_name=folder)
