"""Text of a rules file → plain documents, and documents → the bytes a release stores.

Every scalar stays the text that was written: `300.00`, `0123`, `2027-01-01`, `no` are texts; only `true`, `false`
and `null` are not. So nothing passes through a float and a code keeps its zeros. Refused: anchors and aliases,
tags, merge keys, duplicate keys, more than DEPTH_MAX levels, more than `bytes_max` bytes. Never raises anything but
DocumentError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

import yaml

from altyn.core.rules.read.problems import WHOLE_LIMIT, Code, DocumentError, Problem, Reading, shown

DOCUMENTS_BYTES_MAX = 1 << 20
DEPTH_MAX = 64
LITERALS = {"true": True, "false": False, "null": None, "~": None, "": None}
TEXT_TAG = "tag:yaml.org,2002:str"

_YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Plain = str | bool | None | list["Plain"] | dict[str, "Plain"]


def load_documents(text: str, *, bytes_max: int = DOCUMENTS_BYTES_MAX) -> list[dict[str, object]]:
    """Documents of a YAML stream, of one list, or of JSON. Empty documents of a stream are left out."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise _refused(Code.BAD_SYNTAX, "the text is not UTF-8") from None
    if size > bytes_max:
        raise _refused(Code.TOO_LARGE, f"{size} bytes; at most {bytes_max}: split the file")
    parts = _json(text) if text.lstrip()[:1] in ("[", "{") else None
    if parts is None:
        parts = _yaml(text)
    documents: list[object] = []
    for part in parts:
        documents.extend(part if isinstance(part, list) else [] if part is None else [part])
    return _mappings(documents)


def canonical_json(documents: Sequence[object]) -> bytes:
    """The bytes a release stores and its sha256 is over: sorted keys, numbers as text, no spaces, UTF-8."""
    problems = Reading()
    plain = _plain(list(documents), "", problems, 0)
    problems.raise_found()
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def dump_documents(documents: Iterable[object]) -> str:
    """A YAML stream that `load_documents` reads back to the same documents; numbers stand without quotes."""
    return yaml.dump_all(
        documents, Dumper=_PlainDumper, allow_unicode=True, sort_keys=False, default_flow_style=None, width=118
    )


class _PlainDumper(yaml.SafeDumper):
    """Quotes only what `load_documents` would not take for text."""

    def ignore_aliases(self, value: object) -> bool:
        return True


_PlainDumper.yaml_implicit_resolvers = {}
_PlainDumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"])
_PlainDumper.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(?:null|~|)$"), ["n", "~", ""])


def _refused(code: Code, message: str, path: str = "documents") -> DocumentError:
    return DocumentError([Problem(path, code, message)])


def _mappings(documents: Iterable[object]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    problems = Reading()
    for number, document in enumerate(documents):
        if isinstance(document, dict):
            found.append(document)
        else:
            problems.add(f"document[{number}]", Code.WRONG_TYPE, f"a document is a mapping, not {shown(document)!r}")
    problems.raise_found()
    return found


def _plain(value: object, path: str, problems: Reading, depth: int) -> Plain:
    """A value in the form that is stored; numbers become the text of themselves."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | int):
        text = value if isinstance(value, str) else shown(value)
        if isinstance(value, int) and abs(value) >= WHOLE_LIMIT:
            problems.add(path, Code.OUT_OF_RANGE, f"{text}: write at most 40 digits")
        if not _is_unicode(text):
            problems.add(path, Code.BAD_FORMAT, "a surrogate is not a character: write the character itself")
        return text
    if depth >= DEPTH_MAX:
        problems.add(path, Code.TOO_DEEP, f"at most {DEPTH_MAX} levels")
        return None
    if isinstance(value, dict):
        return {
            key: _plain(inner, f"{path}.{key}", problems, depth + 1)
            for key, inner in value.items()
            if _is_key(key, path, problems)
        }
    if isinstance(value, list | tuple):
        name = path or "document"
        return [_plain(inner, f"{name}[{n}]", problems, depth + 1) for n, inner in enumerate(value)]
    problems.add(path, Code.WRONG_TYPE, f"{type(value).__name__} cannot be kept exactly: write it as text")
    return None


def _is_key(key: object, path: str, problems: Reading) -> bool:
    if isinstance(key, str) and _is_unicode(key):
        return True
    problems.add(path, Code.WRONG_TYPE, f"a key is text, not {shown(key)!r}")
    return False


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text) if not text.isascii() else True


class _Repeated(Exception):
    """A key was written twice in one JSON object."""


def _json(text: str) -> list[object] | None:
    """The JSON value of the text; None when it is not JSON (it may be YAML in flow style)."""
    try:
        value = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_object, strict=True
        )
    except _Repeated as error:
        raise _refused(Code.DUPLICATE_KEY, f"key {shown(error.args[0])!r} is written twice in one object") from None
    except RecursionError:
        raise _refused(Code.TOO_DEEP, f"at most {DEPTH_MAX} levels") from None
    except ValueError:
        return None
    problems = Reading()
    _plain(
        value if isinstance(value, list) else [value], "", problems, 0
    )  # depth and surrogates, which JSON lets through
    problems.raise_found()
    return [value]


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        raise _Repeated(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return made


def _yaml(text: str) -> list[object]:
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_YamlLoader):
            builder.take(event)
    except DocumentError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _refused(Code.BAD_SYNTAX, f"{place}{error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _refused(Code.BAD_SYNTAX, str(error)) from None
    builder.problems.raise_found()
    return builder.documents


def _place(event: yaml.Event) -> str:
    mark = event.start_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""


class _Builder:
    """Builds plain values from YAML events with a stack of its own: depth is bounded, nothing is called by name."""

    def __init__(self) -> None:
        self.documents: list[object] = []
        self.problems = Reading()
        self._stack: list[list[object] | dict[object, object]] = []
        self._keys: list[object] = []  # the key that waits for its value, one per open container
        self._steps: list[str] = []

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._check(event)
            self._put(self._scalar(event), event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._check(event)
            if len(self._stack) >= DEPTH_MAX:
                raise _refused(Code.TOO_DEEP, f"{_place(event)}at most {DEPTH_MAX} levels")
            self._stack.append({} if isinstance(event, yaml.MappingStartEvent) else [])
            self._keys.append(_NO_KEY)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._keys.pop()
            self._put(self._stack.pop(), event)
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(event, Code.BAD_SYNTAX, f"alias *{event.anchor}: write the value out instead")
            self._put("", event)

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        value: str = event.value
        if event.implicit[0] and event.tag is None:
            return LITERALS.get(value, value)
        return value

    def _check(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._refuse(event, Code.BAD_SYNTAX, f"anchor &{event.anchor}: write the value out where it is needed")
        if event.tag not in (None, TEXT_TAG):
            self._refuse(event, Code.BAD_SYNTAX, f"tag {event.tag}: values are plain text, lists and mappings")

    def _refuse(self, event: yaml.Event, code: Code, message: str) -> None:
        self.problems.add(self._path(), code, _place(event) + message)

    def _path(self) -> str:
        steps = [f"document[{len(self.documents)}]"]
        for container, key in zip(self._stack, self._keys, strict=True):
            if isinstance(container, list):
                steps.append(f"[{len(container)}]")
            elif key is not _NO_KEY:
                steps.append(f".{shown(key)}")
        return "".join(steps)

    def _put(self, value: object, event: yaml.Event) -> None:
        if not self._stack:
            self.documents.append(value)
            return
        top, key = self._stack[-1], self._keys[-1]
        if isinstance(top, list):
            top.append(value)
        elif key is _NO_KEY:
            self._keys[-1] = getattr(event, "value", shown(value))
            if not isinstance(value, str):
                self._refuse(event, Code.WRONG_TYPE, "a key is text: put it in quotes")
            elif value in top:
                self._refuse(event, Code.DUPLICATE_KEY, "this key is written twice")
        else:
            top[key] = value
            self._keys[-1] = _NO_KEY


_NO_KEY = object()
