from collections import deque

from altyn.core.facts import Facts
from altyn.core.ledger.book import Book
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.replies import Replies
from altyn.core.rules.ruleset import Ruleset

class Releases:
    """What the engine holds for receipts that come late."""

    @property
    def past_count(self) -> int: ...
    @property
    def past_bytes(self) -> int: ...

class Engine:
    """The state of one processing server and the step it makes. See the acts for the calls: reads, receipts,
    accounts, replay.
    """

    facts: Facts
    book: Book
    operations: Operations
    replies: Replies
    last_seq: int
    last_instant_us: int
    tenant: str
    releases: Releases
    owed: deque[bytes]
    def __init__(
        self,
        *,
        tenant: str,
        facts: Facts,
        zone: str,
        token_key: bytes,
        pepper: bytes,
        hold_us: int = ...,
        token_us: int = ...,
    ) -> None: ...
    @property
    def rules_version(self) -> int: ...
    @property
    def rules_sha256(self) -> str: ...
    @property
    def promotions_count(self) -> int: ...
    def restore(self, book: Book, operations: Operations, seq: int, instant_us: int) -> None: ...
    def take_counting(self, ruleset: Ruleset) -> None: ...
    def look(self, clock_us: int) -> None: ...
    def take_ruleset(
        self,
        ruleset: Ruleset,
        document_sha256: bytes,
        effective_at_us: int,
        emergency: bool = False,
        follows: int | None = None,
    ) -> None: ...
    def take_past_ruleset(
        self, ruleset: Ruleset | None, document_sha256: bytes, begin_us: int, end_us: int
    ) -> None: ...
    def take_release(self, version: int, ruleset: Ruleset | None, document_sha256: bytes) -> None: ...
