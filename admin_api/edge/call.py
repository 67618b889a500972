"""One call of the back office while it is answered: its transaction, who asks, what it writes.

Areas get this and nothing else of the edge. Invariants: one transaction, opened and closed by the edge; what is
written is told by ``record`` and lands in the audit log in that transaction; the instant is read once; what belongs to
a store is not shown or changed beyond ``reach``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from altyn.admin_api.edge.audit import Deed, append_deeds
from altyn.admin_api.edge.rights import NETWORK, Person, PersonNeeded, PlaceForeign, Reach
from altyn.admin_api.facts import FeedWriter

REGION = "SELECT region FROM stores WHERE tenant = $1 AND store_id = $2 AND valid_to = 'infinity' AND NOT deleted"


@dataclass(slots=True)
class Call:
    """``actor`` is the key's id, or ``person:`` and the login; ``idempotency_key`` is empty for reads; ``scopes``
    are those that hold in the whole network; ``body`` is the request's as received.
    """

    connection: asyncpg.Connection[Any]
    tenant: str
    actor: str
    scopes: frozenset[str]
    request_id: str
    now: datetime
    body: bytes = b""
    idempotency_key: str = ""
    #: The answer holds a key that is shown once: it is not kept for repetition.
    answer_is_secret: bool = False
    #: The journal's seq of what the processing server did for this call; 0: nothing.
    journal_seq: int = 0
    #: Who is signed in; None: a key asks.
    person: Person | None = None
    #: Where the right that let this call in holds.
    reach: Reach = NETWORK
    #: The handler has asked ``at_store``.
    is_placed: bool = False
    deeds: list[Deed] = field(default_factory=list)
    feed: FeedWriter = field(init=False)

    def __post_init__(self) -> None:
        self.feed = FeedWriter(self.connection, self.tenant)

    def record(self, action: str, object_kind: str, object_id: str, *, before: Any = None, after: Any = None) -> None:
        """Remember a change for the audit log."""
        self.deeds.append(Deed(action, object_kind, object_id, before, after))

    async def at_store(self, store_id: str) -> None:
        """What the call is about belongs to this store. Raises PlaceForeign."""
        self.is_placed = True
        if self.reach.is_network:
            return
        region = await self.connection.fetchval(REGION, self.tenant, store_id)
        if region is None or not self.reach.covers(store_id, region):
            raise PlaceForeign("your roles do not hold in this store", path="store_id")

    def signed_in(self) -> Person:
        """The person who asks. Raises PersonNeeded."""
        if self.person is None:
            raise PersonNeeded("this is for people who are signed in; a key cannot do it")
        return self.person

    async def finish(self) -> None:
        """Write the audit rows; nothing else may follow in the transaction but the stored answer."""
        await append_deeds(
            self.connection, self.tenant, self.deeds, actor=self.actor, request_id=self.request_id, now=self.now
        )
