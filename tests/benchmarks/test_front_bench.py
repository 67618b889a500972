"""The bench of the door beside whatever else runs on this machine."""

from __future__ import annotations

from pathlib import Path

from altyn.benchmarks.front_bench import server_settings


def test_no_door_of_the_benched_server_is_on_a_fixed_port(tmp_path: Path) -> None:
    told = server_settings(tmp_path).model_dump()
    doors = {name: listen for name, listen in told.items() if name.endswith("_listen")}
    assert len(doors) >= 5
    assert {listen.rpartition(":")[2] for listen in doors.values()} == {"0"}
