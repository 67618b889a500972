"""``altyn replay``: one stored receipt decided again from its own evidence, at its own release.

Exit status 0 when that gives the stored reply byte for byte, 1 when it does not.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer

from altyn.admin_api.receipts import repository
from altyn.admin_api.receipts.errors import ReceiptUnknown
from altyn.admin_api.receipts.service import Again, StoredReceipt, decide_again, stored_receipt
from altyn.admin_api.releases.repository import find_document
from altyn.cli.archiving import archive_folder
from altyn.cli.options import AsJson, Var, say, settings_with
from altyn.cli.outcome_table import print_outcome
from altyn.cli.verify.command import reachable_postgres
from altyn.infra.database import connect
from altyn.infra.errors import Trouble
from altyn.infra.settings import Settings
from altyn.server.journal_archive import JournalArchive

app = typer.Typer(add_completion=False)


@app.command()
def run(
    seq: Annotated[int | None, typer.Option(min=1, help="Its place in the journal.")] = None,
    op_id: Annotated[str, typer.Option(metavar="UUID", help="Or the operation's id, as the register made it.")] = "",
    var: Var = None,
    as_json: AsJson = False,
    lang: Annotated[str, typer.Option(help="Language of the table: en or ru.")] = "en",
) -> None:
    """Decide a stored receipt again, and say why it cost what it cost."""
    if (seq is None) == (not op_id) or lang not in ("en", "ru"):
        raise typer.BadParameter("name either --seq or --op-id; --lang is en or ru")
    settings = settings_with(var)
    with reachable_postgres(settings) as dsn:
        body, release = asyncio.run(find(dsn, settings, seq, _read_id(op_id)))
    stored = stored_receipt(body)
    again = decide_again(body, release)
    outcome = stored.outcome | ({"explain": again.explain} if again.explain is not None else {})
    if as_json:
        print(orjson.dumps({**told(stored, again), "outcome": outcome}).decode())
    else:
        print_outcome(outcome, stored.receipt, again.documents, lang)
        say(" ".join(f"{key} {value}" for key, value in told(stored, again).items() if value != ""))
    raise typer.Exit(0 if again.equal else 1)


def told(stored: StoredReceipt, again: Again) -> dict[str, Any]:
    evidence = stored.record.evidence
    return {
        "seq": stored.seq,
        "op_id": str(UUID(bytes=stored.record.op_id)),
        "store_id": evidence.store.store_id,
        "rules_version": evidence.rules_version,
        "replayed": "equal" if again.equal else "different",
        "why": again.why,
    }


async def find(dsn: str, settings: Settings, seq: int | None, op_id: bytes) -> tuple[bytes, bytes | None]:
    """The record, from the database or an archived file, and its release. Trouble: there is none."""
    connection = await connect(dsn, name="altyn replay")
    try:
        if seq is None:
            seq = await repository.find_seq(connection, op_id)
            if seq is None:
                raise Trouble(f"the journal has no operation {UUID(bytes=op_id)}")
        body = await repository.find_body(connection, seq)
        if body is None:
            row = JournalArchive(archive_folder(settings.var)).find(repository.SHARD, seq)
            if row is None:
                raise Trouble(f"the journal has no seq {seq}, neither here nor in {archive_folder(settings.var)}")
            body = row.body
        try:
            record = stored_receipt(body).record
        except ReceiptUnknown as refusal:
            raise Trouble(refusal.message) from None
        release = await find_document(connection, record.tenant, record.evidence.rules_version)
        return body, None if release is None else release["document"]
    finally:
        connection.terminate()


def _read_id(text: str) -> bytes:
    try:
        return UUID(text).bytes if text else b""
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no id like 0f9d2c3e-…") from None
