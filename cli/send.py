"""``altyn send``: one receipt to a running server, the way a till does it; the answer as a table or as JSON.

Calculates by default; with ``--commit`` the sale becomes a fact. The register's file is kept under VAR/registers, so
that a second run goes on with its numbers.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
import yaml
from google.protobuf import json_format
from google.protobuf.message import Message

from altyn.cli.options import AsJson, Var, settings_with
from altyn.cli.outcome_table import print_outcome
from altyn.infra.errors import Trouble
from altyn.pos.v1 import outcome_pb2, receipt_pb2
from altyn.register import CallRejected, NoAnswer, Register

app = typer.Typer(add_completion=False)


@app.command()
def run(
    receipt: Annotated[
        Path, typer.Option(metavar="FILE", help="JSON or YAML; field names as in altyn.pos.v1.Receipt.")
    ],
    key: Annotated[str, typer.Option(help="The register's key.")],
    target: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="The registers' door.")] = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit the sale instead of only calculating it.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say why each promotion did or did not apply.")] = False,
    fiscal_plan: Annotated[bool, typer.Option("--fiscal-plan", help="Say how a fiscal register prints it.")] = False,
    lang: Annotated[str, typer.Option(help="en or ru.")] = "en",
    as_json: AsJson = False,
    var: Var = None,
) -> None:
    """Send a receipt to a running server."""
    settings = settings_with(var)
    sent = read_receipt(receipt)
    want = receipt_pb2.Want(explain=explain, fiscal_plan=fiscal_plan)
    folder = settings.var / "registers"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{sent.store_id}-{sent.register_id}.saf"
    try:
        reply = asyncio.run(send(target or settings.grpc_listen, key, file, sent, commit, want))
    except (CallRejected, NoAnswer) as refused:
        raise Trouble(str(refused)) from refused
    if as_json:
        print(orjson.dumps(plain(reply)).decode())
    else:
        print(outcome_pb2.Status.Name(reply.status).removeprefix("STATUS_"))
        print_outcome(plain(reply.outcome), plain(sent), (), lang)


def read_receipt(path: Path) -> receipt_pb2.Receipt:
    """Trouble when the file is not a receipt: the text names the field."""
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
        return json_format.ParseDict(with_long_words(found), receipt_pb2.Receipt())
    except (OSError, UnicodeDecodeError, yaml.YAMLError, json_format.ParseError) as error:
        raise Trouble(f"{path}: {error}") from error


def with_long_words(found: Any) -> Any:
    """Short words of a file as the contract spells them: unit PIECE is UNIT_PIECE, kind CARD is TOKEN_KIND_CARD."""
    prefixes = {
        "unit": "UNIT_",
        "kind": "TOKEN_KIND_",
        "mode": "MODE_",
        "input_method": "INPUT_METHOD_",
        "type": "PAYMENT_TYPE_",
    }
    if isinstance(found, list):
        return [with_long_words(item) for item in found]
    if not isinstance(found, dict):
        return found
    return {
        name: prefixes[name] + value
        if name in prefixes and isinstance(value, str) and not value.startswith(prefixes[name])
        else with_long_words(value)
        for name, value in found.items()
    }


async def send(
    target: str, key: str, file: Path, receipt: receipt_pb2.Receipt, commit: bool, want: receipt_pb2.Want
) -> Any:
    """The reply message. CallRejected, NoAnswer."""
    async with Register(
        target, store_id=receipt.store_id, register_id=receipt.register_id, key=key, file=file
    ) as register:
        if not commit:
            return await register.calculate(receipt, want=want)
        answer = await register.commit(receipt, want=want)
        if answer.response is None:
            raise Trouble("the sale is kept and not answered yet; send it again to resume")
        return answer.response


def plain(message: Message) -> dict[str, Any]:
    """A message as `altyn evaluate` shows one: every field, enums by name, an absent message left out."""
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.is_repeated:
            found[field.name] = [plain_value(field, item) for item in value]
        elif not field.has_presence or message.HasField(field.name):
            found[field.name] = plain_value(field, value)
    return found


def plain_value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return plain(value)
    if field.enum_type is not None:
        number = field.enum_type.values_by_number.get(value)
        return number.name if number is not None else str(value)
    return value.hex() if isinstance(value, bytes) else value
