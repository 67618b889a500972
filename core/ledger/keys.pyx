"""Digests that journal rows and the seen-before index are keyed by.

Every text is hashed with its length before it, so that no two different keys read the same. The values are in every journal:
none of these functions may ever answer differently.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t
from altyn.core.sha256 cimport SHA256_BYTES, Sha256, sha256_end, sha256_start, sha256_take, sha256_take_number

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(str text, Py_ssize_t* size) except NULL

cdef enum:
    KEY_BYTES = 16


cdef int take_text(Sha256* state, str value) except -1:
    cdef Py_ssize_t size = 0
    if value is None:
        raise TypeError("a part of a key is text")
    cdef const char* data = PyUnicode_AsUTF8AndSize(value, &size)
    sha256_take_number(state, <uint64_t>size)
    sha256_take(state, data, <size_t>size)
    return 0


cdef int take_register(Sha256* state, str tenant, str store_id, str register_id) except -1:
    sha256_start(state)
    take_text(state, tenant)
    take_text(state, store_id)
    return take_text(state, register_id)


cdef bytes key_of(Sha256* state):
    cdef uint8_t out[SHA256_BYTES]
    sha256_end(state, out)
    return PyBytes_FromStringAndSize(<char*>out, KEY_BYTES)


cpdef bytes register_key(str tenant, str store_id, str register_id):
    """16 bytes that stand for one register of one tenant."""
    cdef Sha256 state
    take_register(&state, tenant, store_id, register_id)
    return key_of(&state)


cpdef bytes receipt_key(str tenant, str store_id, str register_id, long long shift_number, long long receipt_number):
    """16 bytes that identify a receipt: the first five parts of the natural key."""
    cdef Sha256 state
    take_register(&state, tenant, store_id, register_id)
    sha256_take_number(&state, <uint64_t>shift_number)
    sha256_take_number(&state, <uint64_t>receipt_number)
    return key_of(&state)


cpdef bytes natural_key(bytes receipt_key, int kind, int op_no):
    """16 bytes of the natural key: the receipt, the call (altyn.pos.v1.OperationKind) and op_no.

    An uploaded receipt is given the kind it stands for: Commit or Return.
    """
    cdef Sha256 state
    if receipt_key is None or len(receipt_key) != KEY_BYTES:
        raise ValueError("receipt_key must be 16 bytes")
    sha256_start(&state)
    sha256_take(&state, PyBytes_AS_STRING(receipt_key), KEY_BYTES)
    sha256_take_number(&state, <uint64_t><long long>kind)
    sha256_take_number(&state, <uint64_t><long long>op_no)
    return key_of(&state)
