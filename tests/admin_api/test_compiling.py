"""What was compiled last is kept: the same bytes are not compiled again, and what failed is not taken for done."""

from __future__ import annotations

import pytest

from altyn.admin_api.releases.compiling import KEPT_MAX, Compiled, Compiler, CompilingFailed


class Counted(Compiler):
    """Compiles nothing, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, bytes]] = []

    async def _compiled(self, version: int, document: bytes, timeout_s: float) -> Compiled:
        self.asked.append((version, document))
        if document == b"dead":
            raise CompilingFailed("the worker died")
        return Compiled((), b"%d %s" % (version, document))


async def test_the_last_ones_are_kept_and_told_apart() -> None:
    compiler = Counted()
    for _ in range(3):
        assert (await compiler.compile(0, b"a")).image == b"0 a"
        assert (await compiler.compile(1, b"a")).image == b"1 a"
    assert compiler.asked == [(0, b"a"), (1, b"a")] and KEPT_MAX == 2
    assert (await compiler.compile(0, b"b")).image == b"0 b"
    assert (await compiler.compile(1, b"a")).image == b"1 a"
    assert (await compiler.compile(0, b"a")).image == b"0 a"
    assert compiler.asked[2:] == [(0, b"b"), (0, b"a")], "the one that was longest not asked for is gone"


async def test_a_worker_that_died_is_asked_again() -> None:
    compiler = Counted()
    for _ in range(2):
        with pytest.raises(CompilingFailed):
            await compiler.compile(0, b"dead")
    assert len(compiler.asked) == 2
