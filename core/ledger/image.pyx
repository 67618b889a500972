"""Body of the image: a walk that writes it, three loaders that believe nothing, and the digest.

The order is: totals by asset and account; accounts by shard of their id's hash, then by id, each with its lots in the order of
use; counters by window and key; coupons by key; pages of serials by series and place; holds by id; merged accounts by id. Numbers are little-endian 64 bits. Loaders answer a Damage and never raise; a book that was half filled by a
damaged image must be thrown away.
"""
cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from hashlib import sha256
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort, realloc
from libc.string cimport memcmp, memcpy, memset

from altyn.core.ledger.accounts cimport (
    ACCOUNT_SHARDS, AccountShard, AccountSlot, Lot, account_write, accounts_find, accounts_put, accounts_reserve, is_small,
    lot_put, lot_read, lots_sum, next_of, pool_reserve, used_before,
)
from altyn.core.ledger.accumulators_image cimport buckets_image, register_image
from altyn.core.ledger.book cimport SYSTEM_ACCOUNTS, Book, Total, points_limit
from altyn.core.ledger.counter_table cimport Counter
from altyn.core.ledger.counters cimport CounterId, counters_read, counters_set
from altyn.core.ledger.counters_image cimport counters_image
from altyn.core.ledger.coupons cimport (
    COUPON_CANCELLED, COUPON_FREE, COUPON_HELD, COUPON_USED, Coupon, coupon_read, coupon_set,
)
from altyn.core.ledger.forwards cimport forwards_put, forwards_room, is_led_to, may_lead
from altyn.core.ledger.holds cimport (
    HOLD_EXPIRED, HOLD_PENDING, PART_COUNTER, PART_COUPON, Hold, HoldPart, has_receipt, hold_new, hold_of_id, hold_of_receipt,
    holds_add, holds_expire, holds_reserve, is_part, part_counter,
)
from altyn.core.ledger.key_table cimport KeyCursor, KeySlot, keys_find, keys_next
from altyn.core.ledger.serials cimport (
    SERIAL_PAGE_BYTES, SERIALS_PER_PAGE, SerialPages, serial_of_key, serial_reserve,
)
from altyn.core.ledger.tiers cimport tiers_image
from altyn.core.limits cimport HOLD_PARTS_MAX, HOLDS_MAX, LEDGER_ASSETS_MAX, SERIALS_MAX, SERIES_NO_MAX

cdef struct Buffer:
    uint8_t* data
    size_t size
    size_t room


cdef int buffer_add(Buffer* buffer, const void* data, size_t size) except -1 nogil:
    cdef size_t room = buffer.room
    cdef uint8_t* grown
    if buffer.size + size > room:
        room = 2 * room + size + 4096
        grown = <uint8_t*>realloc(buffer.data, room)
        if grown == NULL:
            raise MemoryError
        buffer.data = grown
        buffer.room = room
    memcpy(buffer.data + buffer.size, data, size)
    buffer.size += size
    return 0


cdef int by_first(const void* a, const void* b) noexcept nogil:
    cdef int64_t left = (<const int64_t*>a)[0]
    cdef int64_t right = (<const int64_t*>b)[0]
    return (left > right) - (left < right)


cdef int by_use(const void* a, const void* b) noexcept nogil:
    return used_before(<const Lot*>b, <const Lot*>a) - used_before(<const Lot*>a, <const Lot*>b)


cdef int by_hold(const void* a, const void* b) noexcept nogil:
    return memcmp((<const Hold**>a)[0].hold_id, (<const Hold**>b)[0].hold_id, 16)


# WRITE

cdef bytes totals_image(Book book):
    cdef TotalImage image
    cdef int asset, account
    cdef Total* total
    rows = []
    for asset in range(LEDGER_ASSETS_MAX):
        for account in range(SYSTEM_ACCOUNTS):
            total = &book.totals[asset * SYSTEM_ACCOUNTS + account]
            if total.low != 0 or total.high != 0:
                image = [asset, account + 1, <int64_t>total.low, total.high]
                rows.append(PyBytes_FromStringAndSize(<const char*>&image, sizeof(TotalImage)))
    return b"".join(rows)


cdef int add_account(Book book, const AccountSlot* account, Buffer* lots, Buffer* out) except -1 nogil:
    """One account and its lots; an account without any leaves no trace. `lots` is scratch."""
    cdef uint32_t cell
    cdef Lot lot
    cdef const Lot* sorted_
    cdef LotImage image
    cdef AccountHead head = [account.account_id, 0]
    cdef int chain
    cdef int64_t i
    lots.size = 0
    for chain in range(2):
        cell = account.live if chain == 0 else account.empty
        while cell != 0:
            lot_read(&book.lots, cell, account.account_id, &lot)
            buffer_add(lots, &lot, sizeof(Lot))
            cell = lot.next
            head.lots_count += 1
    if head.lots_count == 0:
        return 0
    if account.empty != 0:
        qsort(lots.data, <size_t>head.lots_count, sizeof(Lot), by_use)
    buffer_add(out, &head, sizeof(AccountHead))
    sorted_ = <const Lot*>lots.data
    for i in range(head.lots_count):
        image = [sorted_[i].lot_id, sorted_[i].initial_points, sorted_[i].remaining_points, sorted_[i].active_from_us,
                 sorted_[i].expires_at_us, sorted_[i].asset_no, 0]
        buffer_add(out, &image, sizeof(LotImage))
    return 0


cdef int add_shard(Book book, const AccountShard* shard, Buffer* slots, Buffer* lots, Buffer* out) except -1 nogil:
    cdef uint32_t i
    slots.size = 0
    for i in range(shard.capacity):
        if shard.slots[i].account_id != 0:
            buffer_add(slots, &shard.slots[i], sizeof(AccountSlot))
    qsort(slots.data, shard.count, sizeof(AccountSlot), by_first)
    for i in range(shard.count):
        add_account(book, &(<AccountSlot*>slots.data)[i], lots, out)
    return 0


cdef bytes accounts_image(Book book, int* shard, Py_ssize_t size_wanted):
    """The accounts of whole shards from `shard` on, until so many bytes are together; empty when there are no more shards."""
    cdef Buffer slots, lots, out
    memset(&slots, 0, sizeof(Buffer))
    memset(&lots, 0, sizeof(Buffer))
    memset(&out, 0, sizeof(Buffer))
    try:
        with nogil:
            while shard[0] < ACCOUNT_SHARDS and out.size < <size_t>size_wanted:
                if book.shards[shard[0]].count > 0:
                    add_shard(book, &book.shards[shard[0]], &slots, &lots, &out)
                shard[0] += 1
        return PyBytes_FromStringAndSize(<const char*>out.data, <Py_ssize_t>out.size)
    finally:
        free(slots.data)
        free(lots.data)
        free(out.data)


cdef bytes holds_image(Book book):
    cdef uint32_t count = book.holds.count
    cdef Hold** sorted_ = <Hold**>malloc((count + 1) * sizeof(Hold*))
    cdef Buffer out
    cdef HoldImage image
    cdef Hold* hold
    cdef uint32_t i
    cdef int j
    if sorted_ == NULL:
        raise MemoryError
    memset(&out, 0, sizeof(Buffer))
    try:
        if count > 0:
            memcpy(sorted_, book.holds.heap, count * sizeof(Hold*))
            qsort(sorted_, count, sizeof(Hold*), by_hold)
        for i in range(count):
            hold = sorted_[i]
            memcpy(image.hold_id, hold.hold_id, 16)
            memcpy(image.receipt_key, hold.receipt_key, 16)
            image.account_id = hold.account_id
            image.expires_at_us = hold.expires_at_us
            image.state = hold.state
            image.parts_count = hold.parts_count
            buffer_add(&out, &image, sizeof(HoldImage))
            for j in range(hold.parts_count):
                buffer_add(&out, &hold.parts[j], sizeof(HoldPart))
        return PyBytes_FromStringAndSize(<const char*>out.data, <Py_ssize_t>out.size)
    finally:
        free(sorted_)
        free(out.data)


cdef int by_key(const void* a, const void* b) noexcept nogil:
    return memcmp(a, b, 16)


cdef bytes coupons_image(Book book):
    cdef Buffer out
    cdef KeyCursor cursor = [0, 0]
    cdef KeySlot* slot
    cdef Coupon coupon
    cdef CouponImage image
    memset(&out, 0, sizeof(Buffer))
    try:
        while True:
            slot = keys_next(&book.coupons.by_key, &cursor)
            if slot == NULL:
                break
            coupon = coupon_read(&book.coupons, <const uint8_t*>slot)
            if coupon.use == COUPON_HELD:
                if not coupon.issued and not coupon.has_grace:
                    continue
                coupon.use = COUPON_FREE
            memcpy(image.key, slot, 16)
            image.expires_at_us = coupon.expires_at_us
            image.series_no = coupon.series_no
            image.use = <uint16_t>coupon.use
            image.issued = <uint16_t>(coupon.issued | coupon.has_grace << 1)
            buffer_add(&out, &image, sizeof(CouponImage))
        qsort(out.data, out.size // sizeof(CouponImage), sizeof(CouponImage), by_key)
        return PyBytes_FromStringAndSize(<const char*>out.data, <Py_ssize_t>out.size)
    finally:
        free(out.data)


cdef bytes forwards_image(Book book):
    cdef Buffer out
    cdef KeyCursor cursor = [0, 0]
    cdef KeySlot* slot
    cdef ForwardImage image
    memset(&out, 0, sizeof(Buffer))
    try:
        while True:
            slot = keys_next(&book.forwards.leads, &cursor)
            if slot == NULL:
                break
            image = [<int64_t>slot.key_low, <int64_t>slot.first]
            buffer_add(&out, &image, sizeof(ForwardImage))
        qsort(out.data, out.size // sizeof(ForwardImage), sizeof(ForwardImage), by_first)
        return PyBytes_FromStringAndSize(<const char*>out.data, <Py_ssize_t>out.size)
    finally:
        free(out.data)


cdef inline uint8_t used_bits(uint8_t byte) noexcept nogil:
    """Of four serials, those used: what is held is in the holds, what lies apart among the coupons."""
    return byte & 0xAA & ~(byte << 1)


cdef bytes serials_image(Book book):
    """Pages in which a serial is used."""
    cdef Buffer out
    cdef SerialImage image
    cdef const SerialPages* pages
    cdef int32_t series_no, i
    cdef uint32_t page
    cdef uint8_t all_used
    memset(&out, 0, sizeof(Buffer))
    try:
        for series_no in range(book.coupons.serials.series_count):
            pages = &book.coupons.serials.series[series_no]
            for page in range(pages.count):
                if pages.pages[page] == NULL:
                    continue
                all_used = 0
                for i in range(SERIAL_PAGE_BYTES):
                    image.bits[i] = used_bits(pages.pages[page][i])
                    all_used |= image.bits[i]
                if all_used != 0:
                    image.series_no = series_no
                    image.page = <int32_t>page
                    buffer_add(&out, &image, sizeof(SerialImage))
        return PyBytes_FromStringAndSize(<const char*>out.data, <Py_ssize_t>out.size)
    finally:
        free(out.data)


def state_digest(Book book not None):
    """SHA-256 of the whole book's image, 32 bytes: equal for equal books, whatever way they came to be so."""
    cdef int shard = 0
    cdef uint32_t window = 0
    digest = sha256(totals_image(book))
    while shard < ACCOUNT_SHARDS:
        digest.update(accounts_image(book, &shard, 1 << 20))
    while window < book.counters.count:
        digest.update(counters_image(&book.counters, &window))
    digest.update(coupons_image(book))
    digest.update(serials_image(book))
    digest.update(holds_image(book))
    digest.update(forwards_image(book))
    digest.update(register_image(&book.accumulators))
    shard = 0
    while shard < ACCOUNT_SHARDS and book.accumulators.buckets.blocks.shards != NULL:
        digest.update(buckets_image(&book.accumulators, &shard, 1 << 20))
    digest.update(tiers_image(&book.tiers))
    return digest.digest()


# LOAD

cdef Damage load_totals(Book book, const uint8_t* data, int64_t size) noexcept nogil:
    cdef TotalImage image
    cdef Total* total
    while size > 0:
        if size < <int64_t>sizeof(TotalImage):
            return IMAGE_TOO_SHORT
        memcpy(&image, data, sizeof(TotalImage))
        if image.asset_no < 0 or image.asset_no >= LEDGER_ASSETS_MAX or image.account < 1 or image.account > SYSTEM_ACCOUNTS:
            return IMAGE_TOTAL
        total = &book.totals[image.asset_no * SYSTEM_ACCOUNTS + image.account - 1]
        if total.low != 0 or total.high != 0:
            return IMAGE_TOTAL
        total.low = <uint64_t>image.low
        total.high = image.high
        data += sizeof(TotalImage)
        size -= sizeof(TotalImage)
    return UNDAMAGED


cdef inline bint is_lot(const Lot* lot) noexcept nogil:
    """True when the numbers are those of a lot, or of a debt."""
    if lot.asset_no < 0 or lot.asset_no >= LEDGER_ASSETS_MAX or lot.active_from_us < 0 or lot.expires_at_us < 0:
        return False
    if lot.lot_id == 0:
        return lot.remaining_points < 0 and lot.initial_points == 0 and lot.active_from_us == 0 and lot.expires_at_us == 0
    return (lot.lot_id > 0 and 0 <= lot.remaining_points and lot.remaining_points <= lot.initial_points
            and lot.initial_points <= points_limit())


cdef Damage load_account(Book book, const AccountHead* head, const uint8_t* data) noexcept nogil:
    """One account; `data` has room for all its lots."""
    cdef AccountSlot* account
    cdef uint32_t* live
    cdef LotImage image
    cdef Lot lot, former
    cdef uint32_t cell
    cdef int64_t i
    if head.account_id <= 0 or accounts_find(book.shards, head.account_id) != NULL:
        return IMAGE_ACCOUNT
    if not accounts_reserve(book.shards, head.account_id, 1):
        return IMAGE_MEMORY
    account = accounts_put(book.shards, head.account_id)
    book.accounts_count += 1
    live = &account.live
    for i in range(head.lots_count):
        memcpy(&image, data + i * sizeof(LotImage), sizeof(LotImage))
        lot = [image.lot_id, head.account_id, image.initial_points, image.remaining_points, 0, image.active_from_us,
               image.expires_at_us, image.asset_no, 0]
        if not is_lot(&lot) or image.zero != 0 or (i > 0 and not used_before(&former, &lot)):
            return IMAGE_LOT
        if not pool_reserve(&book.lots, is_small(&lot), not is_small(&lot)):
            return IMAGE_MEMORY
        cell = lot_put(&book.lots, &lot)
        if lot.remaining_points == 0:
            next_of(&book.lots, cell)[0] = account.empty
            account.empty = cell
        else:
            live[0] = cell
            live = next_of(&book.lots, cell)
        former = lot
    return UNDAMAGED


cdef Damage load_accounts(Book book, const uint8_t* data, int64_t size) noexcept nogil:
    cdef AccountHead head
    cdef Damage damage
    while size > 0:
        if size < <int64_t>sizeof(AccountHead):
            return IMAGE_TOO_SHORT
        memcpy(&head, data, sizeof(AccountHead))
        data += sizeof(AccountHead)
        size -= sizeof(AccountHead)
        if head.lots_count <= 0 or head.lots_count > size or head.lots_count * <int64_t>sizeof(LotImage) > size:
            return IMAGE_TOO_SHORT
        damage = load_account(book, &head, data)
        if damage != UNDAMAGED:
            return damage
        data += head.lots_count * <int64_t>sizeof(LotImage)
        size -= head.lots_count * <int64_t>sizeof(LotImage)
    return UNDAMAGED


cdef Damage load_coupons(Book book, const uint8_t* data, int64_t size) noexcept nogil:
    cdef CouponImage image
    cdef Coupon coupon
    cdef int32_t series_no = 0
    while size > 0:
        if size < <int64_t>sizeof(CouponImage):
            return IMAGE_TOO_SHORT
        memcpy(&image, data, sizeof(CouponImage))
        coupon = [image.expires_at_us, image.series_no, image.use, image.issued & 1, image.issued >> 1]
        if image.issued > 3 or image.series_no < 0 or image.expires_at_us < 0 or keys_find(&book.coupons.by_key, image.key) != NULL:
            return IMAGE_COUPON
        if image.use != COUPON_USED and not (coupon.issued and image.use == COUPON_CANCELLED) and not (
                (coupon.issued or coupon.has_grace) and image.use == COUPON_FREE):
            return IMAGE_COUPON
        if serial_of_key(image.key, &series_no) != 0 and (coupon.issued or not coupon.has_grace):
            return IMAGE_COUPON
        if not coupon_set(&book.coupons, image.key, &coupon):
            return IMAGE_MEMORY
        data += sizeof(CouponImage)
        size -= sizeof(CouponImage)
    return UNDAMAGED


cdef Damage load_serials(Book book, const uint8_t* data, int64_t size) noexcept nogil:
    cdef SerialImage image
    cdef int64_t first
    cdef uint8_t* bits
    cdef int32_t i
    while size > 0:
        if size < <int64_t>sizeof(SerialImage):
            return IMAGE_TOO_SHORT
        memcpy(&image, data, sizeof(SerialImage))
        first = <int64_t>image.page * SERIALS_PER_PAGE
        if not 0 < image.series_no <= SERIES_NO_MAX or not 0 <= first <= SERIALS_MAX or (image.page == 0 and image.bits[0] & 3):
            return IMAGE_COUPON
        if not serial_reserve(&book.coupons.serials, image.series_no, first):
            return IMAGE_MEMORY
        bits = book.coupons.serials.series[image.series_no].pages[image.page]
        for i in range(SERIAL_PAGE_BYTES):
            # Those that lie apart were loaded before.
            if image.bits[i] & 0x55 or image.bits[i] & bits[i]:
                return IMAGE_COUPON
            bits[i] |= image.bits[i]
        data += sizeof(SerialImage)
        size -= sizeof(SerialImage)
    return UNDAMAGED


cdef bint keep_part(Book book, int64_t account_id, const HoldPart* part) noexcept nogil:
    """Take what a pending hold keeps out of what is free. False when that is not there."""
    cdef uint32_t cell
    cdef Lot lot
    cdef CounterId id
    cdef Counter counter
    cdef Coupon coupon
    if part.kind == PART_COUNTER:
        id = part_counter(part)
        counter = counters_read(&book.counters, &id)
        counter.held += part.points
        return counters_set(&book.counters, &id, counter)
    if part.kind == PART_COUPON:
        coupon = coupon_read(&book.coupons, part.key)
        if coupon.use != COUPON_FREE:
            return False
        coupon.use = COUPON_HELD
        return coupon_set(&book.coupons, part.key, &coupon)
    account_id = part.account_id or account_id
    cell = book.find_cell(account_id, part.asset_no, part.lot_id)
    if cell == 0:
        return False
    lot_read(&book.lots, cell, account_id, &lot)
    if part.points > lot.remaining_points - lot.held_points or not pool_reserve(&book.lots, 0, 1):
        return False
    lot.held_points += part.points
    account_write(&book.lots, accounts_find(book.shards, account_id), cell, &lot, False)
    return True


cdef Damage load_hold(Book book, const HoldImage* image, const uint8_t* data) noexcept nogil:
    """One hold; `data` has room for all its parts. A pending one takes its points out of what is free."""
    cdef HoldPart parts[HOLD_PARTS_MAX]
    cdef Hold* hold
    cdef int i
    if image.account_id < 0 or image.expires_at_us <= 0 or hold_of_id(&book.holds, image.hold_id) != NULL:
        return IMAGE_HOLD
    if (image.state != HOLD_PENDING and image.state != HOLD_EXPIRED) or book.holds.count >= HOLDS_MAX:
        return IMAGE_HOLD
    for i in range(image.parts_count):
        memcpy(&parts[i], data + i * sizeof(HoldPart), sizeof(HoldPart))
        if not is_part(&parts[i], image.account_id, points_limit()):
            return IMAGE_HOLD
        if image.state == HOLD_PENDING and not keep_part(book, image.account_id, &parts[i]):
            return IMAGE_HOLD
    hold = hold_new(image.hold_id, image.receipt_key, image.account_id, image.expires_at_us, parts, image.parts_count)
    if hold == NULL:
        return IMAGE_MEMORY
    if has_receipt(hold) and hold_of_receipt(&book.holds, hold.receipt_key) != NULL:
        free(hold)
        return IMAGE_HOLD
    if not holds_reserve(&book.holds, hold, 1):
        free(hold)
        return IMAGE_MEMORY
    holds_add(&book.holds, hold)
    if image.state == HOLD_EXPIRED:
        holds_expire(&book.holds, hold)
    return UNDAMAGED


cdef Damage load_holds(Book book, const uint8_t* data, int64_t size) noexcept nogil:
    cdef HoldImage image
    cdef int64_t parts_bytes
    cdef Damage damage
    while size > 0:
        if size < <int64_t>sizeof(HoldImage):
            return IMAGE_TOO_SHORT
        memcpy(&image, data, sizeof(HoldImage))
        data += sizeof(HoldImage)
        size -= sizeof(HoldImage)
        parts_bytes = image.parts_count * <int64_t>sizeof(HoldPart)
        if image.parts_count < 0 or image.parts_count > HOLD_PARTS_MAX or parts_bytes > size:
            return IMAGE_TOO_SHORT
        damage = load_hold(book, &image, data)
        if damage != UNDAMAGED:
            return damage
        data += parts_bytes
        size -= parts_bytes
    return UNDAMAGED


cdef Damage load_forwards(Book book, const uint8_t* data, int64_t size) noexcept nogil:
    cdef ForwardImage image
    while size > 0:
        if size < <int64_t>sizeof(ForwardImage):
            return IMAGE_TOO_SHORT
        memcpy(&image, data, sizeof(ForwardImage))
        if (not may_lead(&book.forwards, image.account_id, image.to_account_id) or is_led_to(&book.forwards, image.account_id)
                or accounts_find(book.shards, image.account_id) != NULL):
            return IMAGE_FORWARD
        if not forwards_room(&book.forwards, image.account_id, image.to_account_id):
            return IMAGE_MEMORY
        forwards_put(&book.forwards, image.account_id, image.to_account_id)
        data += sizeof(ForwardImage)
        size -= sizeof(ForwardImage)
    return UNDAMAGED


@cython.overflowcheck(False)
cdef bint is_balanced(Book book) noexcept nogil:
    """True when points outstanding and the programme's totals sum to zero in every asset. Walks every lot."""
    cdef uint64_t sums[LEDGER_ASSETS_MAX]
    cdef int asset, account
    memset(sums, 0, sizeof(sums))
    # Modulo 2^64: a book that differs from balance by a multiple of 2^64 points is beyond any lot's range.
    lots_sum(&book.lots, sums)
    for asset in range(LEDGER_ASSETS_MAX):
        for account in range(SYSTEM_ACCOUNTS):
            sums[asset] += book.totals[asset * SYSTEM_ACCOUNTS + account].low
        if sums[asset] != 0:
            return False
    return True
