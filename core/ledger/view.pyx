"""The book seen from Python, for tools, tests and the back office's questions. The server's calls go from C to C.

Decides nothing; every answer is a copy.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from altyn.core.ledger.accounts cimport AccountSlot, Lot, accounts_find, lot_at
from altyn.core.ledger.book cimport FLAWLESS, SYSTEM_ACCOUNTS, Balance, Book, Total
from altyn.core.ledger.holds cimport Hold, HoldPart
from altyn.core.limits cimport HOLD_PARTS_MAX, LEDGER_ASSETS_MAX

FLAWS = (
    "", "TOO_MANY", "ACCOUNT_RANGE", "ASSET_RANGE", "POINTS_RANGE", "TIME_RANGE", "KIND_UNKNOWN", "ENTRY_UNBALANCED",
    "LOT_UNKNOWN", "LOT_TAKEN", "LOT_OVERDRAWN", "LOT_OVERFILLED", "HOLD_UNKNOWN", "HOLD_TAKEN", "HOLD_STATE",
)

class EffectsFlawed(ValueError):
    """Effects that the book refuses: a wrong engine or a damaged journal. `flaw` is one of FLAWS."""

    def __init__(self, flaw: str) -> None:
        super().__init__(f"effects refused: {flaw}")
        self.flaw = flaw

cdef inline object total_value(const Total* total):
    return (<object>total.high << 64) + total.low

cdef dict hold_view(const Hold* hold):
    return {
        "hold_id": PyBytes_FromStringAndSize(<const char*>hold.hold_id, 16),
        "receipt_key": PyBytes_FromStringAndSize(<const char*>hold.receipt_key, 16),
        "state": hold.state,
        "account_id": hold.account_id,
        "expires_at_us": hold.expires_at_us,
        "parts": [(hold.parts[i].asset_no, hold.parts[i].points, hold.parts[i].lot_id) for i in range(hold.parts_count)],
    }

def apply_effects(Book book, int64_t instant_us, *, lots=(), entries=(), holds=()):
    """Check and write one operation's effects; EffectsFlawed when they are refused, nothing being changed then.

    lots: (lot_id, account_id, asset_no, points, active_from_us, expires_at_us). entries: (kind, [(account_id, asset_no,
    points, lot_id)]). holds: (hold_id, state, account_id, expires_at_us, receipt_key, [(asset_no, points, lot_id)]).
    """
    book.begin(instant_us)
    for lot_id, account_id, asset_no, points, active_from_us, expires_at_us in lots:
        book.open_lot(lot_id, account_id, asset_no, points, active_from_us, expires_at_us)
    for kind, postings in entries:
        book.begin_entry(kind)
        for account_id, asset_no, points, lot_id in postings:
            book.post(account_id, asset_no, points, lot_id)
        book.end_entry()
    for hold_id, state, account_id, expires_at_us, receipt_key, parts in holds:
        plan_hold(book, hold_id, state, account_id, expires_at_us, receipt_key, parts)
    if book.check() != FLAWLESS:
        raise EffectsFlawed(FLAWS[book.plan.flaw])
    book.write()

cdef object plan_hold(Book book, bytes hold_id, int32_t state, int64_t account_id, int64_t expires_at_us,
                       bytes receipt_key, object parts):
    cdef HoldPart laid[HOLD_PARTS_MAX]
    cdef int32_t count = 0
    if len(hold_id) != 16 or len(receipt_key) not in (0, 16) or len(parts) > HOLD_PARTS_MAX:
        raise ValueError("hold_id and receipt_key are 16 bytes, parts at most 256")
    for asset_no, points, lot_id in parts:
        laid[count] = [points, lot_id, asset_no]
        count += 1
    cdef const uint8_t* key = <const uint8_t*>PyBytes_AS_STRING(receipt_key) if receipt_key else NULL
    book.hold_change(<const uint8_t*>PyBytes_AS_STRING(hold_id), state, account_id, expires_at_us, key, laid, count)

def read_balances(Book book, int64_t account_id, int64_t instant_us):
    """{asset_no: (active, pending, held, debt)} in points."""
    cdef Balance found[LEDGER_ASSETS_MAX]
    cdef int count = book.balances(account_id, instant_us, found, LEDGER_ASSETS_MAX)
    return {
        found[i].asset_no: (
            found[i].active_points, found[i].pending_points, found[i].held_points, found[i].debt_points
        )
        for i in range(count)
    }

def read_lots(Book book, int64_t account_id):
    """[(lot_id, asset_no, initial, remaining, held, active_from_us, expires_at_us)]: live in order of use, then empty."""
    cdef AccountSlot* account = accounts_find(book.shards, account_id)
    cdef uint32_t cell
    cdef const Lot* lot
    found = []
    if account == NULL:
        return found
    for chain in range(2):
        cell = account.live if chain == 0 else account.empty
        while cell != 0:
            lot = lot_at(&book.lots, cell)
            cell = lot.next
            found.append((lot.lot_id, lot.asset_no, lot.initial_points, lot.remaining_points, lot.held_points,
                          lot.active_from_us, lot.expires_at_us))
    return found

def read_pick(Book book, int64_t account_id, int32_t asset_no, int64_t points, int64_t instant_us):
    """[(asset_no, points, lot_id)] that a redemption of so many points would use."""
    cdef HoldPart out[HOLD_PARTS_MAX]
    cdef int count = book.pick(account_id, asset_no, points, instant_us, out, HOLD_PARTS_MAX)
    return [(out[i].asset_no, out[i].points, out[i].lot_id) for i in range(count)]

def read_hold(Book book, bytes hold_id):
    """The hold as a dict, or None."""
    if len(hold_id) != 16:
        raise ValueError("hold_id must be 16 bytes")
    cdef const Hold* hold = book.hold(<const uint8_t*>PyBytes_AS_STRING(hold_id))
    return None if hold == NULL else hold_view(hold)

def read_due_hold(Book book, int64_t instant_us):
    """The pending hold that has been due longest, as a dict, or None."""
    cdef const Hold* hold = book.due_hold(instant_us)
    return None if hold == NULL else hold_view(hold)

def read_due_lots(Book book, uint32_t cursor, int64_t instant_us, int scanned_max):
    """(next cursor, [(account_id, asset_no, free points, lot_id)]) of lots to be expired."""
    cdef const Lot* out[256]
    cdef int count = book.due_lots(&cursor, instant_us, scanned_max, out, 256)
    return cursor, [
        (out[i].account_id, out[i].asset_no, out[i].remaining_points - out[i].held_points, out[i].lot_id)
        for i in range(count)
    ]

def read_totals(Book book, int32_t asset_no):
    """{system account (1 issued, 2 redeemed, 3 expired, 4 adjusted): points} of one asset."""
    if not 0 <= asset_no < LEDGER_ASSETS_MAX:
        raise ValueError(f"asset_no must be from 0 to {LEDGER_ASSETS_MAX - 1}")
    return {
        account + 1: total_value(&book.totals[asset_no * SYSTEM_ACCOUNTS + account])
        for account in range(SYSTEM_ACCOUNTS)
    }
