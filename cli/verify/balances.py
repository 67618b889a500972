"""I6, balance: the lots of the rebuilt book hold what the entries in SQL sum up to, and what the server says now.

By account and asset; the programme's own accounts are compared with the book's totals.

SQL is compared as of the projector's checkpoint, the server as of the seq its answer names.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import grpc

from altyn.cli.verify.pages import Page, Source
from altyn.cli.verify.rebuilt import Rebuilt
from altyn.cli.verify.report import Tally
from altyn.core.engine import Engine
from altyn.core.ledger.view import read_balances, read_lots, read_totals
from altyn.infra.channels import PeerFiles, open_channel
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.ops.v1 import ops_service_pb2_grpc as ops_grpc
from altyn.server.journal_reader import JournalReader

ASSETS_MAX = 256  # asset_no ends before: core/limits.pxd
SAMPLE_MAX = 500
ASKED_AT_ONCE = 16
ANSWER_PATIENCE_S = 5.0
SUMS = """
SELECT account_id, asset_no, sum(points) AS points FROM ledger_entries WHERE seq <= $1 GROUP BY account_id, asset_no
"""

Sums = dict[tuple[int, int], int]


class Door(NamedTuple):
    """Where the server answers the back office, and the key (hex) it wants."""

    address: str
    key: str
    files: PeerFiles | None = None


class Balances:
    """Compares at the checkpoint; `ask_server` is called when the rest is done."""

    def __init__(self, rebuilt: Rebuilt) -> None:
        self.tally = Tally()
        self.remarks: list[str] = []
        self._rebuilt = rebuilt
        self._booked: Sums | None = None
        self._waits = False

    async def take(self, page: Page, source: Source) -> None:
        """Runs before the book takes the page."""
        if not self._waits and source.projected_seq > 0:
            self._waits = True
            self._rebuilt.at(source.projected_seq, self._look)

    async def end(self, source: Source) -> None:
        booked = self._booked
        if booked is None:
            self.remarks.append("entries were not compared: " + (self._rebuilt.broken or "nothing is projected yet"))
            return
        async for row in source.connection.cursor(SUMS, source.projected_seq, prefetch=1000):
            key, points = (row["account_id"], row["asset_no"]), int(row["points"])
            found = booked.pop(key, 0)
            self.tally.checks += 1
            if found != points:
                self.tally.violate(f"{told(key)}: the book holds {found} points, its entries sum up to {points}")
        for key, found in booked.items():
            self.tally.require(found == 0, f"{told(key)}: the book holds {found} points, there are no entries")

    def _look(self, engine: Engine) -> None:
        self._booked = dict(sums_of(engine, self._rebuilt.accounts))

    # THE SERVER'S OWN BALANCES

    async def ask_server(self, door: Door, dsn: str, shard: int) -> None:
        """A sample of accounts, compared at the seqs the answers name; the book follows the journal as far as that."""
        rebuilt = self._rebuilt
        engine = rebuilt.engine
        if engine is None or rebuilt.broken:
            return
        try:
            answers = await ask(door, sample(rebuilt.accounts))
        except grpc.aio.AioRpcError as error:
            self.remarks.append(f"the server at {door.address} was not asked: {error.code().name}")
            return
        later: defaultdict[int, list[Any]] = defaultdict(list)
        for answer in answers:
            later[answer.seq].append(answer)
        for answer in later.pop(engine.last_seq, ()):
            self._compare(engine, answer)
        await self._follow(engine, later, dsn, shard)
        for seq, group in later.items():
            self.tally.require(
                False,
                f"{len(group)} answers of the server name seq {seq}: the journal is not there, or long past it",
            )

    async def _follow(self, engine: Engine, later: dict[int, list[Any]], dsn: str, shard: int) -> None:
        """Apply what the journal has got meanwhile, up to the last seq named; takes out what it compares."""
        last_seq = max(later, default=0)
        if last_seq <= engine.last_seq:
            return
        reader = JournalReader(dsn, shard, name="altyn verify")
        try:
            async for row in reader.read_from(engine.last_seq, self._rebuilt.last_hash):
                self._rebuilt.apply(row.seq, row.body, engine.tenant)
                for answer in later.pop(row.seq, ()):
                    self._compare(engine, answer)
                if row.seq >= last_seq:
                    break
        finally:
            await reader.close()

    def _compare(self, engine: Engine, answer: Any) -> None:
        said = {
            (lot.lot_id, lot.remaining_points)
            for balance in answer.balances
            for lot in balance.lots
            if lot.remaining_points
        }
        lots = {(lot[0], lot[3]) for lot in read_lots(engine.book, answer.account_id) if lot[0] and lot[3]}
        balances = read_balances(engine.book, answer.account_id, engine.last_instant_us).values()
        held, debt = sum(balance[2] for balance in balances), sum(balance[3] for balance in balances)
        said_held = sum(balance.hold_points for balance in answer.balances)
        said_debt = sum(balance.debt_points for balance in answer.balances)
        self.tally.require(
            (said, said_held, said_debt) == (lots, held, debt),
            f"account {answer.account_id}: the server's lots at seq {answer.seq} are not those of the journal",
        )


def sums_of(engine: Engine, accounts: set[int]) -> Iterator[tuple[tuple[int, int], int]]:
    """((account, asset), points) of the book; the programme's accounts too."""
    for account_id in accounts:
        held: defaultdict[int, int] = defaultdict(int)
        for lot in read_lots(engine.book, account_id):
            held[lot[1]] += lot[3]
        for asset_no, points in held.items():
            yield (account_id, asset_no), points
    for asset_no in range(ASSETS_MAX):
        for account, points in read_totals(engine.book, asset_no).items():
            if points:
                yield (-account, asset_no), points


def sample(accounts: set[int]) -> list[int]:
    """At most SAMPLE_MAX of them, spread evenly."""
    every = sorted(accounts)
    return every[:: max(1, -(-len(every) // SAMPLE_MAX))]


async def ask(door: Door, accounts: list[int]) -> list[Any]:
    """GetBalance of each. AioRpcError."""
    gate = asyncio.Semaphore(ASKED_AT_ONCE)
    metadata = (("authorization", f"Bearer {door.key}"),)
    async with open_channel(door.address, door.files) as channel:
        stub: Any = ops_grpc.OpsServiceStub(channel)  # type: ignore[no-untyped-call]

        async def one(account_id: int) -> Any:
            async with gate:
                request = ops.GetBalanceRequest(account_id=account_id)
                return await stub.GetBalance(request, timeout=ANSWER_PATIENCE_S, metadata=metadata)

        return await asyncio.gather(*map(one, accounts))


def told(key: tuple[int, int]) -> str:
    account_id, asset_no = key
    return (
        f"account {account_id}, asset {asset_no}"
        if account_id > 0
        else f"programme account {-account_id}, asset {asset_no}"
    )
