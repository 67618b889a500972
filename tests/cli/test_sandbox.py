"""The sandbox on a real server answers exactly what its documentation shows."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc.aio
import pytest

from altyn.cli.chaos.server_process import ServerProcess
from altyn.cli.main import app
from altyn.cli.migrate import apply_migrations
from altyn.cli.sandbox import world
from altyn.cli.sandbox.command import page
from altyn.cli.sandbox.examples import ask, examples, replies
from altyn.cli.sandbox.load import Loaded, give_points, load_facts
from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from altyn.infra.settings import load_secrets
from altyn.pos.v1 import pos_service_pb2, receipt_pb2
from altyn.register import qr

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sandbox(
    embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str
) -> Iterator[tuple[ServerProcess, Loaded]]:
    asyncio.run(create_database(postgres_dsn, "sandbox"))
    dsn = embedded_postgres.dsn("sandbox")
    with tempfile.TemporaryDirectory(prefix="altyn-sandbox-") as folder:
        server = ServerProcess(dsn, redis_url, Path(folder))
        settings = server.settings()
        asyncio.run(apply_migrations(dsn, settings))
        loaded = asyncio.run(load_facts(settings, dsn, redis_url))
        server.start()
        asyncio.run(give_points(server.ops_address, load_secrets(settings).ops_key, loaded))
        yield server, loaded
        server.stop()


def authorized(
    server: ServerProcess, loaded: Loaded, identity: receipt_pb2.Identity
) -> pos_service_pb2.AuthorizeCustomerResponse:
    request = pos_service_pb2.AuthorizeCustomerRequest(
        store_id=world.STORE, register_id="till-1", identity=identity
    ).SerializeToString()

    async def asked() -> bytes:
        async with grpc.aio.insecure_channel(server.grpc_address) as channel:
            method = channel.unary_unary("/altyn.pos.v1.PosService/AuthorizeCustomer")
            reply: bytes = await method(request, metadata=(("authorization", f"Bearer {loaded.keys['till-1']}"),))
            return reply

    return pos_service_pb2.AuthorizeCustomerResponse.FromString(asyncio.run(asked()))


def test_token_of_the_command_identifies_the_virtual_card(
    sandbox: tuple[ServerProcess, Loaded], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server, loaded = sandbox
    [number] = [card.number for card in world.CARDS if card.kind == "VIRTUAL"]
    monkeypatch.setenv("ALTYN_PEPPER", server.settings().pepper)
    with pytest.raises(SystemExit) as ended:
        app(["token", str(loaded.card_ids[number])])
    assert ended.value.code == 0
    found = authorized(server, loaded, qr(capsys.readouterr().out.strip()))
    assert (found.reason, found.card_state, found.card_last4) == (0, "ACTIVE", number[-4:])


def test_examples_are_answered_as_the_documentation_says(sandbox: tuple[ServerProcess, Loaded]) -> None:
    server, loaded = sandbox

    async def sent() -> dict[str, object]:
        async with grpc.aio.insecure_channel(server.grpc_address) as channel:
            return {
                each.title: await ask(channel, loaded.keys.get(each.key_of, "nobody"), each, "test")
                for each in examples()
            }

    assert asyncio.run(sent()) == replies()


def test_loading_again_gives_no_points_and_changes_no_key(sandbox: tuple[ServerProcess, Loaded]) -> None:
    server, loaded = sandbox
    settings = server.settings()
    again = asyncio.run(load_facts(settings, server.dsn, server.redis_url))
    asyncio.run(give_points(server.ops_address, load_secrets(settings).ops_key, again))
    assert (again.keys, again.accounts, again.feed_version) == (loaded.keys, loaded.accounts, 0)
    assert again.rules_version == loaded.rules_version

    def points(card: str) -> int:
        identity = receipt_pb2.Identity(kind=receipt_pb2.TOKEN_KIND_CARD, value=card)
        found = authorized(server, loaded, identity)
        return sum(balance.active_points for balance in found.balances)

    assert [points(card.number) for card in world.CARDS if card.lots] == [500, 300]


def test_every_example_has_its_reply_and_every_card_is_shown() -> None:
    assert [each.title for each in examples()] == list(replies())
    shown = {each.request.get("identity", {}).get("value") for each in examples()}
    for card in world.CARDS:
        if "phone" not in card.shows and card.number != "9990000000000001":
            assert card.number in shown
    assert {world.UNKNOWN_CARD, world.SHARED_PHONE} <= shown


def test_each_product_is_sold_at_its_price_in_an_example() -> None:
    sold = {
        (line["sku"], line["price_minor"], line["unit"].removeprefix("UNIT_"))
        for each in examples()
        for line in each.request.get("receipt", {}).get("lines", ())
    }
    assert sold == {(each.sku, each.price_minor, each.unit) for each in world.PRODUCTS}


def test_page_of_the_documentation_is_what_the_sandbox_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert (ROOT / "docs/register/sandbox.md").read_text("utf-8") == page()
    with pytest.raises(SystemExit):
        app(["sandbox"])
    assert "9990000000000500" in capsys.readouterr().out


def test_up_refuses_the_demonstration_and_the_sandbox_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["up", "--demo", "--sandbox"])
    assert ended.value.code == 2
    assert "--sandbox" in capsys.readouterr().err
