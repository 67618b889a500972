"""Accumulators: the numbers of earlier purchases that rules ask for, kept for every account as sums by date.

An accumulation has a number while it is kept; its name says what it measures and does not depend on any release. Changes come as differences
of buckets, in any order, planned, checked and written with the book's plan. What is long over is forgotten account by account, a shard of
the table every 21 seconds of the journal's time, so that the state depends on the records alone. Rules, receipts and windows that are
read are not known here beyond what a name tells.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from altyn.core.ledger.buckets cimport BucketPool
from altyn.core.ledger.key_table cimport KeyTable
from altyn.core.limits cimport ACCUMULATIONS_KEPT_MAX, ACCUMULATOR_CHANGES_MAX
from altyn.core.text cimport Text

cdef enum AccumulationState:
    # altyn.journal.v1.AccumulationState
    NOT_KEPT = 0
    COUNTING = 1
    READY = 2
    RESTING = 3                # ready; no release asks
    DROPPED = 4

cdef enum:
    # A date so long ago that no validity reaches it: of a start whose sales were taken back when nothing after it was kept any more.
    LONG_AGO = -1_000_000_000

cdef struct Accumulation:
    Text name                  # its own memory
    int64_t from_seq           # operations after it are counted by themselves
    int64_t counted_seq        # history is counted up to it
    int64_t since_us           # in this state
    int64_t dropped_slot       # of DROPPED: how far sweeping was
    int64_t needed             # of a date that is looked for: the sum that makes it; 0: none is
    int32_t state              # AccumulationState
    int32_t measure            # words.AccumulationMeasure
    int32_t window             # words.PurchaseWindow
    int32_t days
    bint same_store

cdef struct AccumulatorChange:
    Text text                  # a name or a store's id; in the memory of whoever plans
    int64_t account_id         # 0: of the accumulation, or of a store
    int64_t difference
    int64_t from_seq
    int64_t counted_seq
    int32_t number
    int32_t state
    uint32_t store_no
    int64_t day
    Accumulation made          # of a new accumulation, its name excepted
    char* kept                 # memory for `text`, made by `accumulators_room`

cdef struct Accumulators:
    BucketPool buckets
    Accumulation* rows         # [number], ACCUMULATIONS_KEPT_MAX + 1; NULL: none ever was
    Text* stores               # [store_no - 1], each its own memory
    uint32_t stores_count
    uint32_t stores_max
    KeyTable store_numbers     # digest of a store's id: store_no
    int64_t swept_slot
    int64_t revision           # grows when an accumulation changes its state; no part of the state
    AccumulatorChange* plan
    int32_t plan_count
    int64_t plan_instant_us

# The plan. Answers False: there are too many, or one that is not possible; account ids must not descend. The text must live until the write.
cdef bint accumulators_plan(Accumulators* kept, const AccumulatorChange* change) noexcept nogil
# What a name tells of an accumulation. False: it is none.
cdef bint read_name(Text name, Accumulation* out) except -1
cdef void accumulators_begin(Accumulators* kept, int64_t instant_us) noexcept nogil
cdef bint accumulators_room(Accumulators* kept) noexcept nogil
cdef void accumulators_write(Accumulators* kept) noexcept nogil

# What a decision reads.
cdef inline const Accumulation* accumulation_of(const Accumulators* kept, int32_t number) noexcept nogil:
    """NULL: nothing has this number."""
    if kept.rows == NULL or number < 1 or number > ACCUMULATIONS_KEPT_MAX or kept.rows[number].state == NOT_KEPT:
        return NULL
    return &kept.rows[number]

cdef inline bint is_ready(const Accumulation* row) noexcept nogil:
    return row != NULL and (row.state == READY or row.state == RESTING)

# The value for a receipt of this date and store (0: a store that has no number); INT64_MIN: there is no such date.
cdef int64_t accumulator_value(const Accumulators* kept, int32_t number, int64_t account_id, int64_t day, uint32_t store_no) noexcept nogil
# The first day of the bucket that a receipt of a date goes into.
cdef int64_t bucket_day(const Accumulation* row, int64_t date) noexcept nogil
cdef uint32_t store_number(Accumulators* kept, Text store_id) noexcept nogil
# A number that nothing has; 0: there is none left.
cdef int32_t free_number(const Accumulators* kept) noexcept nogil

# All that one account has becomes another's. Call `_room` before, which answers False without memory.
cdef bint accumulators_move_room(Accumulators* kept, int64_t from_account, int64_t to_account) noexcept nogil
cdef void accumulators_move(Accumulators* kept, int64_t from_account, int64_t to_account) noexcept nogil

cdef void accumulators_free(Accumulators* kept) noexcept nogil
cdef int64_t accumulators_bytes(const Accumulators* kept) noexcept nogil

# For the loader of images.
cdef bint put_row(Accumulators* kept, int32_t number, const Accumulation* row, Text name) noexcept nogil
cdef bint put_store(Accumulators* kept, Text store_id) noexcept nogil
