"""``altyn audit``: heads as they are given back."""

from __future__ import annotations

import pytest
import typer

from altyn.cli.audit import _head


def test_head_is_read_as_it_is_printed_and_anything_else_is_refused() -> None:
    assert _head("12:" + "a" * 64) == (12, "a" * 64)
    for wrong in ("", "12", "12:", "x:" + "a" * 64, "12:" + "A" * 64, "12:" + "a" * 63, "٣:" + "a" * 64):
        with pytest.raises(typer.BadParameter):
            _head(wrong)
