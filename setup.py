"""Build of Altyn: the namespace tree, the contracts, the wire codec and the compiled core.

Settings that do not need code are in pyproject.toml. Four steps:
1. every top-level folder is mapped under the namespace ``altyn`` (``core/`` is ``altyn.core``);
2. ``proto/**/*.proto`` become Python messages beside them, git-ignored;
3. the same files become the Cython wire codec in ``core/wire/``, git-ignored;
4. every ``.pyx`` is one extension. ``ALTYN_DEBUG=1`` turns bounds and overflow checks back on.
   The compiled door is left out where libnghttp2's headers are missing, or with ``ALTYN_PORTABLE_ONLY=1``.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
os.chdir(ROOT)
DEBUG = os.environ.get("ALTYN_DEBUG") == "1"
# `make build` links the tree into its environment and compiles in place after: compiling once is enough.
LINK_ONLY = os.environ.get("ALTYN_LINK_ONLY") == "1"
LEND = os.environ.get("ALTYN_LEND") == "1"

FOLDERS = {
    "altyn.core": "core",
    "altyn.pos": "proto/altyn/pos",
    "altyn.ops": "proto/altyn/ops",
    "altyn.journal": "proto/altyn/journal",
    "altyn.server": "server",
    "altyn.cli": "cli",
    "altyn.register": "register",
    "altyn.admin_api": "admin_api",
    "altyn.infra": "infra",
    "altyn.migrations": "migrations",
    "altyn.loadtests": "loadtests",
    "altyn.benchmarks": "benchmarks",
}
NAMESPACE = ROOT / "build" / "ns"
PACKED = ("*.pyi", "*.pxd", "*.sql", "*.proto", "*.json", "*.yaml", "py.typed")
COMPILED_DOOR = Path("server/transport/h2")
NGHTTP2_PROBE = """
#include <nghttp2/nghttp2.h>
#if NGHTTP2_VERSION_NUM < 0x012c00
#error "1.44 or newer is needed"
#endif
int main(void) { nghttp2_hd_inflater *i; return nghttp2_hd_inflate_new(&i); }
"""


def packages() -> list[str]:
    """Every folder with an ``__init__.py`` under a mapped folder, by its import name."""
    return sorted(
        ".".join([name, *init.parent.relative_to(folder).parts])
        for name, folder in FOLDERS.items()
        for init in Path(folder).rglob("__init__.py")
    )


def link_namespace() -> None:
    """Make build/ns/altyn/<name> point to each folder, so that Cython and mypy see one tree."""
    tree = NAMESPACE / "altyn"
    tree.mkdir(parents=True, exist_ok=True)
    wanted = {name.split(".", 1)[1]: ROOT / folder for name, folder in FOLDERS.items()}
    for stale in {entry.name for entry in tree.iterdir()} - set(wanted):
        (tree / stale).unlink()
    for name, folder in wanted.items():
        link = tree / name
        target = os.path.relpath(folder, tree)
        if not link.is_symlink() or str(link.readlink()) != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)


def stale(outputs: list[Path], sources: list[Path]) -> bool:
    """True when an output is missing or older than a source."""
    newest = max(source.stat().st_mtime for source in sources)
    return any(not out.exists() or out.stat().st_mtime < newest for out in outputs)


def generate_contracts() -> None:
    """Write ``*_pb2.py``, ``*_pb2.pyi`` and ``*_pb2_grpc.py`` beside each ``.proto``, when older than it."""
    protos = sorted(Path("proto").rglob("*.proto"))
    outputs = [proto.with_name(proto.stem + "_pb2.py") for proto in protos]
    if not stale(outputs, protos):
        return
    from grpc_tools import protoc

    flags = ["--python_out=proto", "--pyi_out=proto", "--grpc_python_out=proto"]
    if protoc.main(["protoc", "-Iproto", *flags, *map(str, protos)]):
        raise SystemExit("protoc refused the contracts in proto/")


def generate_codec() -> None:
    """Write the Cython codec of every proto package into ``core/wire/``, when older than its sources."""
    generator = Path("core/wire/generate.py")
    if generator.exists():
        runpy.run_path(str(generator), run_name="generate")["write_all"](Path("proto"), Path("core/wire"))


def has_nghttp2() -> bool:
    """Whether a program against libnghttp2 compiles and links here; where not, say what follows."""
    if os.environ.get("ALTYN_PORTABLE_ONLY") == "1":
        found = False
    else:
        compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(NGHTTP2_PROBE)
            command = [compiler, str(source), "-o", str(source.with_suffix("")), "-lnghttp2"]
            try:
                found = subprocess.run(command, capture_output=True, check=False).returncode == 0
            except OSError:
                found = False
    if not found:
        print("altyn: no libnghttp2 headers; built without the compiled gRPC door, grpc_aio serves (see README)")
    return found


def extensions() -> list[Extension]:
    """One extension per ``.pyx``, named by its place under the namespace."""
    with_door = has_nghttp2()
    flags = ["-O1", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g0"]
    found = []
    for name, folder in FOLDERS.items():
        for source in sorted(Path(folder).rglob("*.pyx")):
            in_door = source.is_relative_to(COMPILED_DOOR)
            if in_door and not with_door:
                continue
            module = ".".join([name, *source.relative_to(folder).with_suffix("").parts])
            compile_args = [*flags, "-fwrapv", "-Wno-unused-function"]
            libraries = ["nghttp2"] if in_door else []
            found.append(Extension(module, [str(source)], extra_compile_args=compile_args, libraries=libraries))
    return found


class CleanBuildPy(build_py):
    """Copies packages into an empty build folder: a deleted module must not slip into a wheel."""

    def run(self) -> None:
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


class LendingBuildExt(build_ext):
    """With ALTYN_LEND=1 a wheel takes the modules that the tree has compiled since their sources changed.

    The test of a wheel's contents asks for it; what is shipped is compiled with the flags of its own build.
    """

    def build_extension(self, ext: Extension) -> None:
        wanted = Path(self.get_ext_fullpath(ext.name))
        if LEND and not self.inplace:
            self.inplace = True
            lent = Path(self.get_ext_fullpath(ext.name))
            self.inplace = False
            if not stale([lent], [Path(source) for source in ext.sources]):
                wanted.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(lent, wanted)
                return
        super().build_extension(ext)


link_namespace()
sys.path.insert(0, str(ROOT))
generate_contracts()
generate_codec()

setup(
    packages=packages(),
    package_dir=FOLDERS,
    package_data={
        "": [*PACKED, "promotions/*.yaml", "templates/*.html", "texts/*.yaml", "static/*.*", "static/vendor/*.*"]
    },
    ext_modules=cythonize(
        [] if LINK_ONLY else extensions(),
        include_path=[str(NAMESPACE)],
        build_dir="build/c",
        nthreads=int(os.environ.get("ALTYN_BUILD_JOBS", "2")),
        compiler_directives={
            "language_level": 3,
            "embedsignature": True,
            "boundscheck": DEBUG,
            "wraparound": False,
            "overflowcheck": DEBUG,
            "initializedcheck": DEBUG,
            "cdivision": False,
        },
    ),
    cmdclass={"build_py": CleanBuildPy, "build_ext": LendingBuildExt},
)
