"""Every shape fills its run and keeps within its users."""

from __future__ import annotations

import pytest

from altyn.loadtests.stages import STAGES, marks, users_at


@pytest.mark.parametrize("shape", STAGES)
def test_shape_fills_the_run_and_opens_all_tills_at_some_moment(shape: str) -> None:
    users = [users_at(shape, at / 1000, 40) for at in range(1000)]
    assert all(count is not None and 1 <= count <= 40 for count in users)
    assert max(count or 0 for count in users) == 40
    assert users_at(shape, 1.001, 40) is None


def test_morning_never_closes_a_till() -> None:
    users = [users_at("morning", at / 100, 100) or 0 for at in range(100)]
    assert users == sorted(users)
    assert users[0] == 5


def test_marks_are_the_seconds_at_which_stages_begin() -> None:
    assert marks("outage", 20.0) == [("before", 0.0), ("outage", 6.0), ("recovery", 10.0)]
    assert marks("steady", 20.0) == []
