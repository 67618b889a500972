"""Types of fields that several areas take in: identifiers, texts, whole numbers, lists with an end."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

ID_BYTES_MAX = 64
POINTS_MAX = 10**15
_ID = re.compile(r"[^\s\x00-\x1f\x7f/](?:[^\x00-\x1f\x7f/]*[^\s\x00-\x1f\x7f/])?")


def check_id(value: str) -> str:
    """An identifier as registers send it: 1 to 64 bytes of UTF-8, no control characters, no slash, no blanks around."""
    if len(value.encode()) > ID_BYTES_MAX:
        raise ValueError(f"at most {ID_BYTES_MAX} bytes")
    if not _ID.fullmatch(value):
        raise ValueError("an identifier has no slash, no control characters, no blanks around it, and is not empty")
    return value


def check_attribute(value: str) -> str:
    """An identifier, or empty for none."""
    return check_id(value) if value else value


def check_text(value: str) -> str:
    """One line of text for people."""
    value.encode()
    if not value.isprintable():
        raise ValueError("a text is one printable line")
    return value


class Shape(BaseModel):
    """A request's body: unknown keys are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Id = Annotated[str, AfterValidator(check_id)]
Attribute = Annotated[str, AfterValidator(check_attribute)]
Title = Annotated[str, Field(max_length=200), AfterValidator(check_text)]
Reason = Annotated[str, Field(min_length=3, max_length=500), AfterValidator(check_text)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[int, Field(strict=True, gt=0, lt=1 << 63)]
Points = Annotated[int, Field(strict=True, gt=0, le=POINTS_MAX)]
PageSize = Annotated[int, Field(ge=1, le=1_000)]
#: What a list is searched by: a part of an id or a title, in letters of any size.
SearchText = Annotated[str | None, Field(min_length=1, max_length=100)]
Moment = AwareDatetime
