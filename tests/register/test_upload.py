"""Facts a till keeps while it is offline, and tells together later."""

from __future__ import annotations

from pathlib import Path

import pytest

from altyn.pos.v1 import outcome_pb2
from altyn.register import Register
from tests.register.fake_server import FakeServer
from tests.register.test_client import run, sale


def test_kept_facts_are_sent_by_nobody_until_the_upload_and_leave_the_file_with_it(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        kept = [await register.keep("CommitReceipt", sale(number)) for number in (1, 2)]
        kept.append(await register.keep("ReturnReceipt", sale(3)))
        assert fake.requests == []
        assert all(answer.is_queued for answer in kept)
        assert [one.op_id for one in register.file.pending()] == [one.op_id for one in kept]
        results = await register.upload([*reversed(kept), kept[0]])
        assert [result.op_id for result in results] == [one.op_id for one in (*reversed(kept), kept[0])]
        assert {result.status for result in results} == {outcome_pb2.STATUS_OK}
        assert results[2].seq == results[3].seq
        assert register.file.pending() == ()
        assert {one.op_id: one.request for one in kept} == {op_id: sent for op_id, (sent, _) in fake.applied.items()}
        assert fake.doubled == []

    run(fake, tmp_path, play)


def test_kept_facts_that_are_never_uploaded_are_sent_by_drain_in_order(tmp_path: Path) -> None:
    fake = FakeServer()

    async def play(register: Register) -> None:
        kept = [await register.keep("CommitReceipt", sale(number)) for number in (1, 2)]
        drained = await register.drain()
        assert (drained.left_count, fake.order()) == (0, [one.op_id for one in kept])

    run(fake, tmp_path, play)


def test_only_facts_about_receipts_can_be_kept(tmp_path: Path) -> None:
    async def play(register: Register) -> None:
        with pytest.raises(ValueError, match="ReserveReceipt"):
            await register.keep("ReserveReceipt", sale(1))
        assert register.file.pending() == ()

    run(FakeServer(), tmp_path, play)
