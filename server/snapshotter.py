"""`python -m altyn.server.snapshotter`: follows the journal with the same core and writes snapshots, so that the
server never pauses.

It owns nothing and may be killed at any time. A snapshot is written when enough records have passed since the last
one. It must never
write to the journal.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog
import uvloop

from altyn.core.engine import Engine, replay
from altyn.core.ledger.snapshot import SnapshotHead
from altyn.infra.logs import configure_logs
from altyn.infra.settings import Settings, load_secrets
from altyn.server.app import SHARD, archive_folder, new_engine, say_ready, snapshot_folder
from altyn.server.journal_archive import JournalArchive
from altyn.server.journal_reader import JournalDoubt, JournalReader, JournalUnavailable
from altyn.server.recovery import recover
from altyn.server.snapshots import Snapshots

RECORDS_BETWEEN = 50_000
POLL_S = 0.25
BACK_OFF_MAX_S = 5.0

log = structlog.get_logger(__name__)


class SnapshotWriter:
    """`follow` runs until cancelled."""

    def __init__(
        self, engine: Engine, reader: JournalReader, settings: Settings, records_between: int = RECORDS_BETWEEN
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._snapshots = Snapshots(snapshot_folder(settings))
        self._records_between = records_between
        self._hash: bytes | None = None
        self._epoch = 0
        self._written_seq = 0

    async def start(self) -> None:
        """Come to where the journal is now, from the newest snapshot."""
        recovered = await recover(self._engine, self._reader, self._snapshots)
        self._hash, self._written_seq = recovered.last_hash, recovered.snapshot_seq
        self._epoch = (await self._reader.tail()).epoch

    async def follow(self) -> None:
        delay_s = POLL_S
        while True:
            try:
                await self.catch_up()
                delay_s = POLL_S
            except JournalUnavailable as away:
                log.warning("journal_away", error=str(away))
                delay_s = min(delay_s * 2, BACK_OFF_MAX_S)
            await asyncio.sleep(delay_s)

    async def catch_up(self) -> None:
        """Apply what has come; write a snapshot when it is time."""
        async for row in self._reader.read_from(self._engine.last_seq, self._hash):
            replay(self._engine, row.seq, row.body)
            self._hash, self._epoch = row.hash, row.epoch
        if self._engine.last_seq - self._written_seq >= self._records_between:
            self.write()

    def write(self) -> None:
        """A snapshot of the state as it is."""
        if self._hash is None or self._engine.last_seq == self._written_seq:
            return
        head = SnapshotHead(
            self._engine.last_seq,
            self._epoch,
            self._engine.last_instant_us,
            self._engine.operations.complete_since_seq,
            self._hash,
        )
        path = self._snapshots.write(self._engine.book, self._engine.operations, head)
        self._written_seq = head.seq
        log.info("snapshot_written", seq=head.seq, path=path.name)


async def run(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    archive = JournalArchive(archive_folder(settings))
    reader = JournalReader(settings.postgres_dsn, SHARD, name="altyn-snapshotter", archive=archive)
    writer = SnapshotWriter(new_engine(settings, load_secrets(settings)), reader, settings)
    await writer.start()
    say_ready({})
    following = asyncio.create_task(writer.follow(), name="follow")
    stop = asyncio.create_task(stopping.wait(), name="stop")
    await asyncio.wait({following, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if following.done():
        following.result()
    following.cancel()
    await asyncio.gather(following, stop, return_exceptions=True)
    writer.write()
    await reader.close()


def main() -> int:
    settings = Settings()
    configure_logs(level=settings.log_level, form=settings.log_format, process="snapshotter")
    try:
        uvloop.run(run(settings))
    except JournalDoubt as doubt:
        log.critical("snapshotter_in_doubt", error=str(doubt))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
