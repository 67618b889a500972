"""The UDS partner protocol at the JSON door, spoken by a client that nobody here wrote."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path

import asyncpg
import httpx
import pytest
from async_uds_api import UDSClient
from async_uds_api.errors import UDSBadRequestError, UDSNotFoundError, UDSUnauthorizedError
from async_uds_api.models import (
    CashierInput,
    CreateOperation,
    CreateOperationReceipt,
    PurchaseCalcRequest,
    PurchaseCalcRequestReceipt,
    RefundOperationRequest,
)

from altyn.infra.embedded.postgres import EmbeddedPostgres
from altyn.infra.embedded.services import create_database
from tests.integration.system import KEY, OTHER_KEY, System, prepare, publish

RULES = """
promotion: tenth
stage: receipt
reward:
  - percent: {rate: 10}
---
promotion: base-points
reward:
  - points: {asset: bonus, percent: 5}
---
limit: payment
payment:
  - {asset: bonus, receipt_percent: 50, anonymous: true}
"""


@pytest.fixture(scope="module")
def system(embedded_postgres: EmbeddedPostgres, postgres_dsn: str, redis_url: str) -> Iterator[System]:
    async def world(dsn: str) -> None:
        await prepare(dsn)
        connection = await asyncpg.connect(dsn)
        await publish(connection, RULES)
        await connection.close()

    asyncio.run(create_database(postgres_dsn, "uds"))
    dsn = embedded_postgres.dsn("uds")
    asyncio.run(world(dsn))
    with tempfile.TemporaryDirectory(prefix="altyn-uds-") as folder:
        settings = {"ALTYN_JSON_LISTEN": "127.0.0.1:0", "ALTYN_UDS_ASSET": "bonus"}
        running = System(dsn, redis_url, Path(folder), settings)
        running.start()
        yield running
        assert running.stop() == 0


@pytest.fixture
async def uds(system: System) -> AsyncIterator[UDSClient]:
    async with UDSClient("s1", KEY, base_url=f"http://{system.json_address}/partner/v2", retries=1) as client:
        yield client


def sale(
    card: str, total: str, cash: str, points: str = "0", *, nonce: str = "", skipped: str = "0"
) -> CreateOperation:
    receipt = CreateOperationReceipt(
        total=float(total), cash=float(cash), points=float(points), number="17", skip_loyalty_total=float(skipped)
    )
    cashier = CashierInput(external_id="c1", name="Anna")
    return CreateOperation(code=card, nonce=nonce or str(uuid.uuid4()), cashier=cashier, receipt=receipt)


async def points_of(uds: UDSClient, card: str) -> Decimal:
    found = await uds.customers.find(code=card)
    assert found.user.participant is not None and found.user.participant.points is not None
    return Decimal(str(found.user.participant.points))


async def test_sale_earns_and_a_later_one_is_paid_with_points(uds: UDSClient) -> None:
    # 1000.00 less 10 %: 900.00 to pay, 5 % of it in points.
    asked = PurchaseCalcRequest(code="1001", receipt=PurchaseCalcRequestReceipt(total=1000.0))
    told = (await uds.operations.calc(asked)).purchase
    assert told is not None
    assert (told.total, told.discount_amount, told.cash, told.cashback) == (1000.0, 100.0, 900.0, 45.0)
    assert (told.max_points, told.discount_percent) == (0.0, 10.0)
    done = await uds.operations.create(sale("1001", "1000.00", "900.00"))
    assert (done.action, done.state, done.total, done.cash) == ("PURCHASE", "NORMAL", 1000.0, 900.0)
    assert await points_of(uds, "1001") == 45
    # 100.00 less 10 %: 90.00, of which points pay at most 50 % of the goods.
    most = (await uds.customers.find(code="1001", total=100.0)).purchase
    assert most is not None and most.max_points == 45.0
    paid = await uds.operations.create(sale("1001", "100.00", "60.00", "30.00"))
    assert (paid.points, paid.cash) == (-30.0, 60.0)
    # 15.00 are left, and 5 % of what money paid: 60.00.
    assert await points_of(uds, "1001") == 18


async def test_what_takes_no_part_neither_earns_nor_gets_cheaper(uds: UDSClient) -> None:
    done = await uds.operations.create(sale("1002", "300.00", "280.00", skipped="100.00"))
    assert done.cash == 280.0
    assert await points_of(uds, "1002") == 9  # 5 % of 180.00


async def test_nonce_takes_effect_once(uds: UDSClient) -> None:
    once = sale("1003", "200.00", "180.00")
    first, again = await uds.operations.create(once), await uds.operations.create(once)
    assert first == again
    assert first.id is not None and (await uds.operations.get(first.id)) == first
    assert await points_of(uds, "1003") == 9
    other = sale("1003", "300.00", "270.00", nonce=once.nonce or "")
    with pytest.raises(Exception, match="409"):
        await uds.operations.create(other)


async def test_refund_takes_back_a_part_and_then_the_rest(uds: UDSClient) -> None:
    done = await uds.operations.create(sale("1004", "200.00", "180.00"))
    assert done.id is not None and await points_of(uds, "1004") == 9
    # A quarter of the total: 45.00 of money, 2.25 points.
    part = await uds.operations.refund(done.id, RefundOperationRequest(partial_amount=50.0), request_id="one")
    assert (part.state, part.cash) == ("REVERSAL", 45.0)
    assert await uds.operations.refund(done.id, RefundOperationRequest(partial_amount=50.0), request_id="one") == part
    assert await points_of(uds, "1004") == Decimal("6.75")
    rest = await uds.operations.refund(done.id, RefundOperationRequest(partial_amount=150.0), request_id="two")
    assert rest.cash == 135.0 and await points_of(uds, "1004") == 0
    with pytest.raises(UDSBadRequestError, match="badRequest"):
        await uds.operations.refund(done.id, request_id="three")


async def test_refusals_name_their_cause(uds: UDSClient, system: System) -> None:
    for operation, code in (
        (sale("1005", "100.00", "89.99"), "invalidChecksum"),
        (sale("1005", "100.00", "50.00", "40.00"), "insufficientFunds"),
        (sale("1005", "100.00", "90.00", skipped="100.01"), "badRequest"),
    ):
        with pytest.raises(UDSBadRequestError) as refused:
            await uds.operations.create(operation)
        assert refused.value.error_code == code
    with pytest.raises(UDSNotFoundError):
        await uds.customers.find(code="unheard-of")
    with pytest.raises(UDSNotFoundError):
        await uds.operations.get(12345)
    base = f"http://{system.json_address}/partner/v2"
    for company, key in (("s1", "no-such-key"), ("s2", OTHER_KEY)):
        async with UDSClient(company, key, base_url=base, retries=1) as stranger:
            with pytest.raises(UDSUnauthorizedError):
                await stranger.customers.find(code="1001")


BAD_BODIES = (
    b"",
    b"[]",
    b'{"code": "1001", "receipt": {"total": 1.001, "cash": 1, "points": 0}}',
    b'{"code": "1001", "receipt": {"total": NaN, "cash": 1}}',
    b'{"code": "1001", "receipt": {"total": 1e400, "cash": 1}}',
    b'{"code": "1001", "receipt": {"total": -1, "cash": -1}}',
    b'{"code": "1001", "receipt": {"total": true, "cash": 1}}',
    b'{"code": "1001", "receipt": {"total": 1}}',
    b'{"code": 5, "receipt": {"total": 1, "cash": 1}}',
    b'{"code": "1001", "receipt": 7}',
    b'{"receipt": {"total": 1, "cash": 1}}',
)


@pytest.mark.parametrize("body", BAD_BODIES)
async def test_bad_bodies_are_told_and_change_nothing(system: System, body: bytes) -> None:
    async with httpx.AsyncClient(base_url=f"http://{system.json_address}", auth=("s1", KEY)) as client:
        answer = await client.post("/partner/v2/operations", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "badRequest")
