"""Who is behind what was presented, and what that may be used for once."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.ledger.holds cimport Hold
from altyn.core.siphash cimport Digest
from altyn.core.text cimport Text
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

# Fill the case's customer and way of identification. `operation` is None where nothing is decided for good; of a fact it does not matter
# how old the identification is. `token_text`: the calculation token at hand, which keeps an identification as it keeps a price.
cdef int identify(Engine engine, const pos_v1.Identity* identity, Operation operation, Text token_text, int64_t clock_us) except -1
# What a calculation token keeps of the identification; zeros: nothing.
cdef Digest kept_identification(Engine engine) noexcept
# Whether the token of a virtual card, or a one-time code, may pay. `operation` is None where nothing is decided for good; after `identify`.
cdef int read_single_use(Engine engine, Operation operation) except -1
# A Reserve that keeps points or money of who was identified by such a token or code: it is used.
cdef int keep_single_use(Engine engine, journal_v1.Effects* effects, journal_v1.HoldChange* change) except -1
# A Commit that spends what its hold had kept for another token, or had not: this one is used by it.
cdef int take_single_use(Engine engine, journal_v1.Effects* effects, const Hold* held) except -1
# Why a Reserve with this one-time code is declined, or UNSPECIFIED; and the wrong one is counted.
cdef int32_t refused_code(Engine engine) noexcept
cdef int count_wrong_code(Engine engine, journal_v1.Effects* effects) except -1
