"""A real processing server on real stores: one process, a fresh database, a few facts, one release."""

from __future__ import annotations

import hashlib
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import asyncpg
import grpc
import grpc.aio

from altyn.core.engine.identity import card_hash
from altyn.core.rules.definition import canonical_json, load_documents
from altyn.infra.migrate import load_migrations, migrate
from altyn.infra.processes import Child, start_children, stop_process
from altyn.infra.settings import Settings
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2

TENANT = "demo"
KEY = "register-key-1"
OTHER_KEY = "register-key-2"
PEPPER = "70" * 32
OPS_KEY = "6f" * 32
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RULES = """
promotion: bakery
stage: item
when: {store: {region: msk}}
reward:
  - percent: {rate: 10, of: {category: bread}}
---
promotion: base-points
reward:
  - points: {asset: bonus, percent: 1, expires: {days: 30}}
"""


async def prepare(dsn: str) -> None:
    """Schema and facts: one tenant, one store, two registers, two products, twenty cards."""
    connection = await asyncpg.connect(dsn)
    await migrate(connection, load_migrations(resources.files("altyn.migrations")))
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO tenants (tenant, title, zone) VALUES ($1, 'Demo', 'Europe/Moscow')", TENANT
        )
        version, at = await connection.fetchrow("SELECT version, changed_at FROM next_feed_version($1)", TENANT)
        stamp = (TENANT, version, at)
        await connection.execute(
            "INSERT INTO stores (tenant, version, valid_from, store_id, zone, region)"
            " VALUES ($1, $2, $3, 's1', 'Europe/Moscow', 'msk')",
            *stamp,
        )
        for register_id, key in (("r1", KEY), ("r2", OTHER_KEY)):
            await connection.execute(
                "INSERT INTO registers (tenant, version, valid_from, store_id, register_id)"
                " VALUES ($1, $2, $3, 's1', $4)",
                *stamp,
                register_id,
            )
            await connection.execute(
                "INSERT INTO register_credentials (tenant, version, valid_from, key_hash, store_id, register_id)"
                " VALUES ($1, $2, $3, $4, 's1', $5)",
                *stamp,
                hashlib.sha256(key.encode()).digest(),
                register_id,
            )
        for sku, group in (("loaf", "bread"), ("milk", "dairy")):
            await connection.execute(
                "INSERT INTO products (tenant, version, valid_from, sku, group_id) VALUES ($1, $2, $3, $4, $5)",
                *stamp,
                sku,
                group,
            )
        await connection.execute(
            "INSERT INTO assets (tenant, version, valid_from, asset, asset_no) VALUES ($1, $2, $3, 'bonus', 1)", *stamp
        )
        for number in range(1001, 1021):
            await connection.execute(
                "INSERT INTO cards (tenant, version, valid_from, card_id, number_hash, last4, state, account_id)"
                " VALUES ($1, $2, $3, $4, $5, $6, 'ACTIVE', $4)",
                *stamp,
                number,
                card_hash(bytes.fromhex(PEPPER), str(number)),
                str(number),
            )
    await publish(connection, RULES)
    await connection.close()


async def publish(
    connection: asyncpg.Connection, text: str, *, effective_at: datetime = EPOCH, emergency: bool = False
) -> int:
    """A release as the back office makes it. Its version."""
    document = canonical_json(load_documents(text))
    async with connection.transaction():
        await connection.fetchrow("SELECT * FROM next_feed_version($1)", TENANT)
        version: int = await connection.fetchval(
            "SELECT coalesce(max(version), 0) + 1 FROM rules_release WHERE tenant = $1", TENANT
        )
        await connection.execute(
            "INSERT INTO rules_release (tenant, version, sha256, document, effective_at, emergency, published_by)"
            " VALUES ($1, $2, $3, $4, $5, $6, 'test')",
            TENANT,
            version,
            hashlib.sha256(document).digest(),
            document,
            effective_at,
            emergency,
        )
    return version


@dataclass
class System:
    """One server process that can be killed and started again."""

    dsn: str
    redis_url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    child: Child | None = None
    grpc_address: str = ""
    ops_address: str = ""

    def settings(self) -> Settings:
        return Settings(
            var=self.folder,
            postgres_dsn=self.dsn,
            redis_url=self.redis_url,
            grpc_listen="127.0.0.1:0",
            ops_listen="127.0.0.1:0",
            tenant_id=TENANT,
            pepper=PEPPER,
            ops_key=OPS_KEY,
        )

    def start(self) -> None:
        self.child = Child(
            "server",
            [sys.executable, "-m", "altyn.server"],
            log=self.folder / "server.log",
            environment=self.settings().environment() | self.environment,
        )
        ready = start_children([self.child], 60.0)["server"]
        self.grpc_address, self.ops_address = ready["grpc"], ready["ops"]

    def kill(self) -> None:
        """As a power cut would."""
        assert self.child is not None
        self.child.process.send_signal(signal.SIGKILL)
        self.child.process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        assert self.child is not None
        return stop_process(self.child.process, [(signal.SIGTERM, 20.0)])

    def call(
        self, channel: grpc.aio.Channel, name: str, request: object, key: str = KEY, timeout_s: float = 10.0
    ) -> object:
        """A unary call of PosService by name, with a register's key."""
        method = channel.unary_unary(
            f"/altyn.pos.v1.PosService/{name}",
            request_serializer=lambda message: message if isinstance(message, bytes) else message.SerializeToString(),
            response_deserializer=getattr(pos, f"{name}Response").FromString,
        )
        return method(request, metadata=(("authorization", f"Bearer {key}"),), timeout=timeout_s)

    def ask(self, channel: grpc.aio.Channel, name: str, request: object, key: str = OPS_KEY) -> object:
        """A unary call of OpsService."""
        method = channel.unary_unary(
            f"/altyn.ops.v1.OpsService/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=getattr(ops, f"{name}Response").FromString,
        )
        return method(request, metadata=(("authorization", f"Bearer {key}"),), timeout=10.0)


def basket(number: int, card: str = "1001", register_id: str = "r1") -> receipt_pb2.Receipt:
    """Bread 50.00 and milk 100.00: 5.00 off the bread, 1.45 points."""
    made = receipt_pb2.Receipt(
        store_id="s1",
        register_id=register_id,
        shift_number=1,
        receipt_number=number,
        currency="RUB",
        exponent=2,
        local_time_us=time.time_ns() // 1000,
        lines=[
            receipt_pb2.ReceiptLine(
                line_no=1, sku="loaf", qty_milli=1000, unit=receipt_pb2.UNIT_PIECE, price_minor=5000
            ),
            receipt_pb2.ReceiptLine(
                line_no=2, sku="milk", qty_milli=1000, unit=receipt_pb2.UNIT_PIECE, price_minor=10000
            ),
        ],
    )
    if card:
        made.identity.kind = receipt_pb2.TOKEN_KIND_CARD
        made.identity.value = card
    return made
