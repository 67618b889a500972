"""Files of many rows: NDJSON or CSV, read row by row into an area's shape, every wrong row told by its line.

Invariants: rows, bytes and problems shown have an end; of two rows with one key the second is wrong; the loop serves
others in between. It decides nothing about what the rows mean.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from altyn.admin_api.edge.problems import Problem, Refusal, problem

FILE_BYTES_MAX = 64 << 20
FILE_TIMEOUT_S = 300.0
ROWS_MAX = 200_000
PROBLEMS_SHOWN_MAX = 1_000
ROWS_A_SLICE = 2_000  # between two of them the loop serves others

Row = TypeVar("Row", bound=BaseModel)

#: The ``openapi_extra`` of a call that takes a file.
FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}, "text/csv": {"schema": {"type": "string"}}},
    }
}


class FileUnreadable(Refusal):
    """The file is neither NDJSON nor CSV with known columns."""

    status_code = 422
    reason = "IMPORT_UNREADABLE"


class FileRefused(Refusal):
    """Rows are wrong and the caller asked for all or nothing."""

    status_code = 422
    reason = "IMPORT_REFUSED"


class RowProblem(BaseModel):
    """``row`` counts from 1, a CSV header not included; ``line`` is the file's own, also from 1."""

    row: int
    line: int
    path: str
    code: str
    message: str


@dataclass(slots=True)
class Bulk(Generic[Row]):
    """What a file holds: good rows by key, with their place. Problems beyond PROBLEMS_SHOWN_MAX are counted only."""

    rows: dict[Any, Row] = field(default_factory=dict)
    places: dict[Any, tuple[int, int]] = field(default_factory=dict)
    rows_count: int = 0
    wrong_count: int = 0
    problems: list[RowProblem] = field(default_factory=list)

    def refuse(self, place: tuple[int, int], *found: Problem) -> None:
        """The row at (row, line) is wrong."""
        self.wrong_count += 1
        room = max(0, PROBLEMS_SHOWN_MAX - len(self.problems))
        self.problems.extend(RowProblem(row=place[0], line=place[1], **one) for one in found[:room])

    def drop(self, key: Any, found: Problem) -> None:
        """A row that could be read turned out to be wrong."""
        del self.rows[key]
        self.refuse(self.places[key], found)

    def require_all(self) -> None:
        """For calls that take all rows or none. Raises FileRefused."""
        if self.wrong_count:
            told = [problem(f"row[{one.row}].{one.path}", one.code, one.message) for one in self.problems]
            raise FileRefused(f"{self.wrong_count} rows are wrong; nothing was imported", problems=told)

    def counts(self) -> dict[str, int]:
        """For answers and the audit log."""
        return {"rows_count": self.rows_count, "wrong_count": self.wrong_count}

    def told_problems(self) -> list[RowProblem]:
        """In order of lines."""
        return sorted(self.problems, key=lambda one: one.line)


async def read_rows(
    request: Request,
    body: bytes,
    shape: type[Row],
    key: Callable[[Row], Any],
    *,
    key_path: str = "",
    rows_max: int = ROWS_MAX,
) -> Bulk[Row]:
    """Every row of a call's file. ``key`` tells two rows about the same thing, and has the name ``key_path``. Raises
    FileUnreadable.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-ndjson", "application/json", "text/csv"):
        raise FileUnreadable("send Content-Type application/x-ndjson or text/csv", path="Content-Type")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileUnreadable("the file is not UTF-8") from None
    found: Bulk[Row] = Bulk()
    for line, row in _csv_rows(text, shape) if kind == "text/csv" else _json_rows(text):
        found.rows_count += 1
        if found.rows_count > rows_max:
            raise FileUnreadable(f"more than {rows_max} rows: split the file")
        if found.rows_count % ROWS_A_SLICE == 0:
            await asyncio.sleep(0)
        _take(found, shape, key, key_path, (found.rows_count, line), row)
    return found


def _take(
    found: Bulk[Row],
    shape: type[Row],
    key: Callable[[Row], Any],
    key_path: str,
    place: tuple[int, int],
    row: dict[str, Any] | str,
) -> None:
    if isinstance(row, str):
        found.refuse(place, problem("", "BAD_SYNTAX", row))
        return
    try:
        read = shape.model_validate(row)
    except ValidationError as error:
        found.refuse(place, *(_problem_of(one) for one in error.errors()[:20]))
        return
    of = key(read)
    if of in found.rows:
        found.refuse(place, problem(key_path, "DUPLICATE_ID", f"the same stands in line {found.places[of][1]}"))
        return
    found.rows[of], found.places[of] = read, place


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """(line, object) of NDJSON; a text for a line that is none."""
    for number, line in enumerate(io.StringIO(text), 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            row = f"not JSON: {error}"
        yield number, row if isinstance(row, dict | str) else "a row is a JSON object"


def _csv_rows(text: str, shape: type[BaseModel]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """(line, row) of CSV with a header line; empty fields are left out, so that they take their defaults."""
    known = shape.model_fields
    needed = {name for name, one in known.items() if one.is_required()}
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, None)
        if not header or needed - set(header) or len(set(header)) != len(header) or set(header) - set(known):
            required = f", {' and '.join(sorted(needed))} among them" if needed else ""
            raise FileUnreadable(f"the first line names columns{required}; known are {', '.join(known)}")
        for values in reader:
            if not values:
                continue
            if len(values) != len(header):
                yield reader.line_num, f"{len(values)} fields; the header has {len(header)}"
            else:
                yield reader.line_num, {name: value for name, value in zip(header, values, strict=True) if value}
    except csv.Error as error:
        raise FileUnreadable(f"not CSV: {error}") from None


def _problem_of(error: Any) -> Problem:
    code = {"missing": "REQUIRED", "extra_forbidden": "UNKNOWN_KEY"}.get(error["type"], "BAD_FORMAT")
    path = ".".join(map(str, error["loc"]))
    return problem(path, code, str(error["msg"]).removeprefix("Value error, "))
