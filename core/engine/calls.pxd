"""What every act needs of its call: texts, checks, refusals, exceptions. See calls.pyx."""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcmp, memcpy
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef enum:
    EXCEPTIONS_MAX = 8

cdef struct Exceptions:
    int32_t reasons[EXCEPTIONS_MAX]
    int32_t count

cdef object malformed(WireError* error)
cdef object refused(str code, str reason, str field, str message)
cdef int except_full() except -1
# Zeros; raises when the arena is full.
cdef void* taken_from(Arena* arena, size_t size) except NULL
cdef int check_op_id(Text op_id) except -1
cdef int check_scope(Text store_id, Text register_id, scope, str prefix) except -1
cdef int decode_record(bytes body, journal_v1.Record* record, Arena* arena) except -1

cdef inline bint is_explained(const pos_v1.Want* want) noexcept nogil:
    return want != NULL and want.explain

cdef inline bint is_planned(const pos_v1.Want* want) noexcept nogil:
    return want != NULL and want.fiscal_plan

cdef inline void put_key(uint8_t* to, bytes key) noexcept:
    """None leaves the zeros that stand for no key."""
    if key is not None:
        memcpy(to, PyBytes_AS_STRING(key), 16)

cdef inline str string(Text text):
    return text.data[:text.size].decode() if text.size > 0 else ""

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(str text, Py_ssize_t* size) except NULL

cdef inline bint is_text(Text text, str value) except -1:
    """Said without making a str of it."""
    cdef Py_ssize_t size = 0
    cdef const char* data = PyUnicode_AsUTF8AndSize(value, &size)
    return size == text.size and memcmp(data, text.data, <size_t>size) == 0

# Of an altyn.core.engine.types.Scope, a tuple: (tenant, store_id, register_id).
cdef inline str store_of(scope):
    return <str?>(<tuple>scope)[1]

cdef inline str register_of(scope):
    return <str?>(<tuple>scope)[2]

cdef inline Text text_of(bytes value):
    """Valid as long as the bytes are."""
    cdef Text text
    text.data = PyBytes_AS_STRING(value)
    text.size = <int32_t>len(value)
    return text

cdef inline void add_exception(Exceptions* exceptions, int32_t reason) noexcept nogil:
    cdef int32_t i
    for i in range(exceptions.count):
        if exceptions.reasons[i] == reason:
            return
    if exceptions.count < EXCEPTIONS_MAX:
        exceptions.reasons[exceptions.count] = reason
        exceptions.count += 1
