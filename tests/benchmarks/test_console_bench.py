"""`altyn bench console`: the pages it knows how to ask for are pages there are; a chain that has no room is refused."""

from __future__ import annotations

import pytest

from altyn.admin_api.console.routes import page_routes
from altyn.benchmarks.console_bench import TooBig, _addresses, _p95, run
from altyn.benchmarks.console_world import _escaped, _under


def test_every_page_is_asked_or_named() -> None:
    asked, not_asked = _addresses("ten")
    paths = {one.path for one in page_routes() if one.method == "GET"}
    plain = {path for path in paths if "{" not in path} - {"/console/reports"}
    assert plain <= set(asked) and set(not_asked) <= paths and len(set(asked)) == len(asked)
    assert all("{" not in page for page in asked)


def test_chain_without_room_is_refused_before_anything_is_laid() -> None:
    with pytest.raises(TooBig, match="MB would be needed"):
        run(1_000_000, 1_000_000_000)


def test_rows_of_a_receipt_are_lines_of_copy() -> None:
    assert _under(7, ["1\ta\n", "2\tb\n"]) == "7\t1\ta\n7\t2\tb\n"
    assert _escaped('{"a": "\\n"}') == '{"a": "\\\\n"}'
    assert _p95([1.0] * 19 + [100.0]) == pytest.approx(5.95)
