"""The effects of taking a sale back, whole or in part: which lots, counters and codes change."""
from altyn.core.engine.returned cimport Sale
from altyn.core.engine.step cimport Engine, Operation
cimport altyn.core.wire.generated.journal_v1 as journal_v1

# Fill `effects` with what turns the sale from its state before into its state after. Exceptions are added to the operation.
cdef int take_back(Engine engine, Operation operation, Sale* sale, journal_v1.Effects* effects) except -1
