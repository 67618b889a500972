"""What a reply says besides amounts: balances by asset, remarks, messages about the card.

Balances are the book's at the instant, with their assets' names; nothing here is computed.
"""
from libc.stdint cimport int32_t, int64_t
from altyn.core.engine.case cimport Remarks, remark
from altyn.core.ledger.balances cimport Balance, Ending
from altyn.core.ledger.book cimport Book
from altyn.core.outcome cimport Outcome
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena, arena_take
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef enum:
    BALANCES_SHOWN_MAX = 16
    EXPIRING_SHOWN_MAX = 4     # dates

cdef int fill_expiring(pos_v1.Balance* shown, Book book, int64_t account_id, int32_t asset_no, int64_t instant_us, Arena* arena) except -1:
    """The next dates on which points end that may be spent now, soonest first."""
    cdef Ending found[EXPIRING_SHOWN_MAX]
    cdef int i, count = book.endings(account_id, asset_no, instant_us, found, EXPIRING_SHOWN_MAX)
    if count == 0:
        return 0
    shown.expiring = <pos_v1.Expiring*>arena_take(arena, <size_t>count * sizeof(pos_v1.Expiring))
    if shown.expiring == NULL:
        raise MemoryError("the arena is full")
    for i in range(count):
        shown.expiring[i].expires_at_us = found[i].expires_at_us
        shown.expiring[i].points = found[i].points
    shown.expiring_count = count
    return 0

cdef int fill_balances(pos_v1.Balance** out, int32_t* count, Book book, int64_t account_id, int64_t instant_us, dict names, Arena* arena) except -1:
    """`names`: asset_no → (name as bytes, scale); the bytes are kept by the caller."""
    cdef Balance found[BALANCES_SHOWN_MAX]
    cdef pos_v1.Balance* shown
    cdef bytes name
    cdef int32_t i, n
    out[0] = NULL
    count[0] = 0
    if account_id == 0:
        return 0
    n = book.balances(account_id, instant_us, found, BALANCES_SHOWN_MAX)
    if n == 0:
        return 0
    shown = <pos_v1.Balance*>arena_take(arena, <size_t>n * sizeof(pos_v1.Balance))
    if shown == NULL:
        raise MemoryError("the arena is full")
    for i in range(n):
        name, scale = names.get(found[i].asset_no, (b"", 0))
        shown[i].asset.data = name
        shown[i].asset.size = <int32_t>len(name)
        shown[i].scale = scale
        shown[i].active_points = found[i].active_points
        shown[i].pending_points = found[i].pending_points
        shown[i].hold_points = found[i].held_points
        shown[i].debt_points = found[i].debt_points
        if found[i].active_points > 0:
            fill_expiring(&shown[i], book, account_id, found[i].asset_no, instant_us, arena)
    out[0] = shown
    count[0] = n
    return 0

cdef void remark_amounts(const Outcome* outcome, Remarks* remarks) noexcept nogil:
    if outcome.price_below_minimum:
        remark(remarks, pos_v1.REASON_PRICE_BELOW_MINIMUM)
    if outcome.external_excess_minor > 0:
        remark(remarks, pos_v1.REASON_EXTERNAL_DISCOUNT_EXCESS)
    if outcome.split_unavoidable:
        remark(remarks, pos_v1.REASON_SPLIT_UNAVOIDABLE)
    if outcome.history_missing:
        remark(remarks, pos_v1.REASON_HISTORY_NOT_KEPT)
    if outcome.search_cut:
        remark(remarks, pos_v1.REASON_NOT_SEARCHED)

cdef int add_remarks(pos_v1.Outcome* outcome, const Remarks* remarks, Arena* arena) noexcept nogil:
    cdef int32_t i
    if remarks.count == 0:
        return 0
    outcome.flags = <int32_t*>arena_take(arena, <size_t>remarks.count * sizeof(int32_t))
    if outcome.flags == NULL:
        return -1
    for i in range(remarks.count):
        outcome.flags[i] = remarks.reasons[i]
    outcome.flags_count = remarks.count
    return 0

cdef inline Text literal(const char* data, int32_t size) noexcept nogil:
    cdef Text text
    text.data = data
    text.size = size
    return text


# Texts for the cashier by reason: (language, text).
CARD_TEXTS = {
    pos_v1.REASON_CARD_BLOCKED: (
        (b"en", b"The card is blocked: the sale goes on without member benefits"),
        (b"ru", "Карта заблокирована: продажа продолжается без привилегий".encode()),
    ),
    pos_v1.REASON_CARD_NOT_ACTIVE: (
        (b"en", b"The card is not active: the sale goes on without member benefits"),
        (b"ru", "Карта не активна: продажа продолжается без привилегий".encode()),
    ),
    pos_v1.REASON_CUSTOMER_UNKNOWN: (
        (b"en", b"The card is not known"),
        (b"ru", "Карта не найдена".encode()),
    ),
    pos_v1.REASON_TOKEN_EXPIRED: (
        (b"en", b"The code has expired: ask for a new one in the app"),
        (b"ru", "Код устарел: попросите новый в приложении".encode()),
    ),
    pos_v1.REASON_TOKEN_INVALID: (
        (b"en", b"This code is not from our app"),
        (b"ru", "Этот код не из нашего приложения".encode()),
    ),
    pos_v1.REASON_PHONE_NOT_UNIQUE: (
        (b"en", b"Several customers have this phone: ask for the card"),
        (b"ru", "Этот телефон у нескольких участников: попросите карту".encode()),
    ),
}

cdef int fill_card_messages(pos_v1.Message** out, int32_t* count, const Remarks* remarks, Arena* arena) except -1:
    cdef int32_t i, n = 0
    cdef bytes language, text
    cdef pos_v1.Message* messages
    out[0] = NULL
    count[0] = 0
    for i in range(remarks.count):
        n += 2 if remarks.reasons[i] in CARD_TEXTS else 0
    if n == 0:
        return 0
    messages = <pos_v1.Message*>arena_take(arena, <size_t>n * sizeof(pos_v1.Message))
    if messages == NULL:
        raise MemoryError("the arena is full")
    n = 0
    for i in range(remarks.count):
        for language, text in CARD_TEXTS.get(remarks.reasons[i], ()):
            messages[n].channel = pos_v1.CHANNEL_CASHIER
            messages[n].language = literal(language, <int32_t>len(language))
            messages[n].text = literal(text, <int32_t>len(text))
            n += 1
    out[0] = messages
    count[0] = n
    return 0
