"""Records of a world fed to a check of `altyn verify` as the journal's pages feed it, without a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from altyn.cli.verify.pages import REPLIES, Entry, Page, Source
from altyn.cli.verify.rebuilt import Rebuilt
from altyn.core.engine import Record
from altyn.journal.v1 import record_pb2 as journal

NOWHERE = Source(None, 0, 0, 1, 0, 0)  # type: ignore[arg-type]


def page_of(records: Iterable[Record]) -> Page:
    page = []
    for row in records:
        record = journal.Record.FromString(row.body)
        reply_type = REPLIES.get(record.kind)
        reply = reply_type.FromString(record.reply) if reply_type else None
        page.append(Entry(row.seq, 1, row.kind, 0, row.op_id, row.receipt_key, None, b"", row.body, record, reply))
    return page


def rebuilt_of(records: Iterable[Record]) -> Rebuilt:
    """As the check sees the book when the journal ends."""
    rebuilt = Rebuilt(None)
    for entry in page_of(records):
        rebuilt.apply(entry.seq, entry.body, "demo")
        for booked in entry.record.effects.entries:
            rebuilt.accounts.update(posting.account_id for posting in booked.postings if posting.account_id > 0)
    return rebuilt


def altered(records: list[Record], seq: int, change: Callable[[journal.Record], object]) -> list[Record]:
    """The same records, one of them changed."""
    old = records[seq - 1]
    record = journal.Record.FromString(old.body)
    change(record)
    keys = old.natural_key, old.receipt_key
    changed = Record(old.seq, old.op_id, old.kind, *keys, old.instant_us, record.SerializeToString())
    return [*records[: seq - 1], changed, *records[seq:]]
