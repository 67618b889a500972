"""The book seen from Python, for tools, tests and the back office's questions. The server's calls go from C to C.

Decides nothing; every answer is a copy.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from altyn.core.ledger.accounts cimport AccountSlot, Lot, accounts_find, lot_read
from altyn.core.ledger.book cimport SYSTEM_ACCOUNTS, SYSTEM_CONVERTED, Book, Total
from altyn.core.ledger.balances cimport Balance
from altyn.core.ledger.counters cimport Counter, CounterId, counter_id, counters_bytes
from altyn.core.ledger.coupons cimport Coupon
from altyn.core.ledger.flaws cimport FLAWLESS
from altyn.core.ledger.holds cimport (
    PART_COUNTER, PART_POINTS, Hold, HoldPart, counter_part, coupon_part, points_part,
)
from altyn.core.limits cimport HOLD_PARTS_MAX, LEDGER_ASSETS_MAX
from altyn.core.text cimport Text

FLAWS = (
    "", "TOO_MANY", "ACCOUNT_RANGE", "ASSET_RANGE", "POINTS_RANGE", "TIME_RANGE", "KIND_UNKNOWN", "ENTRY_UNBALANCED",
    "LOT_UNKNOWN", "LOT_TAKEN", "LOT_OVERDRAWN", "LOT_OVERFILLED", "HOLD_UNKNOWN", "HOLD_TAKEN", "HOLD_STATE",
    "COUNTER_RANGE", "COUPON_STATE", "FORWARD_STATE", "ACCUMULATOR_RANGE", "TIER_RANGE",
)

class EffectsFlawed(ValueError):
    """Effects that the book refuses: a wrong engine or a damaged journal. `flaw` is one of FLAWS."""

    def __init__(self, flaw: str) -> None:
        super().__init__(f"effects refused: {flaw}")
        self.flaw = flaw

cdef inline object total_value(const Total* total):
    return (<object>total.high << 64) + total.low

cdef tuple part_view(const HoldPart* part):
    if part.kind == PART_POINTS:
        return part.asset_no, part.points, part.lot_id
    return ("counter" if part.kind == PART_COUNTER else "coupon"), part.points, part.key[:16]

cdef dict hold_view(const Hold* hold):
    return {
        "hold_id": PyBytes_FromStringAndSize(<const char*>hold.hold_id, 16),
        "receipt_key": PyBytes_FromStringAndSize(<const char*>hold.receipt_key, 16),
        "state": hold.state,
        "account_id": hold.account_id,
        "expires_at_us": hold.expires_at_us,
        "parts": [part_view(&hold.parts[i]) for i in range(hold.parts_count)],
    }

def apply_effects(Book book, int64_t instant_us, *, lots=(), entries=(), holds=(), counters=(), coupons=(), closed=(), forward=None):
    """Check and write one operation's effects; EffectsFlawed when they are refused, nothing being changed then.

    lots: (lot_id, account_id, asset_no, points, active_from_us, expires_at_us). entries: (kind, [(account_id, asset_no,
    points, lot_id)]). holds: (hold_id, state, account_id, expires_at_us, receipt_key, [part]), a part being (asset_no, points, lot_id),
    ("counter", amount, key) or ("coupon", 0, code_hash). counters: (key, used), a key being (limit, measure, per, window, subject,
    window_day). coupons: (code_hash, series_no, use, expires_at_us, issued). closed: (account_id, asset_no, lot_id).
    forward: (account_id, to_account_id).
    """
    cdef CounterId id
    cdef Coupon wanted
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
    for key, used in counters:
        id = view_id(key)
        book.count(&id, used, 0)
    for code_hash, series_no, use, expires_at_us, issued in coupons:
        wanted = [expires_at_us, series_no, use, issued, False]
        if len(code_hash) != 16:
            raise ValueError("code_hash has 16 bytes")
        book.coupon_change(<const uint8_t*>PyBytes_AS_STRING(code_hash), &wanted)
    for account_id, asset_no, lot_id in closed:
        book.close_lot(account_id, asset_no, lot_id)
    if forward is not None:
        book.forward(forward[0], forward[1])
    if book.check() != FLAWLESS:
        raise EffectsFlawed(FLAWS[book.plan.flaw])
    book.write()

cdef object plan_hold(Book book, bytes hold_id, int32_t state, int64_t account_id, int64_t expires_at_us,
                       bytes receipt_key, object parts):
    cdef HoldPart laid[HOLD_PARTS_MAX]
    cdef int32_t count = 0
    cdef CounterId id
    if len(hold_id) != 16 or len(receipt_key) not in (0, 16) or len(parts) > HOLD_PARTS_MAX:
        raise ValueError("hold_id and receipt_key are 16 bytes, parts at most 256")
    for asset_no, points, lot_id in parts:
        if asset_no == "coupon":
            laid[count] = coupon_part(<const uint8_t*>PyBytes_AS_STRING(lot_id))
        elif asset_no == "counter":
            id = view_id(lot_id)
            laid[count] = counter_part(&id, points)
        else:
            laid[count] = points_part(points, lot_id, asset_no)
        count += 1
    cdef const uint8_t* key = <const uint8_t*>PyBytes_AS_STRING(receipt_key) if receipt_key else NULL
    book.hold_change(<const uint8_t*>PyBytes_AS_STRING(hold_id), state, account_id, expires_at_us, key, laid, count)

cdef CounterId view_id(tuple key):
    cdef bytes raw = key[0].encode()
    cdef Text limit
    limit.data = PyBytes_AS_STRING(raw)
    limit.size = <int>len(raw)
    return counter_id(limit, key[1], key[2], key[3], key[4], key[5])

def read_memory(Book book):
    """(bytes of accounts, lots, holds and coupons, bytes of counters)."""
    cdef int64_t counters = counters_bytes(&book.counters)
    return book.bytes_used - counters, counters

def read_leads_to(Book book, int64_t account_id):
    """The account that stands for this one: itself unless it was merged."""
    return book.leads_to(account_id)

def read_counter(Book book, tuple key):
    """(used, held) of a counter; the key as for `apply_effects`."""
    cdef CounterId id = view_id(key)
    cdef Counter counter = book.counter(&id)
    return counter.used, counter.held

def read_coupon(Book book, bytes code_hash):
    """(use, series_no, expires_at_us, issued) of a code; of one known by its serial the key is `coupon_codes.serial_key`."""
    if len(code_hash) != 16:
        raise ValueError("code_hash has 16 bytes")
    cdef Coupon coupon = book.coupon(<const uint8_t*>PyBytes_AS_STRING(code_hash))
    return coupon.use, coupon.series_no, coupon.expires_at_us, coupon.issued

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
    cdef Lot lot
    found = []
    if account == NULL:
        return found
    for chain in range(2):
        cell = account.live if chain == 0 else account.empty
        while cell != 0:
            lot_read(&book.lots, cell, account_id, &lot)
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
    """{system account (1 issued, 2 redeemed, 3 expired, 4 adjusted, 5 converted): points} of one asset."""
    if not 0 <= asset_no < LEDGER_ASSETS_MAX:
        raise ValueError(f"asset_no must be from 0 to {LEDGER_ASSETS_MAX - 1}")
    return {
        account + 1: total_value(&book.totals[asset_no * SYSTEM_ACCOUNTS + account])
        for account in range(SYSTEM_CONVERTED)
    }
