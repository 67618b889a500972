"""``python -m altyn.cli.configuration``: the reference of settings, written from the settings model itself.

``make docs`` puts it into docs/operations/configuration.md; a test compares the two.
"""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import MaxLen, MinLen
from pydantic.fields import FieldInfo

from altyn.infra.settings import PREFIX, Settings

HEAD = """# Settings

<!-- Written by `make docs` from infra/settings.py: do not edit. -->

Every setting is an environment variable, read once when a process starts; options of commands go before it. An empty
value is no value. A wrong one ends the process with status 2 and names the setting. `altyn doctor` shows what is in
force, without passwords and keys, and warns of names it does not know.

| variable | default | values | meaning |
| --- | --- | --- | --- |
"""

TAIL = """
Read by single commands, not by the processes:

| variable | meaning |
| --- | --- |
| `ALTYN_PG_BIN` | folder of PostgreSQL's programs (`postgres`, `initdb`, `pg_dump`, `pg_restore`) to use |
| `ALTYN_VALKEY_BIN` | a `valkey-server` or `redis-server` to embed |
| `ALTYN_DEBUG`, `ALTYN_BUILD_JOBS` | of the build: checks of bounds and overflow; compilers at a time |
| `ALTYN_PORTABLE_ONLY` | of the build: 1 leaves the compiled door out, as where libnghttp2's headers are missing |

## Secrets

A key that is not given is made once in `VAR/secrets` (mode 0600). Server and back office on different machines must
be given the same `ALTYN_OPS_KEY` and `ALTYN_PEPPER`. Keep a copy of the pepper apart from backups: without it no
stored card is found again. `altyn backup --secrets-to` makes one.

## TLS

With `ALTYN_TLS_CERTIFICATE` and `ALTYN_TLS_KEY` the registers' doors speak TLS 1.3 and nothing else; with
`ALTYN_TLS_CLIENTS_CA` a register must show a certificate of that CA too: [connecting.md](../register/connecting.md).
The files are looked at every five seconds. New connections get what they hold now; open ones go on as they are, for
half an hour at most. Files that do not fit together change nothing and are told of (`tls_files_refused` in the log).
The back office's door has no TLS: it is for the same machine, a private network or a tunnel.

## Limits

`ALTYN_CONNECTIONS_MAX` and `ALTYN_CONNECTIONS_OF_ADDRESS_MAX` count from the moment a connection is accepted, so that
handshakes that never end have a bound too; the portable door has none. A register that makes more calls than
`ALTYN_REGISTER_CALLS_PER_S`, after a burst of four seconds' worth, is refused with RESOURCE_EXHAUSTED `RATE_LIMITED`
and `RetryInfo` of a second; nothing was applied, and the other registers do not notice. 50 is far above any till; the
files in `deploy/` set it. What is counted: [metrics.md](metrics.md).

## Addresses

Doors listen on loopback unless told otherwise. A server whose doors others could reach in plaintext does not start,
unless `ALTYN_PLAINTEXT` says that the network is private or that a proxy speaks TLS. Port 0 asks for a free one; the
line `ready {json}` on standard output tells which. A metrics address that is taken costs the metrics
(`metrics_not_served` in the log), not the service.
"""


def reference() -> str:
    """The whole page."""
    rows = [row_of(name, field) for name, field in Settings.model_fields.items()]
    return HEAD + "\n".join(rows) + "\n" + TAIL


def row_of(name: str, field: FieldInfo) -> str:
    """One setting."""
    default = field.get_default()
    shown = "" if default == "" else f"`{str(default).lower() if isinstance(default, bool) else default}`"
    assert field.description, f"{name} has no description"
    return f"| `{PREFIX}{name.upper()}` | {shown} | {values_of(name, field)} | {field.description} |"


def values_of(name: str, field: FieldInfo) -> str:
    """What may be given."""
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        kind = get_args(kind)[0]
    if name.endswith("_listen"):
        return "host:port"
    if name.startswith("tls_"):
        return "file"
    sizes = {type(mark): mark for mark in field.metadata}
    if MaxLen in sizes:
        least = sizes[MinLen].min_length if MinLen in sizes else 0
        return f"text of {least} to {sizes[MaxLen].max_length} characters: a-z, 0-9, - and _"
    return {"bool": "`true`, `false`", "Path": "folder", "int": "number"}.get(kind.__name__, "text")


if __name__ == "__main__":
    print(reference(), end="")
