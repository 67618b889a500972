"""What may be read in a log, and what must never be."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from altyn.infra.logs import MASK, configure_logs, redact_event, redact_text


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs(level="info", form="json", process="test", stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = before


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    "text",
    [
        "4276 3800 1234 5678",
        "4276380012345678",
        "4276-3800-1234-5678",
        "6392-1111 2222-3333-5678",
        "+7 (916) 123-56-78",
        "89161235678",
        "9161235678",
        "(916)123-5678",
    ],
)
def test_text_with_a_card_or_a_phone_keeps_only_the_last_four_digits(text: str) -> None:
    assert redact_text(f"paid by {text}, thanks") == f"paid by {MASK}5678, thanks"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T02:21:00.123456Z",
        "2026-11-22 02:21:00",
        "550e8400-e29b-41d4-a716-446655440000",
        "127.0.0.1:50051",
        "a receipt of 123456789 kopecks",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "12:34:56 seq=12",
    ],
)
def test_text_that_only_looks_busy_is_left_alone(text: str) -> None:
    assert redact_text(text) == text


def test_text_with_a_url_loses_its_password_and_with_mail_its_address() -> None:
    assert redact_text("postgresql://altyn:hush@/x?host=/run") == f"postgresql://altyn:{MASK}@/x?host=/run"
    assert redact_text("to ivan.petrov@example.org now") == f"to {MASK} now"


@given(st.text(st.sampled_from("0123456789"), min_size=10, max_size=19), st.sampled_from(["", " ", "-"]))
def test_digits_of_a_card_or_phone_never_survive_whole(digits: str, separator: str) -> None:
    shown = redact_text(f"x {separator.join(digits)} y")
    assert digits[:-4] not in shown.replace(separator, "")
    assert shown.endswith(f"{digits[-4:]} y")


@pytest.mark.parametrize("key", ["phone", "customer_phone", "cardNumber", "card_number_raw", "Authorization", "email"])
def test_value_under_a_telling_key_is_gone(key: str) -> None:
    assert redact_event(None, "", {"event": "x", key: "abc"}) == {"event": "x", key: MASK}


def test_numbers_under_unit_names_stay_and_bare_ones_are_masked() -> None:
    event = {"instant_us": 1_700_000_000_000_000, "total_minor": 10**12, "receipt": 89161235678, "lines": 12}
    assert redact_event(None, "", event) == event | {"receipt": f"{MASK}5678"}


def test_nested_values_are_redacted_and_bytes_and_objects_never_shown() -> None:
    event = {"request": {"phone": "1", "items": ["89161235678", b"4276380012345678", object()]}}
    assert redact_event(None, "", event) == {
        "request": {"phone": MASK, "items": [f"{MASK}5678", "<16 bytes>", "<object>"]}
    }


def test_event_of_structlog_and_of_the_standard_library_are_both_redacted_json(written: io.StringIO) -> None:
    structlog.get_logger().info("sold to 89161235678", register_id=7)
    logging.getLogger("uvicorn").warning("card %s", "4276380012345678")
    first, second = lines(written)
    assert first | {"timestamp": ""} == {
        "event": f"sold to {MASK}5678",
        "register_id": 7,
        "level": "info",
        "process": "test",
        "timestamp": "",
    }
    assert (second["event"], second["logger"], second["level"]) == (f"card {MASK}5678", "uvicorn", "warning")


def test_exception_is_logged_with_its_trace_redacted(written: io.StringIO) -> None:
    try:
        raise ValueError("phone 89161235678")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = lines(written)
    assert "Traceback" in line["exception"]
    assert "89161235678" not in written.getvalue()


def test_event_below_the_level_is_not_written(written: io.StringIO) -> None:
    structlog.get_logger().debug("quiet")
    assert written.getvalue() == ""


CARDS = st.text(st.sampled_from("0123456789"), min_size=13, max_size=19)
PHONES = st.builds("{}9{}".format, st.sampled_from(["+7", "8", "7", ""]), st.from_regex(r"\A[0-9]{9}\Z"))
AROUND = st.sampled_from(["", " ", "=", ":", '"', "'", "(", "[", ",", "/", "#", "x", "_", "-", ".", "\n", "№", "card:"])
SPLITS = st.sampled_from(["", " ", "-", "\u00a0"])
KEYS = st.sampled_from(["note", "value", "error", "args", "path", "detail", "request", "line", "customer", "q"])


@given(st.one_of(CARDS, PHONES), AROUND, AROUND, SPLITS, KEYS, st.integers(0, 5))
def test_no_card_or_phone_in_any_field_or_exception_reaches_the_output(
    number: str, before: str, after: str, split: str, key: str, form: int
) -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs(level="info", form="json", process="test", stream=stream)
    try:
        said = before + split.join([number[:4], number[4:8], number[8:]]) + after
        log = structlog.get_logger()
        if form == 0:
            log.info(said)
        elif form == 1:
            log.info("x", **{key: [{"deep": (said,)}, {said: 1}]})
        elif form == 2:
            log.info("x", **{key: int(number.lstrip("+")), "f": float(number)})
        elif form == 3:
            logging.getLogger("lib").warning("from %s", said)
        elif form == 4:
            log.error("x", **{key: ValueError(said)})
        else:
            try:
                raise KeyError(said) from OSError(said)
            except KeyError:
                log.exception("x")
        written_down = re.sub(r"\"timestamp\": ?\"[^\"]*\"", "", stream.getvalue())
        digits = number.lstrip("+0").strip()
        assert digits[:-4] not in re.sub(r"[^0-9]", "", written_down) or len(digits) < 9
    finally:
        structlog.reset_defaults()
        root.handlers[:], root.level = handlers, level


def test_number_at_the_cut_of_a_long_text_is_masked_whole() -> None:
    for shift in range(20):
        shown = redact_text("x" * (8192 - shift) + " 4276380012345678 and more")
        assert "4276" not in shown
