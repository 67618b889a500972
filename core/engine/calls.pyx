"""What every act needs of its call: refusing it with a code, a reason and a field; checking who says it; reading a record.

Nothing here knows the engine's state.
"""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t
from libc.string cimport memset

from altyn.core.limits cimport OP_ID_BYTES
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena, arena_take
from altyn.core.wire.format cimport WireError, path_of
cimport altyn.core.wire.generated.journal_v1 as journal_v1

from altyn.core.engine.types import CallRefused


cdef object refused(str code, str reason, str field, str message):
    return CallRefused(code, reason, field, message)


cdef int decode_record(bytes body, journal_v1.Record* record, Arena* arena) except -1:
    cdef WireError error
    cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(body)
    memset(&error, 0, sizeof(WireError))
    if journal_v1.decode_Record(record, start, start + len(body), arena, &error) != 0:
        raise ValueError(f"a journal record cannot be read: {path_of(&error)}")
    return 0


cdef object malformed(WireError* error):
    return CallRefused("INVALID_ARGUMENT", "MALFORMED", path_of(error), "these bytes are not a message of this call")


cdef int except_full() except -1:
    raise CallRefused("INVALID_ARGUMENT", "TOO_LARGE", "receipt", "the receipt needs more memory than one request may use")


cdef int check_op_id(Text op_id) except -1:
    if op_id.size != OP_ID_BYTES:
        raise refused("INVALID_ARGUMENT", "BAD_FORMAT", "op_id", "op_id has 16 bytes")
    return 0


cdef int check_scope(Text store_id, Text register_id, scope, str prefix) except -1:
    if not is_text(store_id, store_of(scope)):
        raise refused("PERMISSION_DENIED", "FOREIGN_REGISTER", prefix + "store_id", "the credential belongs to another store")
    if not is_text(register_id, register_of(scope)):
        raise refused("PERMISSION_DENIED", "FOREIGN_REGISTER", prefix + "register_id", "the credential belongs to another register")
    return 0


cdef void* taken_from(Arena* arena, size_t size) except NULL:
    cdef void* piece = arena_take(arena, size)
    if piece == NULL:
        except_full()
    return piece
