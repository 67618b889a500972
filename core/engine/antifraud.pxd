"""Rules against fraud: what of a receipt or return is suspicious, and what follows. See antifraud.pyx."""
from libc.stdint cimport int64_t
from altyn.core.engine.returned cimport Sale
from altyn.core.engine.step cimport Engine, Operation
cimport altyn.core.wire.generated.journal_v1 as journal_v1

# Before the calculation: what the sale in the case trips, itself counted in. Fills the case's `fraud` and `redemption_denied`.
cdef int judge(Engine engine) except -1
# At an applied Commit: points wait longer; and what the rules count of it. `judge` came before.
cdef void hold_back(Engine engine, journal_v1.Effects* effects) noexcept nogil
cdef int count_fraud(Engine engine, journal_v1.Effects* effects) except -1
# At an applied Return: judged and counted at once, by its evidence.
cdef int judge_return(Engine engine, const Sale* sale, journal_v1.Effects* effects, journal_v1.Evidence* evidence) except -1
# Once the reply is made, for the till is not told: the exception of the record.
cdef void tag_record(Engine engine, Operation operation) noexcept
