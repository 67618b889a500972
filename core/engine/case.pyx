"""Gathering what a decision reads: business time, store, catalogue attributes, customer.

Nothing here refuses a sale: what is unknown is left out and remarked. It must never read the wire twice for one fact, and never
change a fact.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t
from altyn.core.calendar cimport day_us, days_from_birthday, floor_div
from altyn.core.facts.catalogue cimport FOUND_AT_ONCE, Catalogue, Product
from altyn.core.facts.directory cimport (
    CARD_ACTIVE, CARD_BLOCKED, CARD_CLOSED, CARD_FINISHED, CARD_NEW, PHONE_NOT_UNIQUE, SEGMENTS_MAX, Card, Customer, Directory,
)
from altyn.core.facts.stores cimport Store, Stores
from altyn.core.facts.zones cimport Zones
from altyn.core.receipt cimport GrantFact, Line, birthday_at
from altyn.core.rules.image cimport ATTRIBUTE, GRANT, READS_BIRTHDAY
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena, arena_take
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef inline int64_t online_window_us() noexcept nogil:
    return 600_000_000

cdef inline int64_t offline_window_us() noexcept nogil:
    return 2_592_000_000_000

cdef inline Text text_of(const char* literal, int32_t size) noexcept nogil:
    cdef Text text
    text.data = literal
    text.size = size
    return text

cdef void remark(Remarks* remarks, int32_t reason) noexcept nogil:
    cdef int32_t i
    for i in range(remarks.count):
        if remarks.reasons[i] == reason:
            return
    if remarks.count < REMARKS_MAX:
        remarks.reasons[remarks.count] = reason
        remarks.count += 1

cdef int64_t business_time(const pos_v1.Receipt* wire, int64_t clock_us, Remarks* remarks) noexcept nogil:
    cdef int64_t told = wire.local_time_us - <int64_t>wire.utc_offset_minutes * 60_000_000
    if wire.local_time_us == 0:
        # The register says nothing of its clock.
        return clock_us
    if wire.mode == pos_v1.MODE_OFFLINE:
        if told < clock_us - offline_window_us():
            remark(remarks, pos_v1.REASON_CLOCK_SKEW)
            return clock_us - offline_window_us()
        if told > clock_us + online_window_us():
            remark(remarks, pos_v1.REASON_CLOCK_SKEW)
            return clock_us + online_window_us()
        return told
    if told < clock_us - online_window_us() or told > clock_us + online_window_us():
        remark(remarks, pos_v1.REASON_CLOCK_SKEW)
        return clock_us
    return told

cdef inline void resolve_line(Line* line, const Product* product) noexcept nogil:
    """What the register left out."""
    if line.group.size == 0:
        line.group = product.group
    if line.brand.size == 0:
        line.brand = product.brand
    if line.supplier.size == 0:
        line.supplier = product.supplier
    if line.min_price_minor == 0:
        line.min_price_minor = product.min_price_minor
    line.flags |= <uint32_t>product.flags
    line.attributes = product.attributes
    line.attributes_count = product.attributes_count

cdef void resolve_lines(Case* case, Catalogue catalogue) noexcept nogil:
    cdef const Product* found[FOUND_AT_ONCE]
    cdef int32_t i, count, begin = 0
    case.unknown_skus = 0
    while begin < case.receipt.lines_count:
        count = min(case.receipt.lines_count - begin, <int32_t>FOUND_AT_ONCE)
        catalogue.find_many(&case.receipt.lines[begin].sku, sizeof(Line), count, found)
        for i in range(count):
            if found[i] == NULL:
                case.unknown_skus += 1
            else:
                resolve_line(&case.receipt.lines[begin + i], found[i])
        begin += count

cdef void resolve_place(Case* case, Stores stores, Zones zones, int32_t programme_zone) noexcept nogil:
    cdef const Store* store = stores.find(case.wire.store_id)
    if store != NULL:
        stores.place(store, case.business_time_us, &case.place)
        return
    case.place.store_id = case.wire.store_id
    case.place.region = text_of(NULL, 0)
    case.place.format = text_of(NULL, 0)
    case.place.cluster = text_of(NULL, 0)
    zones.wall_clock(programme_zone, case.business_time_us, &case.place.wall_us, &case.place.gap_from_wall_us, &case.place.gap_us)

cdef Text state_text(int32_t state) noexcept nogil:
    if state == CARD_ACTIVE:
        return text_of(b"ACTIVE", 6)
    if state == CARD_BLOCKED:
        return text_of(b"BLOCKED", 7)
    if state == CARD_NEW:
        return text_of(b"NEW", 3)
    if state == CARD_CLOSED:
        return text_of(b"CLOSED", 6)
    if state == CARD_FINISHED:
        return text_of(b"FINISHED", 8)
    return text_of(NULL, 0)

cdef int take_segments(Case* case, Directory directory, const Customer* customer, Arena* arena) noexcept nogil:
    cdef Text* segments
    if customer == NULL or customer.segments_count == 0:
        return 0
    segments = <Text*>arena_take(arena, SEGMENTS_MAX * sizeof(Text))
    if segments == NULL:
        return -1
    case.holdings.segments = segments
    case.holdings.segments_count = directory.segments_of(customer, segments)
    return 0

cdef int take_customer(Case* case, Directory directory, const Customer* customer, Arena* arena) noexcept nogil:
    case.holdings.has_card = True
    if customer != NULL:
        case.customer_id = customer.customer_id
        case.holdings.customer_id = customer.customer_id
    return take_segments(case, directory, customer, arena)

cdef int resolve_phone(Case* case, Directory directory, const unsigned char* hash_, Arena* arena) noexcept nogil:
    cdef int64_t found = directory.find_phone(hash_)
    cdef const Customer* customer
    if found == PHONE_NOT_UNIQUE:
        remark(&case.remarks, pos_v1.REASON_PHONE_NOT_UNIQUE)
        return 0
    customer = directory.find_customer(found) if found > 0 else NULL
    if customer == NULL:
        remark(&case.remarks, pos_v1.REASON_CUSTOMER_UNKNOWN)
        return 0
    case.account_id = customer.account_id
    return take_customer(case, directory, customer, arena)

cdef int resolve_card(Case* case, Directory directory, const Card* card, Arena* arena) noexcept nogil:
    if card == NULL:
        remark(&case.remarks, pos_v1.REASON_CUSTOMER_UNKNOWN)
        return 0
    case.card_id = card.card_id
    case.card_last4 = directory.last4(card)
    case.card_state = state_text(card.state)
    if card.state != CARD_ACTIVE:
        # A sale goes on without member benefits.
        remark(&case.remarks, pos_v1.REASON_CARD_BLOCKED if card.state == CARD_BLOCKED else pos_v1.REASON_CARD_NOT_ACTIVE)
        return 0
    case.account_id = card.account_id
    case.holdings.card_type = directory.card_type(card)
    case.holdings.anonymous = card.customer_id == 0
    return take_customer(case, directory, directory.find_customer(card.customer_id) if card.customer_id != 0 else NULL, arena)

cdef int resolve_personal(Case* case, Directory directory, Grants grants, const RulesView* rules, Arena* arena) noexcept nogil:
    cdef const Customer* customer
    cdef void* facts
    cdef int64_t day
    if case.holdings.customer_id == 0:
        return 0
    customer = directory.find_customer(case.holdings.customer_id)
    if customer == NULL:
        return 0
    if rules.summary.promotion_flags & READS_BIRTHDAY and customer.birthday_mmdd != 0:
        day = floor_div(case.place.wall_us, day_us())
        case.holdings.birthday = birthday_at(days_from_birthday(day, customer.birthday_mmdd))
    if rules.summary.kinds >> ATTRIBUTE & 1 and customer.favourites_count > 0:
        case.holdings.favourites = <Text*>arena_take(arena, customer.favourites_count * sizeof(Text))
        if case.holdings.favourites == NULL:
            return -1
        case.holdings.favourites_count = directory.favourites_of(customer, case.holdings.favourites)
    if rules.summary.kinds >> GRANT & 1:
        case.holdings.grants_count = grants.of_customer(customer.customer_id, case.business_time_us, &facts, arena)
        if case.holdings.grants_count < 0:
            return -1
        case.holdings.grants = <GrantFact*>facts
    return 0
