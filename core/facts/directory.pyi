"""The directory: who a card or a phone is. Only keyed hashes and opaque ids."""

from typing import NamedTuple

from altyn.core.facts.copy import CopyRows

CARD_ABSENT: int
CARD_NEW: int
CARD_ACTIVE: int
CARD_BLOCKED: int
CARD_CLOSED: int
CARD_FINISHED: int
SEGMENTS_MAX: int
PHONE_NOT_UNIQUE: int

class CardFact(NamedTuple):
    """`number_hash`: 16 bytes or more of the keyed hash. `customer_id` 0: anonymous. `state`: CARD_NEW and further.
    `virtual`: known by its tokens, which name `card_id`.
    """

    number_hash: bytes
    card_id: int
    account_id: int
    customer_id: int
    card_type: str
    state: int
    last4: str
    virtual: bool = False

class CustomerFact(NamedTuple):
    """`phone_hash`: at least 16 bytes of the keyed hash, or empty. `birthday_mmdd`: month × 100 + day, 0 for not known.
    `favourites`: at most 32 categories."""

    customer_id: int
    account_id: int
    phone_hash: bytes = b""
    birthday_mmdd: int = 0
    favourites: tuple[str, ...] = ()

class Directory:
    memberships_left_out: int
    favourites_left_out: int
    allocated_bytes: int
    def __init__(self) -> None: ...
    @property
    def cards_count(self) -> int: ...
    @property
    def customers_count(self) -> int: ...
    def upsert_card(self, card: CardFact) -> None: ...
    def remove_card(self, number_hash: bytes) -> bool: ...
    def card(self, number_hash: bytes) -> CardFact | None:
        """Of the number's hash only the 16 bytes kept come back."""
    def upsert_customer(self, customer: CustomerFact) -> None: ...
    def remove_customer(self, customer_id: int) -> bool: ...
    def customer(self, customer_id: int) -> CustomerFact | None: ...
    def customer_by_phone(self, phone_hash: bytes) -> int:
        """customer_id; 0: unknown; PHONE_NOT_UNIQUE: several."""
    def add_segment(self, customer_id: int, segment: str) -> None: ...
    def remove_segment(self, customer_id: int, segment: str) -> None: ...
    def segments(self, customer_id: int) -> list[str]:
        """In ascending order of their bytes."""
    def load_cards(self, rows: CopyRows, rows_max: int) -> int:
        """Apply at most `rows_max` rows and return how many; fewer means: append the next chunk, or the end.

        Columns: number_hash bytea, card_id int8, account_id int8, customer_id int8 or null, card_type text, state int2,
        last4 text, deleted bool, virtual bool. ValueError when a row is not of this shape.
        """
    def load_customers(self, rows: CopyRows, rows_max: int) -> int:
        """As load_cards. Columns: customer_id int8, account_id int8, phone_hash bytea or null, deleted bool,
        birthday_mmdd int2, favourites text (one a line)."""
    def load_segments(self, rows: CopyRows, rows_max: int) -> int:
        """As load_cards. Columns: customer_id int8, segment text, deleted bool."""
