"""Earlier purchases: what a sale adds to the numbers that are kept of its customer, what a return takes, what a decision reads."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.accumulations cimport EarlierReceipt
from altyn.core.engine.numbers cimport Numbers
from altyn.core.engine.releases cimport Release
from altyn.core.engine.returned cimport Sale
from altyn.core.engine.step cimport Engine
from altyn.core.outcome cimport Outcome
from altyn.core.receipt cimport Holdings, Line, Place, Receipt
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1

# Fill the case's holdings with the release's numbers, as the book has them; nothing, when one of them is not ready.
cdef int read_earlier(Engine engine, Release release) except -1
cdef int earlier_evidence(Engine engine, Release release, journal_v1.Evidence* evidence) except -1
# The evidence's into holdings, for a ruleset; the Numbers of that ruleset, made anew when `numbers` is another's.
cdef Numbers take_earlier(Holdings* holdings, const journal_v1.Evidence* evidence, Ruleset ruleset, Numbers numbers, Arena* arena)
# True when what is counted names attributes of goods: then the evidence of a sale has them.
cdef bint counts_attributes(Engine engine) noexcept

# What the decided sale adds; after its lots are in the effects.
cdef int count_sale(Engine engine, Release release, journal_v1.Effects* effects) except -1
# What the sale counts for less, from its state before to its state after.
cdef int count_return(Engine engine, const Sale* sale, journal_v1.Effects* effects) except -1

# A stored sale as it is after what came back by the operation at hand, or before it. False: it counts nowhere.
cdef bint read_earlier_sale(const Sale* sale, bint after, EarlierReceipt* out, Arena* arena) except -1
# Add to, or take (`times` −1) from, parts by the ruleset's accumulation.
cdef int add_parts(Ruleset ruleset, EarlierReceipt* receipt, int32_t times, int64_t* parts) except -1

# An earlier receipt from its parts: begin with neither lines nor place, then say where it was, what is left of each line, and who gave.
cdef int open_receipt(EarlierReceipt* out, const Receipt* receipt, Arena* arena) except -1
cdef void put_place(EarlierReceipt* out, const Place* where) noexcept nogil
cdef void add_line(EarlierReceipt* out, const Line* line, int64_t qty_milli, int64_t paid_minor) noexcept nogil
cdef void add_giver(EarlierReceipt* out, Text promotion_id) noexcept nogil
# Promotions that gave a discount.
cdef void add_givers(EarlierReceipt* out, const Outcome* outcome, int32_t lines_count, Ruleset rules) noexcept
