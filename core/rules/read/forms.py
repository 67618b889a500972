"""Forms of values in a document: each form reads a value and describes itself as JSON Schema, so the two cannot
drift apart.

A form's `read` gives the value in the core's units, or None after it has told the reading what is wrong and how to
mend it. Numbers are read from their digits; no float is ever made, and a float that a caller passes in is refused.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from altyn.core.rules.read.dates import day_number
from altyn.core.rules.read.problems import WHOLE_LIMIT, Code, Reading, meant, shown

T = TypeVar("T")
Schema = dict[str, Any]

MINUTE_US = 60_000_000
DAY_MINUTES = 1_440
_NOT_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,18}))?")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}))?")
_HOURS = re.compile(r"([0-9]{2}):([0-9]{2}) ?- ?([0-9]{2}):([0-9]{2})")


class Form(ABC, Generic[T]):
    """What a value must look like."""

    @abstractmethod
    def read(self, value: object, path: str, reading: Reading) -> T | None: ...

    @abstractmethod
    def schema(self) -> Schema: ...


def as_text(value: object, path: str, reading: Reading, wanted: str) -> str | None:
    """Text or a whole number as text; anything else is a problem."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) < WHOLE_LIMIT:
            return str(value)
        reading.add(path, Code.OUT_OF_RANGE, f"{shown(value)} is not {wanted}")
        return None
    if value is None:
        reading.add(path, Code.WRONG_TYPE, f"nothing is written here: give {wanted} or leave the key out")
    elif isinstance(value, float):
        reading.add(path, Code.WRONG_TYPE, "a binary fraction is not exact: write the number as text in quotes")
    elif isinstance(value, bool):
        reading.add(
            path, Code.WRONG_TYPE, f'{wanted} is needed, not a truth value: put "{str(value).lower()}" in quotes'
        )
    else:
        reading.add(path, Code.WRONG_TYPE, f"{wanted} is needed, not a {_kind(value)}")
    return None


def _kind(value: object) -> str:
    return "mapping" if isinstance(value, dict) else "list" if isinstance(value, list | tuple) else type(value).__name__


class Text(Form[str]):
    """A name or a code: no control characters, at most `bytes_max` bytes of UTF-8, `pattern` if given."""

    def __init__(self, wanted: str, *, bytes_max: int = 128, pattern: str | None = None, shape: str = "") -> None:
        self.wanted, self.bytes_max, self.shape = wanted, bytes_max, shape
        self.pattern = pattern and re.compile(pattern)

    def read(self, value: object, path: str, reading: Reading) -> str | None:
        text = as_text(value, path, reading, self.wanted)
        if text is None:
            return None
        if not text.strip():
            reading.add(path, Code.EMPTY, f"{self.wanted} is empty")
        elif _NOT_TEXT.search(text):
            reading.add(path, Code.BAD_FORMAT, f"{self.wanted} holds a control character")
        elif len(text.encode()) > self.bytes_max:
            reading.add(path, Code.TOO_LARGE, f"{self.wanted} is longer than {self.bytes_max} bytes")
        elif self.pattern and not self.pattern.fullmatch(text):
            reading.add(path, Code.BAD_FORMAT, f"{shown(text)!r} is not {self.wanted}: {self.shape}")
        else:
            return text
        return None

    def schema(self) -> Schema:
        made: Schema = {"type": ["string", "integer"], "maxLength": self.bytes_max, "minLength": 1}
        if self.pattern:
            made["pattern"] = f"^(?:{self.pattern.pattern})$"
        return made


class Decimal(Form[int]):
    """A decimal number → a whole number of 10**-digits, within [least, most] of that unit."""

    def __init__(self, wanted: str, digits: int, least: int, most: int) -> None:
        self.wanted, self.digits, self.least, self.most = wanted, digits, least, most

    def read(self, value: object, path: str, reading: Reading) -> int | None:
        text = as_text(value, path, reading, self.wanted)
        if text is None:
            return None
        match = _DECIMAL.fullmatch(text)
        if not match:
            reading.add(path, Code.BAD_FORMAT, f"{shown(text)!r} is not {self.wanted}: write digits, as in 300.00")
            return None
        minus, whole, fraction = match[1], match[2], match[3] or ""
        if len(fraction) > self.digits:
            reading.add(
                path, Code.TOO_PRECISE, f"{shown(text)}: {self.wanted} has at most {self.digits} digits after the point"
            )
            return None
        number = int(minus + whole + fraction.ljust(self.digits, "0"))
        if not self.least <= number <= self.most:
            low, high = decimal_text(self.least, self.digits), decimal_text(self.most, self.digits)
            reading.add(path, Code.OUT_OF_RANGE, f"{shown(text)}: {self.wanted} is from {low} to {high}")
            return None
        return number

    def schema(self) -> Schema:
        fraction = rf"(\.[0-9]{{1,{self.digits}}})?" if self.digits else ""
        return {"type": ["string", "number"], "pattern": f"^(0|[1-9][0-9]*){fraction}$", "minimum": 0}


class Whole(Form[int]):
    """A whole number within [least, most]."""

    def __init__(self, wanted: str, least: int, most: int) -> None:
        self.wanted, self.least, self.most = wanted, least, most

    def read(self, value: object, path: str, reading: Reading) -> int | None:
        text = as_text(value, path, reading, self.wanted)
        if text is None:
            return None
        if not _WHOLE.fullmatch(text):
            reading.add(path, Code.BAD_FORMAT, f"{shown(text)!r} is not {self.wanted}: write a whole number")
            return None
        number = int(text)
        if not self.least <= number <= self.most:
            reading.add(path, Code.OUT_OF_RANGE, f"{shown(text)}: {self.wanted} is from {self.least} to {self.most}")
            return None
        return number

    def schema(self) -> Schema:
        return {
            "type": ["string", "integer"],
            "pattern": "^(0|[1-9][0-9]*)$",
            "minimum": self.least,
            "maximum": self.most,
        }


class Flag(Form[bool]):
    """`true` or `false`, not in quotes."""

    def read(self, value: object, path: str, reading: Reading) -> bool | None:
        if isinstance(value, bool):
            return value
        reading.add(path, Code.WRONG_TYPE, f"write true or false without quotes, not {shown(value)!r}")
        return None

    def schema(self) -> Schema:
        return {"type": "boolean"}


class Word(Form[T]):
    """One of a fixed vocabulary."""

    def __init__(self, words: Mapping[str, T]) -> None:
        self.words = dict(words)

    def read(self, value: object, path: str, reading: Reading) -> T | None:
        text = as_text(value, path, reading, "one of " + ", ".join(self.words))
        if text is None:
            return None
        if text not in self.words:
            reading.add(path, Code.UNKNOWN_WORD, meant(shown(text), self.words, f"{shown(text)!r} is not known here"))
            return None
        return self.words[text]

    def schema(self) -> Schema:
        return {"enum": list(self.words)}


class Moment(Form[tuple[int, int | None]]):
    """A date, or a local date-time where allowed → (days since 1970-01-01, minute of the day or None)."""

    def __init__(self, *, time_allowed: bool) -> None:
        self.time_allowed = time_allowed

    def read(self, value: object, path: str, reading: Reading) -> tuple[int, int | None] | None:
        wanted = "a date (2027-01-01)" + (" or a local date-time (2027-01-01T10:00)" if self.time_allowed else "")
        text = as_text(value, path, reading, wanted)
        if text is None:
            return None
        match = _DATE.fullmatch(text)
        if not match or (match[4] and not self.time_allowed):
            reading.add(path, Code.BAD_FORMAT, f"{shown(text)!r} is not {wanted}")
            return None
        day = day_number(int(match[1]), int(match[2]), int(match[3]))
        minute = None if match[4] is None else minutes(match[4], match[5], DAY_MINUTES - 1)
        if day is None or (match[4] and minute is None):
            reading.add(path, Code.OUT_OF_RANGE, f"{text} is not in the calendar of 1970 to 9999")
            return None
        return day, minute

    def schema(self) -> Schema:
        time = "(T[0-9]{2}:[0-9]{2})?" if self.time_allowed else ""
        return {"type": "string", "pattern": f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{time}$"}


class Hours(Form[tuple[int, int]]):
    """``07:00-10:00`` → (420, 600), minutes of the day; the end may be 24:00."""

    def read(self, value: object, path: str, reading: Reading) -> tuple[int, int] | None:
        text = as_text(value, path, reading, 'hours ("07:00-10:00")')
        if text is None:
            return None
        match = _HOURS.fullmatch(text)
        if not match:
            reading.add(path, Code.BAD_FORMAT, f'{shown(text)!r} are not hours: write "07:00-10:00"')
            return None
        start, end = minutes(match[1], match[2], DAY_MINUTES - 1), minutes(match[3], match[4], DAY_MINUTES)
        if start is None or end is None:
            reading.add(path, Code.OUT_OF_RANGE, f"{text}: hours are from 00:00 to 24:00, and begin before 24:00")
            return None
        return start, end

    def schema(self) -> Schema:
        return {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2} ?- ?[0-9]{2}:[0-9]{2}$"}


def minutes(hour: str, minute: str, most: int) -> int | None:
    """Minute of the day, None when there is no such time."""
    made = int(hour) * 60 + int(minute)
    return made if int(minute) < 60 and made <= most else None


def decimal_text(number: int, digits: int) -> str:
    """The shortest exact text with all digits of the unit: (30000, 2) → 300.00."""
    if not digits:
        return str(number)
    text = str(abs(number)).rjust(digits + 1, "0")
    return ("-" if number < 0 else "") + text[:-digits] + "." + text[-digits:]


class ListOf(Form[tuple[T, ...]]):
    """A list of `least`…`most` values; a single value stands for a list of one where `single` allows it."""

    def __init__(self, form: Form[T], wanted: str, most: int, *, single: bool = True) -> None:
        self.form, self.wanted, self.most, self.single = form, wanted, most, single

    def read(self, value: object, path: str, reading: Reading) -> tuple[T, ...] | None:
        if not isinstance(value, list | tuple):
            if self.single:
                one = self.form.read(value, path, reading)
                return None if one is None else (one,)
            reading.add(path, Code.WRONG_TYPE, f"a list of {self.wanted} is needed")
            return None
        if not value:
            reading.add(path, Code.EMPTY, f"the list of {self.wanted} is empty: leave the key out or name some")
            return None
        if len(value) > self.most:
            reading.add(path, Code.TOO_LARGE, f"{len(value)} {self.wanted}; at most {self.most}")
            return None
        before = reading.count
        made = [self.form.read(one, f"{path}[{number}]", reading) for number, one in enumerate(value)]
        return None if reading.count > before else tuple(made)  # type: ignore[arg-type]

    def schema(self) -> Schema:
        one = self.form.schema()
        many: Schema = {"type": "array", "items": one, "minItems": 1, "maxItems": self.most}
        return {"anyOf": [one, many]} if self.single else many


class UniqueOf(ListOf[T]):
    """A list in which a repeated value counts once."""

    def read(self, value: object, path: str, reading: Reading) -> tuple[T, ...] | None:
        made = super().read(value, path, reading)
        return made and tuple(dict.fromkeys(made))


class Key:
    """One key of a mapping: its form, and what it means to leave it out."""

    __slots__ = ("default", "form", "name", "required", "title")

    def __init__(
        self, name: str, form: Form[Any], default: object = None, *, required: bool = False, title: str = ""
    ) -> None:
        self.name, self.form, self.default, self.required, self.title = name, form, default, required, title


Fields = dict[str, Any]
Check = Callable[[Fields, str, Reading], None]


class MappingOf(Form[T]):
    """A mapping with known keys. `check` finds contradictions (a bad value is None there), `build` gives the value."""

    def __init__(
        self,
        wanted: str,
        keys: Sequence[Key],
        build: Callable[[Fields, str], T],
        *,
        check: Check | None = None,
        some: bool = False,
    ) -> None:
        self.wanted, self.build, self.check, self.some = wanted, build, check, some
        self.keys = {key.name: key for key in keys}

    def read(self, value: object, path: str, reading: Reading) -> T | None:
        if not isinstance(value, dict):
            reading.add(path, Code.WRONG_TYPE, f"{self.wanted} is a mapping with {', '.join(self.keys)}")
            return None
        before = reading.count
        fields = self.fields(value, path, reading)
        if self.some and not value:
            reading.add(path, Code.EMPTY, f"{self.wanted} is empty: give at least one of {', '.join(self.keys)}")
        if self.check:
            self.check(fields, path, reading)
        return None if reading.count > before else self.build(fields, path)

    def fields(self, value: dict[Any, object], path: str, reading: Reading) -> Fields:
        """Every key read; a key that is left out has its default, a bad one None."""
        for name in value:
            if name not in self.keys:
                reading.unknown_key(path, name, self.keys)
        fields: Fields = {}
        for name, key in self.keys.items():
            if name in value:
                fields[name] = key.form.read(value[name], f"{path}.{name}" if path else name, reading)
                continue
            fields[name] = key.default
            if key.required:
                here = f"{path}.{name}" if path else name
                reading.add(here, Code.REQUIRED, f"{self.wanted} needs {name}{': ' + key.title if key.title else ''}")
        return fields

    def schema(self) -> Schema:
        made: Schema = {
            "type": "object",
            "properties": {name: _titled(key) for name, key in self.keys.items()},
            "additionalProperties": False,
        }
        if needed := [name for name, key in self.keys.items() if key.required]:
            made["required"] = needed
        if self.some:
            made["minProperties"] = 1
        return made


def _titled(key: Key) -> Schema:
    made = key.form.schema()
    return {**made, "description": key.title} if key.title and "$ref" not in made else made


class Titles(Form[Mapping[str, str]]):
    """Text by language: ``{en: …, ru: …}``."""

    LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
    LANGUAGES_MAX = 16

    def __init__(self, bytes_max: int = 1_000) -> None:
        self.form = Text("a text", bytes_max=bytes_max)

    def read(self, value: object, path: str, reading: Reading) -> Mapping[str, str] | None:
        if not isinstance(value, dict):
            reading.add(path, Code.WRONG_TYPE, "texts stand by language: {en: …, ru: …}")
            return None
        before = reading.count
        if len(value) > self.LANGUAGES_MAX:
            reading.add(path, Code.TOO_LARGE, f"at most {self.LANGUAGES_MAX} languages")
            return None
        for language in value:
            if not isinstance(language, str) or not self.LANGUAGE.fullmatch(language):
                reading.add(
                    f"{path}.{shown(language)}", Code.UNKNOWN_KEY, "a language is two or three small letters: en, ru"
                )
        made = {str(key): self.form.read(text, f"{path}.{shown(key)}", reading) for key, text in value.items()}
        return None if reading.count > before else {key: text for key, text in made.items() if text is not None}

    def schema(self) -> Schema:
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^(?:{self.LANGUAGE.pattern})$"},
            "additionalProperties": self.form.schema(),
            "maxProperties": self.LANGUAGES_MAX,
        }


class Named(Form[T]):
    """A form the schema keeps under ``$defs``, so that forms may hold themselves."""

    def __init__(self, name: str, form: Callable[[], Form[T]]) -> None:
        self.name, self.form = name, form

    def read(self, value: object, path: str, reading: Reading) -> T | None:
        return self.form().read(value, path, reading)

    def schema(self) -> Schema:
        return {"$ref": f"#/$defs/{self.name}"}
