"""The accumulators seen from Python, for tools, tests and the back office's questions.

Decides nothing; every answer is a copy.
"""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint32_t
from libc.string cimport memset

from altyn.core.ledger.accounts cimport AccountSlot
from altyn.core.ledger.accumulators cimport (
    Accumulation, AccumulatorChange, accumulation_of, accumulator_value, accumulators_bytes, accumulators_move, accumulators_move_room,
    accumulators_plan, read_name,
)
from altyn.core.ledger.book cimport Book
from altyn.core.ledger.buckets cimport CLOSED, MERGED, Bucket, account_of, buckets_count, buckets_of, number_of
from altyn.core.ledger.flaws cimport ACCUMULATOR_RANGE, FLAWLESS
from altyn.core.limits cimport ACCUMULATIONS_KEPT_MAX
from altyn.core.text cimport Text

from typing import NamedTuple

from altyn.core.ledger.view import FLAWS, EffectsFlawed

STATES = ("", "COUNTING", "READY", "RESTING", "DROPPED")


class AccumulationView(NamedTuple):
    """What is kept of one accumulation: operations after `from_seq` count by themselves, history is counted up to `counted_seq`."""

    accumulation_no: int
    state: str
    name: str
    from_seq: int
    counted_seq: int
    since_us: int


cdef Text text_of(bytes value):
    return [PyBytes_AS_STRING(value), <int32_t>len(value)]


cdef int plan(Book book, AccumulatorChange* change) except -1:
    if book.plan.flaw == FLAWLESS and not accumulators_plan(&book.accumulators, change):
        book.plan.flaw = ACCUMULATOR_RANGE
    memset(change, 0, sizeof(AccumulatorChange))
    return 0


def apply_accumulators(Book book, int64_t instant_us, *, accumulations=(), stores=(), differences=()):
    """Check and write one operation's changes; EffectsFlawed when they are refused, nothing being changed then.

    accumulations: (number, state, name or "", from_seq, counted_seq). stores: (store_no, store_id). differences: (number, account_id, day,
    store_no, difference), by account.
    """
    cdef AccumulatorChange change
    cdef bytes text
    cdef list texts = []
    memset(&change, 0, sizeof(change))
    book.begin(instant_us)
    for change.number, state, name, change.from_seq, change.counted_seq in accumulations:
        change.state = STATES.index(state)
        text = name.encode()
        texts.append(text)
        if text:
            change.text = text_of(text)
            if not read_name(change.text, &change.made):
                raise ValueError(f"{name} is no name of an accumulation")
        plan(book, &change)
    for change.store_no, store_id in stores:
        text = store_id.encode()
        texts.append(text)
        change.text = text_of(text)
        plan(book, &change)
    for change.number, change.account_id, change.day, change.store_no, change.difference in differences:
        plan(book, &change)
    if book.check() != FLAWLESS:
        raise EffectsFlawed(FLAWS[book.plan.flaw])
    book.write()


def read_accumulations(Book book):
    """[AccumulationView] of all that are kept, by number."""
    cdef const Accumulation* row
    cdef int32_t number
    found = []
    for number in range(1, ACCUMULATIONS_KEPT_MAX + 1 if book.accumulators.rows != NULL else 1):
        row = accumulation_of(&book.accumulators, number)
        if row != NULL:
            found.append(AccumulationView(number, STATES[row.state], row.name.data[:row.name.size].decode(), row.from_seq, row.counted_seq,
                                          row.since_us))
    return found


def read_stores(Book book):
    """Ids of stores, the first has number 1."""
    cdef uint32_t i
    return [book.accumulators.stores[i].data[:book.accumulators.stores[i].size].decode() for i in range(book.accumulators.stores_count)]


def read_buckets(Book book, int64_t account_id):
    """[(number, store_no, day, sum, "" or MERGED or CLOSED)] of an account, in their order."""
    cdef const AccountSlot* account = account_of(&book.accumulators.buckets, account_id)
    cdef const Bucket* bucket
    cdef uint32_t i
    found = []
    for i in range(buckets_count(account) if account != NULL else 0):
        bucket = &buckets_of(&book.accumulators.buckets, account)[i]
        flag = "CLOSED" if bucket.accumulation & CLOSED else "MERGED" if bucket.accumulation & MERGED else ""
        found.append((number_of(bucket), bucket.store_no, bucket.day, bucket.sum, flag))
    return found


def read_value(Book book, int32_t number, int64_t account_id, int64_t day, uint32_t store_no=0):
    """What a receipt of this date and store reads; None: there is no such date."""
    if accumulation_of(&book.accumulators, number) == NULL:
        raise ValueError(f"nothing is kept under number {number}")
    cdef int64_t value = accumulator_value(&book.accumulators, number, account_id, day, store_no)
    return None if value == INT64_MIN else value


def accumulator_sizes(Book book):
    """(buckets, bytes of memory for them)."""
    return book.accumulators.buckets.count, accumulators_bytes(&book.accumulators)


def move_buckets(Book book, int64_t from_account, int64_t to_account):
    """All that one account has becomes another's."""
    if not accumulators_move_room(&book.accumulators, from_account, to_account):
        raise MemoryError
    accumulators_move(&book.accumulators, from_account, to_account)
