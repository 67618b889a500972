"""`altyn bench console`: the pages it knows how to ask for are pages there are; a chain that has no room is refused."""

from __future__ import annotations

import re

import pytest

from altyn.admin_api.console.routes import page_routes
from altyn.benchmarks.console_bench import TooBig, _p95, run
from altyn.benchmarks.console_pages import NOBODY_THOUGHT_OF_IT, NOT_ASKED, WORKS, Laid, addresses
from altyn.benchmarks.console_world import _escaped, _under, phone
from altyn.core.engine.identity import phone_hash

LAID = Laid("ten", regular=30, relative=20, backtest=1, shadow=2, upload=3, case="one")


def test_every_page_is_asked_or_named_with_a_reason() -> None:
    asked, not_asked = addresses(LAID)
    read = {one.path for one in page_routes() if one.method == "GET"}
    sent = {one.path for one in page_routes() if one.method == "POST" and not one.needs.once}
    names = [one.name for one in asked]
    plain = {path for path in read if "{" not in path} - NOT_ASKED.keys()
    assert plain <= set(names) and len(set(names)) == len(names) and set(WORKS) <= set(names)
    assert all("{" not in name for name in names)
    assert not_asked == NOT_ASKED and NOBODY_THOUGHT_OF_IT not in not_asked.values()
    for one in asked:
        path = one.address.partition("?")[0]
        paths = read - NOT_ASKED.keys() if one.fields is None else sent
        assert any(re.fullmatch(re.sub(r"{\w+}", "[^/]+", known), path) for known in paths), one.name


def test_chain_without_room_is_refused_before_anything_is_laid() -> None:
    with pytest.raises(TooBig, match="MB would be needed"):
        run(1_000_000, 1_000_000_000)


def test_rows_of_a_receipt_are_lines_of_copy() -> None:
    assert _under(7, ["1\ta\n", "2\tb\n"]) == "7\t1\ta\n7\t2\tb\n"
    assert _escaped('{"a": "\\n"}') == '{"a": "\\\\n"}'
    assert _p95([1.0] * 19 + [100.0]) == pytest.approx(5.95)


def test_customers_have_phones_that_are_found() -> None:
    assert phone(10_001) == "+79000010001" and len(phone_hash(bytes(32), phone(1_009_999))) == 32
