"""Names of the numbers an exception is kept by: those of altyn.pos.v1 without their prefix.

A number this version has no name for, because a newer server wrote it, is told as ``#29`` and may be asked for so.
"""

from __future__ import annotations

import re
from typing import Any

from altyn.admin_api.exceptions.errors import NameUnknown
from altyn.pos.v1 import outcome_pb2, reasons_pb2
from altyn.pos.v1 import pos_service_pb2 as pos

NUMBER_MAX = 32_767
_NUMBER = re.compile(r"#([0-9]{1,5})")
PREFIXES: dict[str, tuple[Any, str]] = {
    "kind": (pos.OperationKind, "OPERATION_KIND_"),
    "status": (outcome_pb2.Status, "STATUS_"),
    "reason": (reasons_pb2.Reason, "REASON_"),
}


def name_of(field: str, number: int) -> str:
    """``kind``, ``status`` or ``reason`` as a name."""
    enum, prefix = PREFIXES[field]
    found: str | None = enum.DESCRIPTOR.values_by_number[number].name if number in enum.values() else None
    return f"#{number}" if found is None else found.removeprefix(prefix)


def number_of(field: str, name: str | None) -> int | None:
    """The number of a name; None for None. Raises NameUnknown."""
    if name is None:
        return None
    numbered = _NUMBER.fullmatch(name)
    if numbered is not None and int(numbered[1]) <= NUMBER_MAX:
        return int(numbered[1])
    enum, prefix = PREFIXES[field]
    if prefix + name not in enum.keys():  # noqa: SIM118 - an enum wrapper, not a mapping
        raise NameUnknown(f"no {field} {name[:60]}", path=field)
    number: int = enum.Value(prefix + name)
    return number
