"""Body of the accumulators: the register of accumulations and stores, the plan, sums for a window, forgetting.

Nothing raises but `read_name`, which asks Python's own reader. Sums stop at their bounds instead of overflowing. The days of an account whose
value is a date are settled 40 days after them: what came before that date becomes one bucket, and once the date is found nothing after
it is kept (docs/decisions/0035).
"""
import json

from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from altyn.core.calendar cimport day_us, floor_div
from altyn.core.ledger.accounts cimport ACCOUNT_SHARDS, AccountShard, AccountSlot, accounts_find
from altyn.core.ledger.blocks cimport block_owner
from altyn.core.ledger.buckets cimport (
    CLOSED, DAY_MAX, MERGED, Bucket, account_of, bucket_place, bucket_put, buckets_bytes, buckets_count, buckets_drop, buckets_fit,
    buckets_free, buckets_of, buckets_reserve, number_of,
)
from altyn.core.ledger.counters cimport window_first_day
from altyn.core.ledger.key_table cimport KeySlot, keys_find, keys_free, keys_put, keys_reserve, keys_start, slot_value
from altyn.core.siphash cimport Digest, SipKey, SipState, sip_end, sip_start, sip_take
from altyn.core.text cimport Text

from altyn.core.rules.words import AccumulationMeasure, PurchaseWindow

cdef enum:
    KEPT_DAYS = 40             # no receipt is accepted later (semantics §6.11.27)
    SWEEPS_PER_WRITE = 8
    STORES_MAX = 1_000_000
    # words.PurchaseWindow
    WINDOW_DAYS = 1
    WINDOW_ALWAYS = 5

cdef inline int64_t slot_us() noexcept nogil:
    """A day by the shards of the table of accounts: each is swept once a day."""
    return day_us() // ACCOUNT_SHARDS

cdef inline int64_t sum_limit() noexcept nogil:
    return 2_000_000_000_000_000_000

cdef inline int64_t bounded(int64_t sum) noexcept nogil:
    return min(max(sum, -sum_limit()), sum_limit())


# THE REGISTER

cdef bint read_name(Text name, Accumulation* out) except -1:
    memset(out, 0, sizeof(Accumulation))
    try:
        told = json.loads(name.data[:name.size])
        measure = AccumulationMeasure[told["measure"]]
        window = told.get("window", "always")
        out.measure = measure
        out.window = PurchaseWindow.DAYS if isinstance(window, dict) else PurchaseWindow[window.upper()]
        out.days = int(window["days"]) if isinstance(window, dict) else 0
        out.same_store = told.get("at") == "same_store"
        if measure is AccumulationMeasure.REACHED:
            out.needed = told["sum_minor"]
        elif measure is AccumulationMeasure.FIRST_USE:
            out.needed = 1
    except (KeyError, TypeError, ValueError):
        return False
    return True


cdef Digest store_digest(Text store_id) noexcept nogil:
    """Ids of stores are the back office's own: the key is no secret."""
    cdef SipKey key = [0x616C74796E2E7374, 0x6F72652E6E756D62]
    cdef SipState state
    sip_start(&state, key)
    sip_take(&state, <const uint8_t*>store_id.data, <uint64_t>store_id.size)
    return sip_end(&state)


cdef uint32_t store_number(Accumulators* kept, Text store_id) noexcept nogil:
    """0: the store has none."""
    cdef Digest digest
    cdef KeySlot* slot
    if kept.stores_count == 0:
        return 0
    digest = store_digest(store_id)
    slot = keys_find(&kept.store_numbers, <const uint8_t*>&digest)
    return <uint32_t>slot_value(slot) if slot != NULL else 0


cdef int32_t free_number(const Accumulators* kept) noexcept nogil:
    cdef int32_t number
    for number in range(1, ACCUMULATIONS_KEPT_MAX + 1):
        if kept.rows == NULL or kept.rows[number].state == NOT_KEPT:
            return number
    return 0


cdef char* copied(Text text) noexcept nogil:
    cdef char* copy = <char*>malloc(<size_t>text.size + 1)
    if copy != NULL:
        memcpy(copy, text.data, <size_t>text.size)
    return copy


cdef bint rows_start(Accumulators* kept) noexcept nogil:
    if kept.rows == NULL:
        kept.rows = <Accumulation*>calloc(ACCUMULATIONS_KEPT_MAX + 1, sizeof(Accumulation))
    return kept.rows != NULL


cdef bint stores_room(Accumulators* kept, uint32_t extra) noexcept nogil:
    cdef uint32_t wanted = kept.stores_max
    cdef Text* grown
    while wanted < kept.stores_count + extra:
        wanted = wanted * 2 + 16
    if wanted == kept.stores_max:
        return True
    if kept.stores_max == 0:
        keys_start(&kept.store_numbers, 0)
    grown = <Text*>realloc(kept.stores, wanted * sizeof(Text))
    if grown == NULL:
        return False
    kept.stores = grown
    kept.stores_max = wanted
    return True


cdef bint put_row(Accumulators* kept, int32_t number, const Accumulation* row, Text name) noexcept nogil:
    cdef char* copy = copied(name)
    if copy == NULL or not rows_start(kept):
        free(copy)
        return False
    kept.rows[number] = row[0]
    kept.rows[number].name = [copy, name.size]
    kept.revision += 1
    return True


cdef bint put_store(Accumulators* kept, Text store_id) noexcept nogil:
    cdef Digest digest = store_digest(store_id)
    cdef char* copy = copied(store_id)
    if copy == NULL or not stores_room(kept, 1) or not keys_put(&kept.store_numbers, <const uint8_t*>&digest, 0, kept.stores_count + 1):
        free(copy)
        return False
    kept.stores[kept.stores_count] = [copy, store_id.size]
    kept.stores_count += 1
    return True


cdef void accumulators_free(Accumulators* kept) noexcept nogil:
    cdef int32_t i
    accumulators_begin(kept, 0)
    for i in range(ACCUMULATIONS_KEPT_MAX + 1 if kept.rows != NULL else 0):
        free(<char*>kept.rows[i].name.data)
    for i in range(<int32_t>kept.stores_count):
        free(<char*>kept.stores[i].data)
    free(kept.rows)
    free(kept.stores)
    free(kept.plan)
    keys_free(&kept.store_numbers)
    buckets_free(&kept.buckets)
    memset(kept, 0, sizeof(Accumulators))


cdef int64_t accumulators_bytes(const Accumulators* kept) noexcept nogil:
    """Of the buckets; the register, which does not grow with customers, is left out."""
    return buckets_bytes(&kept.buckets)


# PLAN

cdef void accumulators_begin(Accumulators* kept, int64_t instant_us) noexcept nogil:
    """An unwritten plan is dropped."""
    cdef int32_t i
    for i in range(kept.plan_count):
        free(kept.plan[i].kept)
    kept.plan_count = 0
    kept.plan_instant_us = instant_us


cdef bint is_over(const Accumulation* row, int64_t day, int64_t today) noexcept nogil:
    """Nothing that is still accepted can ask for the bucket."""
    cdef int64_t longest
    if row.needed != 0 or row.window == WINDOW_ALWAYS:
        return False
    if row.window == WINDOW_DAYS:
        longest = row.days
    else:
        longest = 7 if row.window == 2 else 31 if row.window == 3 else 366
    return day + longest + KEPT_DAYS < today


cdef bint may_become(const Accumulators* kept, const AccumulatorChange* change) noexcept nogil:
    cdef const Accumulation* row = accumulation_of(kept, change.number)
    if change.state == COUNTING and change.text.size > 0:
        return row == NULL and change.number >= 1 and change.number <= ACCUMULATIONS_KEPT_MAX and change.from_seq >= 0
    if row == NULL or row.state == DROPPED:
        return False
    if change.state == COUNTING:
        return row.state == COUNTING and change.counted_seq >= row.counted_seq
    if change.state == READY:
        return row.state == COUNTING or row.state == RESTING
    return row.state == (READY if change.state == RESTING else RESTING) and (change.state == RESTING or change.state == DROPPED)


cdef bint accumulators_plan(Accumulators* kept, const AccumulatorChange* change) noexcept nogil:
    cdef const Accumulation* row
    cdef AccumulatorChange* last = &kept.plan[kept.plan_count - 1] if kept.plan_count > 0 else NULL
    if kept.plan == NULL:
        kept.plan = <AccumulatorChange*>calloc(ACCUMULATOR_CHANGES_MAX, sizeof(AccumulatorChange))
    if kept.plan == NULL or kept.plan_count == ACCUMULATOR_CHANGES_MAX:
        return False
    if change.account_id > 0:
        row = accumulation_of(kept, change.number)
        if row == NULL or row.state == DROPPED or change.day < 0 or change.day > DAY_MAX or change.state != NOT_KEPT:
            return False
        if (change.store_no != 0) != row.same_store or change.store_no > kept.stores_count + <uint32_t>kept.plan_count:
            return False
        if (last != NULL and last.account_id > change.account_id) or change.difference > sum_limit() or change.difference < -sum_limit():
            return False
        if is_over(row, change.day, kept.plan_instant_us // day_us()):
            return True
    elif last != NULL and last.account_id > 0:
        return False
    elif change.state != NOT_KEPT:
        if not may_become(kept, change):
            return False
    elif change.text.size <= 0 or change.store_no > STORES_MAX or store_number(kept, change.text) != 0:
        return False
    elif change.store_no != (last.store_no if last != NULL and last.state == NOT_KEPT else kept.stores_count) + 1:
        return False
    kept.plan[kept.plan_count] = change[0]
    kept.plan[kept.plan_count].kept = NULL
    kept.plan_count += 1
    return True


cdef bint has_bucket(const Accumulators* kept, const AccumulatorChange* change) noexcept nogil:
    cdef const AccountSlot* account = account_of(&kept.buckets, change.account_id)
    cdef const Bucket* buckets
    cdef uint32_t place, count
    if account == NULL:
        return False
    buckets = buckets_of(&kept.buckets, account)
    count = buckets_count(account)
    place = bucket_place(buckets, count, change.number, change.store_no, change.day)
    return (place < count and number_of(&buckets[place]) == change.number and buckets[place].store_no == change.store_no
            and buckets[place].day == change.day)


cdef bint accumulators_room(Accumulators* kept) noexcept nogil:
    """All memory that the write will need."""
    cdef AccumulatorChange* change
    cdef uint32_t missing = 0, stores = 0
    cdef int32_t i
    for i in range(kept.plan_count):
        change = &kept.plan[i]
        if change.text.size > 0 and change.kept == NULL:
            change.kept = copied(change.text)
            if change.kept == NULL:
                return False
        if change.account_id > 0:
            missing += not has_bucket(kept, change)
            if i + 1 == kept.plan_count or kept.plan[i + 1].account_id != change.account_id:
                if not buckets_reserve(&kept.buckets, change.account_id, missing):
                    return False
                missing = 0
        elif change.state == NOT_KEPT:
            stores += 1
            if not room_for_store(kept, change.text, stores):
                return False
        elif not rows_start(kept):
            return False
    return True


cdef bint room_for_store(Accumulators* kept, Text store_id, uint32_t extra) noexcept nogil:
    cdef Digest digest = store_digest(store_id)
    return stores_room(kept, extra) and keys_reserve(&kept.store_numbers, <const uint8_t*>&digest, extra)


# WRITE

cdef void accumulators_write(Accumulators* kept) noexcept nogil:
    cdef AccumulatorChange* change
    cdef Digest digest
    cdef int32_t i
    for i in range(kept.plan_count):
        change = &kept.plan[i]
        if change.account_id > 0:
            add(kept, change)
            if i + 1 == kept.plan_count or kept.plan[i + 1].account_id != change.account_id:
                buckets_fit(&kept.buckets, block_owner(&kept.buckets.blocks, change.account_id))
        elif change.state != NOT_KEPT:
            become(kept, change)
        else:
            digest = store_digest(change.text)
            keys_put(&kept.store_numbers, <const uint8_t*>&digest, 0, change.store_no)
            kept.stores[kept.stores_count] = [change.kept, change.text.size]
            kept.stores_count += 1
            change.kept = NULL
    if kept.rows != NULL:
        sweep(kept, kept.plan_instant_us // slot_us())
    accumulators_begin(kept, kept.plan_instant_us)


cdef void become(Accumulators* kept, AccumulatorChange* change) noexcept nogil:
    cdef Accumulation* row = &kept.rows[change.number]
    if kept.swept_slot == 0:
        kept.swept_slot = kept.plan_instant_us // slot_us()
    if change.kept != NULL:
        row[0] = change.made
        row.name = [change.kept, change.text.size]
        row.from_seq = change.from_seq
        change.kept = NULL
    elif change.state == COUNTING:
        row.counted_seq = change.counted_seq
        return
    row.state = change.state
    row.since_us = kept.plan_instant_us
    if change.state == DROPPED:
        row.dropped_slot = kept.swept_slot
    kept.revision += 1


cdef void add(Accumulators* kept, const AccumulatorChange* change) noexcept nogil:
    """Add to the bucket; the one of a date that is settled takes what came before it, and closed nothing after it."""
    cdef AccountSlot* account = accounts_find(kept.buckets.blocks.shards, change.account_id)
    cdef Bucket* buckets = buckets_of(&kept.buckets, account)
    cdef Bucket made
    cdef uint32_t count = buckets_count(account)
    cdef uint32_t place = bucket_place(buckets, count, change.number, change.store_no, 0)
    cdef int64_t day = change.day
    if place < count and is_of(&buckets[place], change.number, change.store_no) and buckets[place].accumulation & MERGED:
        if day > buckets[place].day and buckets[place].accumulation & CLOSED:
            return
        day = max(day, <int64_t>buckets[place].day)
    place = bucket_place(buckets, count, change.number, change.store_no, day)
    if place < count and is_of(&buckets[place], change.number, change.store_no) and buckets[place].day == day:
        buckets[place].sum = bounded(buckets[place].sum + change.difference)
        if buckets[place].sum == 0 and not buckets[place].accumulation & MERGED:
            buckets_drop(&kept.buckets, account, place, place + 1)
    elif change.difference != 0:
        made.sum = change.difference
        made.store_no = change.store_no
        made.accumulation = <uint16_t>change.number
        made.day = <uint16_t>day
        bucket_put(&kept.buckets, account, place, &made)


cdef inline bint is_of(const Bucket* bucket, int32_t number, uint32_t store_no) noexcept nogil:
    return number_of(bucket) == number and bucket.store_no == store_no


# FORGET

cdef void sweep(Accumulators* kept, int64_t slot) noexcept nogil:
    """Sweep the shards whose turn has come since, a few at a time."""
    cdef AccountShard* shard
    cdef uint32_t i
    cdef int turns = 0
    kept.swept_slot = max(kept.swept_slot, slot - ACCOUNT_SHARDS)
    while kept.swept_slot < slot and turns < SWEEPS_PER_WRITE:
        kept.swept_slot += 1
        turns += 1
        if kept.swept_slot % ACCOUNT_SHARDS == 0:
            free_numbers(kept)
        if kept.buckets.blocks.shards == NULL:
            continue
        shard = &kept.buckets.blocks.shards[kept.swept_slot % ACCOUNT_SHARDS]
        for i in range(shard.capacity):
            if buckets_count(&shard.slots[i]) > 0:
                sweep_account(kept, &shard.slots[i], kept.swept_slot // ACCOUNT_SHARDS)


cdef void free_numbers(Accumulators* kept) noexcept nogil:
    """Of dropped accumulations, once every account has been swept since."""
    cdef int32_t number
    for number in range(1, ACCUMULATIONS_KEPT_MAX + 1):
        if kept.rows[number].state == DROPPED and kept.swept_slot > kept.rows[number].dropped_slot + ACCOUNT_SHARDS:
            free(<char*>kept.rows[number].name.data)
            memset(&kept.rows[number], 0, sizeof(Accumulation))


cdef void sweep_account(Accumulators* kept, AccountSlot* account, int64_t today) noexcept nogil:
    """From the last bucket to the first, so that what is forgotten moves none that is still to come."""
    cdef Bucket* buckets
    cdef const Accumulation* row
    cdef uint32_t end = buckets_count(account), begin
    while end > 0:
        buckets = buckets_of(&kept.buckets, account)
        row = &kept.rows[number_of(&buckets[end - 1])]
        begin = end - 1
        while begin > 0 and is_of(&buckets[begin - 1], number_of(&buckets[end - 1]), buckets[end - 1].store_no):
            begin -= 1
        if row.state == DROPPED:
            buckets_drop(&kept.buckets, account, begin, end)
        elif row.needed != 0:
            if row.state != COUNTING:
                settle(kept, account, begin, end, row.needed, today - KEPT_DAYS)
        else:
            forget(kept, account, begin, end, row, today)
        end = begin
    buckets_fit(&kept.buckets, account)


cdef void forget(Accumulators* kept, AccountSlot* account, uint32_t begin, uint32_t end, const Accumulation* row, int64_t today) noexcept nogil:
    cdef const Bucket* buckets = buckets_of(&kept.buckets, account)
    cdef uint32_t place = begin
    while place < end and is_over(row, buckets[place].day, today):
        place += 1
    if place > begin:
        buckets_drop(&kept.buckets, account, begin, place)


cdef void settle(Accumulators* kept, AccountSlot* account, uint32_t begin, uint32_t end, int64_t needed, int64_t horizon) noexcept nogil:
    """Up to the horizon nothing can come any more: those days become one, and with the date found among them nothing after it is needed."""
    cdef Bucket* buckets = buckets_of(&kept.buckets, account)
    cdef int64_t sum = 0
    cdef uint32_t place = begin
    cdef bint found = False
    if buckets[begin].accumulation & CLOSED:
        return
    while place < end and buckets[place].day <= horizon and not found:
        sum = bounded(sum + buckets[place].sum)
        found = sum >= needed
        place += 1
    if place == begin:
        return
    buckets[begin].sum = sum
    buckets[begin].day = buckets[place - 1].day
    buckets[begin].accumulation |= MERGED | CLOSED if found else MERGED
    if found:
        place = end
    if place > begin + 1:
        buckets_drop(&kept.buckets, account, begin + 1, place)


# READ

cdef int64_t bucket_day(const Accumulation* row, int64_t date) noexcept nogil:
    if row.needed != 0 or row.window == WINDOW_DAYS:
        return date
    return 0 if row.window == WINDOW_ALWAYS else window_first_day(row.window, date)


cdef int64_t accumulator_value(const Accumulators* kept, int32_t number, int64_t account_id, int64_t day, uint32_t store_no) noexcept nogil:
    cdef const Accumulation* row = &kept.rows[number]
    cdef const AccountSlot* account = account_of(&kept.buckets, account_id)
    cdef const Bucket* buckets
    cdef const Bucket* bucket
    cdef int64_t first, sum = 0
    cdef uint32_t place, count
    if account == NULL or (row.same_store and store_no == 0):
        return INT64_MIN if row.needed != 0 else 0
    if not row.same_store:
        store_no = 0
    buckets = buckets_of(&kept.buckets, account)
    count = buckets_count(account)
    first = 0 if row.needed != 0 else day - row.days + 1 if row.window == WINDOW_DAYS else bucket_day(row, day)
    place = bucket_place(buckets, count, number, store_no, max(first, 0))
    while place < count and is_of(&buckets[place], number, store_no):
        bucket = &buckets[place]
        if row.needed == 0 and bucket.day > (day if row.window == WINDOW_DAYS else first):
            break
        sum = bounded(sum + bucket.sum)
        if row.needed != 0 and sum >= row.needed:
            return bucket.day
        if bucket.accumulation & CLOSED:
            return LONG_AGO
        place += 1
    return sum if row.needed == 0 else INT64_MIN


# MOVE

cdef bint accumulators_move_room(Accumulators* kept, int64_t from_account, int64_t to_account) noexcept nogil:
    cdef const AccountSlot* source = account_of(&kept.buckets, from_account)
    return source == NULL or buckets_reserve(&kept.buckets, to_account, buckets_count(source))


cdef void accumulators_move(Accumulators* kept, int64_t from_account, int64_t to_account) noexcept nogil:
    """Sums of the same date become one. Of dates that are looked for, one that is settled stays where it is with what comes before it."""
    cdef AccountSlot* source = account_of(&kept.buckets, from_account)
    cdef const Bucket* bucket
    cdef AccumulatorChange change
    cdef uint32_t place
    if source == NULL or from_account == to_account:
        return
    memset(&change, 0, sizeof(change))
    change.account_id = to_account
    for place in range(buckets_count(source)):
        bucket = &buckets_of(&kept.buckets, source)[place]
        change.number = number_of(bucket)
        change.store_no = bucket.store_no
        change.day = bucket.day
        change.difference = bucket.sum
        add(kept, &change)
        if bucket.accumulation & MERGED:
            keep_settled(kept, &change, bucket.accumulation & (MERGED | CLOSED))
    buckets_drop(&kept.buckets, source, 0, buckets_count(source))
    buckets_fit(&kept.buckets, source)


cdef void keep_settled(Accumulators* kept, const AccumulatorChange* change, int32_t flags) noexcept nogil:
    """What was settled for the one is settled for both: its bucket takes what the other has before, and closed loses what is after."""
    cdef AccountSlot* account = account_of(&kept.buckets, change.account_id)
    cdef Bucket* buckets
    cdef uint32_t count, begin, place
    cdef int64_t sum = 0
    if account == NULL:
        return
    buckets = buckets_of(&kept.buckets, account)
    count = buckets_count(account)
    begin = place = bucket_place(buckets, count, change.number, change.store_no, 0)
    while place < count and is_of(&buckets[place], change.number, change.store_no) and buckets[place].day <= change.day:
        sum = bounded(sum + buckets[place].sum)
        flags |= buckets[place].accumulation & (MERGED | CLOSED)
        place += 1
    if place == begin:
        return
    buckets[begin].sum = sum
    buckets[begin].day = buckets[place - 1].day
    buckets[begin].accumulation = <uint16_t>(change.number | flags)
    if flags & CLOSED:
        while place < count and is_of(&buckets[place], change.number, change.store_no):
            place += 1
    if place > begin + 1:
        buckets_drop(&kept.buckets, account, begin + 1, place)
