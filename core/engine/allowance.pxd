"""What a register may let customers spend while the server is away, and what of it an uploaded receipt takes."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.engine.step cimport Engine, Operation
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

# For the register of this scope, from now on; NULL: the programme gives none.
cdef pos_v1.OfflineAllowance* new_allowance(Engine engine, scope) except? NULL
# What the receipt may spend of an asset beyond what is active, as a debt.
cdef int64_t debt_room(Engine engine, Operation operation, int32_t asset_no) except -1
# The outcome's points may be taken although nothing kept them.
cdef bint is_within_allowance(Engine engine, Operation operation) except -1
# Of an operation that `is_allowed`: what it takes of the allowance, and what had been taken before.
cdef int count_allowance(Engine engine, Operation operation, journal_v1.Effects* effects) except -1
cdef int allowance_evidence(Engine engine, Operation operation, journal_v1.Evidence* evidence) except -1
