"""From the journal's effects to the book: the one way in, for serving and replay alike."""
from libc.stdint cimport int32_t, int64_t, uint8_t
from altyn.core.ledger.book cimport Book
from altyn.core.ledger.counters cimport CounterId
from altyn.core.text cimport Text
from altyn.core.wire.generated.journal_v1 cimport CounterKey, Effects

cdef CounterId id_of_key(const CounterKey* key) noexcept nogil
# A code's identity as the book keeps it, 16 bytes. False: neither a whole hash nor a serial that can be.
cdef bint code_key(Text code_hash, int32_t series_no, int64_t serial, uint8_t* key) noexcept nogil

# Lay the effects out as the book's plan and check them: the Flaw, 0 when `book.write()` may follow. `receipt_key` (16 bytes,
# or NULL when the operation is about no receipt) is given to the holds the effects make.
cdef int check_effects(Book book, const Effects* effects, const uint8_t* receipt_key, int64_t instant_us) except -1

# Check and write: EffectsFlawed when they are refused. For replay, where a flaw means a damaged journal.
cdef int apply_effects(Book book, const Effects* effects, const uint8_t* receipt_key, int64_t instant_us) except -1
