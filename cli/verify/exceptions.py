"""I21, exceptions visible: what the journal flagged for a person is what the back office lists, no more and no less.

Compared as of the projector's checkpoint. A decision about an exception that is not there would hide one.
"""

from __future__ import annotations

from altyn.cli.verify.pages import Page, Source
from altyn.cli.verify.report import Tally

LISTED = """
SELECT seq, array_agg(reason ORDER BY exception_no) AS reasons FROM exceptions WHERE seq <= $1 GROUP BY seq
"""
ASTRAY = """
SELECT seq, exception_no FROM exception_resolutions AS decided
 WHERE seq <= $1 AND NOT EXISTS (SELECT FROM exceptions AS one
                                  WHERE one.seq = decided.seq AND one.exception_no = decided.exception_no)
"""


class Exceptions:
    """The check of exceptions. Its memory is what was flagged."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._flagged: dict[int, list[int]] = {}

    async def take(self, page: Page, source: Source) -> None:
        for entry in page:
            if entry.record is not None and entry.seq <= source.projected_seq:
                self.tally.checks += 1
                if entry.record.exceptions:
                    self._flagged[entry.seq] = list(entry.record.exceptions)

    async def end(self, source: Source) -> None:
        listed = {row["seq"]: row["reasons"] for row in await source.connection.fetch(LISTED, source.projected_seq)}
        for seq in sorted(self._flagged.keys() | listed.keys()):
            flagged, shown = self._flagged.get(seq, []), listed.get(seq, [])
            if flagged != shown:
                self.tally.violate(f"seq {seq}: exceptions {flagged} are in the journal, {shown} are listed")
        for row in await source.connection.fetch(ASTRAY, source.projected_seq):
            self.tally.violate(f"exception {row['exception_no']} of seq {row['seq']} is decided, and there is none")
