"""A file of numbers or codes that is told once: CSV, kept nowhere, not by us and not on the way."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from starlette.responses import Response

#: The ``openapi_extra`` of a call that answers with such a file.
CSV_FILE: dict[str, Any] = {
    "responses": {
        "201": {"description": "The file, this once", "content": {"text/csv": {"schema": {"type": "string"}}}}
    }
}


def csv_file(header: Sequence[str], rows: Iterable[Sequence[object]], *, location: str) -> Response:
    """The answer 201 with a header line and the rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    headers = {"location": location, "content-disposition": "attachment"}
    return Response(text.getvalue(), 201, headers, "text/csv; charset=utf-8")
