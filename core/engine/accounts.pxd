"""What the acts of the back office share."""
from libc.stdint cimport int32_t, int64_t
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.text cimport Text
cimport altyn.core.wire.generated.journal_v1 as journal_v1

# An operation of the back office's or the server's own: no register, no receipt.
cdef Operation ordered(int kind, bytes op_id, bytes content)
# CallRefused: an act names its reason, in bounds.
cdef int check_said(Text reason, Text actor) except -1
# The asset's number. CallRefused: there is none of this name.
cdef int32_t asset_of(Engine engine, Text name, str field) except -1
# Postings that take active points in the order of use, and their sum for the account `to`; room for `extra` more.
cdef int take_active(
    Engine engine, journal_v1.Entry* entry, int64_t account_id, int32_t asset_no, int64_t points, int64_t to, int extra
) except -1
