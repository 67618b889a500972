"""Files that come with a form: one a form, bounded, read as the API's own calls read theirs.

What a file is, its name's ending says, since browsers do not agree on anything else. It must never decide what rows of
it mean, and never trust its name further than that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from altyn.admin_api.edge.bulk import FILE_BYTES_MAX, FileUnreadable
from altyn.admin_api.edge.problems import Invalid, TooLarge
from altyn.admin_api.edge.routes import read_body

FIELDS_MAX = 64
FIELD_BYTES_MAX = 64 << 10
#: Of the whole form: the file, and room for its fields.
UPLOAD_BYTES_MAX = FILE_BYTES_MAX + (1 << 20)
KINDS = {"csv": "text/csv", "ndjson": "application/x-ndjson", "jsonl": "application/x-ndjson"}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as the browser sent it."""

    name: str
    content: bytes = field(repr=False)

    @property
    def request(self) -> Request:
        """What calls that take a file look at: its kind. Raises FileUnreadable."""
        kind = KINDS.get(self.name.rpartition(".")[2].lower())
        if kind is None:
            raise FileUnreadable(f"the name ends in none of .{', .'.join(KINDS)}", path="file")
        return Request({"type": "http", "headers": [(b"content-type", kind.encode())]})


def is_upload(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("multipart/form-data")


async def read_upload(request: Request) -> tuple[list[tuple[str, str]], Upload | None]:
    """The fields of a form, and the file if one was chosen. Raises TooLarge, Invalid."""
    await read_body(request, UPLOAD_BYTES_MAX)
    parser = MultiPartParser(
        request.headers, request.stream(), max_files=1, max_fields=FIELDS_MAX, max_part_size=FIELD_BYTES_MAX
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Invalid(f"the form cannot be read: {error.message}", path="file") from None
    request._body = b""  # the file is kept once
    fields: list[tuple[str, str]] = []
    found: Upload | None = None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read()
            if len(content) > FILE_BYTES_MAX:
                raise TooLarge(f"{len(content)} bytes; at most {FILE_BYTES_MAX}", path="file")
            if value.filename:
                found = Upload(value.filename, content)
        else:
            fields.append((name, value))
    await form.close()
    return fields, found
