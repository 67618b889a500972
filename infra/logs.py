"""Logs: one JSON object a line (or readable text on a terminal), from structlog and from the standard library alike.

Invariant: every event passes one redaction before it is written: values under telling keys vanish, digits that look
like a card number or a phone keep only their last four, bytes and unknown objects are never shown (a ``repr``
may hold anything). It must never raise because of what is being logged.
"""

from __future__ import annotations

import logging
import math
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TextIO

import orjson
import structlog

MASK = "***"
DEPTH_MAX = 6
ITEMS_MAX = 100
TEXT_MAX = 8192

# A key is telling when one of its words is here: "phone", "customer_phone", "CardNumber".
_TELLING = (
    *("password", "passwd", "secret", "pepper", "token", "authorization", "cookie", "dsn", "pin", "cvv", "cvc", "pan"),
    *("phone", "msisdn", "email", "mail", "birthday", "birth_date", "first_name", "last_name", "surname", "patronymic"),
    *("card_number", "card_token", "coupon_code", "gift_card_code", "promo_code"),
)
# Numbers under these keys are amounts, times and ids by the naming rules, not cards or phones.
_UNIT = re.compile(r"(?:_(?:us|ms|ns|s|minor|milli|ppm|points|count|max|bytes|id|seq)|seq|pid|port|version|hash)$")
# Ten digits or more with separators between: phones have 10..15, cards 13..19, whatever stands around them.
# What only looks like it is tried first and kept: ids, hashes, ISO times, addresses.
_KEPT = (
    r"(?P<kept>(?<![0-9A-Za-z])(?:"
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|(?=[0-9a-f]{0,63}[a-f])[0-9a-f]{32,64}"
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?"
    r"|(?:\d{1,3}\.){3}\d{1,3}"
    r")(?![0-9A-Za-z]|[ ()-]{0,2}\d))"
)
_DIGITS = re.compile(_KEPT + r"|\+?\(?\d(?:[ ()\u00a0\u202f-]{0,2}\d){9,}")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PASSWORD_IN_URL = re.compile(r"(?<=://)([^\s:/@]*):[^\s@]+@")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def configure_logs(*, level: str, form: str = "auto", process: str, stream: TextIO | None = None) -> None:
    """Set up both logging systems of this process. ``form``: auto, json or pretty; default stream: standard error."""
    out = stream or sys.stderr
    pretty = form == "pretty" or (form == "auto" and out.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(_dump)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        redact_event,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
    ]
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def redact_event(_logger: Any, _method: str, event: Any) -> Any:
    """The structlog processor: the same event, fit to be written down."""
    return {
        key if key in _META else redact_text(key): value if key in _META else _redact(key, value, 0)
        for key, value in event.items()
    }


def redact_text(text: str) -> str:
    """Text without passwords of URLs, mail addresses, card numbers and phones."""
    # What is cut off is cut after masking, lest a number be split and its first half pass for a short one.
    is_long = len(text) > TEXT_MAX
    text = text[: 2 * TEXT_MAX]
    text = _PASSWORD_IN_URL.sub(rf"\1:{MASK}@", text)
    text = _MAIL.sub(MASK, text)
    text = _DIGITS.sub(_mask_digits, text)
    return text[:TEXT_MAX] + "…" if is_long else text


_META = frozenset(("_record", "_from_structlog", "level", "logger"))


def _redact(key: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if _is_telling(key):
        return MASK
    if isinstance(value, int | float):
        is_plain = abs(value) < 10**9 or _UNIT.search(key) or not math.isfinite(value)
        return value if is_plain else _mask_digits_of(str(int(value)))
    if isinstance(value, str):
        return value if _UUID.fullmatch(value) else redact_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {redact_text(str(value))}"
    if depth >= DEPTH_MAX:
        return "…"
    if isinstance(value, Mapping):
        shown = list(value.items())[:ITEMS_MAX]
        return {redact_text(str(name)): _redact(str(name), item, depth + 1) for name, item in shown}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact(key, item, depth + 1) for item in list(value)[:ITEMS_MAX]]
    return f"<{type(value).__name__}>"


@lru_cache(maxsize=1024)
def _is_telling(key: str) -> bool:
    words = _CAMEL.sub("_", key).lower()
    return any(f"_{part}_" in f"_{words}_" for part in _TELLING)


def _mask_digits(found: re.Match[str]) -> str:
    return found[0] if found["kept"] else _mask_digits_of(found[0])


def _mask_digits_of(text: str) -> str:
    return MASK + re.sub(r"\D", "", text)[-4:]


def _named(process: str) -> Any:
    def add(_logger: Any, _method: str, event: Any) -> Any:
        event["process"] = process
        return event

    return add


def _dump(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=lambda item: f"<{type(item).__name__}>", option=orjson.OPT_NON_STR_KEYS).decode()
