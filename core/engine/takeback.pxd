"""The effects of taking a sale back, whole or in part: which lots, counters and codes change."""
from altyn.core.engine.returned cimport Sale
from altyn.core.engine.step cimport Engine, Operation
cimport altyn.core.wire.generated.journal_v1 as journal_v1
from libc.stdint cimport int64_t

cdef inline int64_t grace_us() noexcept nogil:
    """How long points live that come back to a lot which has expired: 30 days."""
    return 2_592_000_000_000

# Fill `effects` with what turns the sale from its state before into its state after. Exceptions are added to the operation.
cdef int take_back(Engine engine, Operation operation, Sale* sale, journal_v1.Effects* effects) except -1
