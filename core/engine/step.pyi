from collections import deque

from altyn.core.facts import Facts
from altyn.core.ledger.book import Book
from altyn.core.ledger.operations import Operations
from altyn.core.ledger.replies import Replies

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
    def look(self, clock_us: int) -> None: ...
    def take_ruleset(
        self, image: bytes, document_sha256: bytes, effective_at_us: int, emergency: bool = False
    ) -> None: ...
