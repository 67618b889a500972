"""Digests that journal rows and the seen-before index are keyed by.

Every text is hashed with its length before it, so that no two different keys read the same. The values are in every journal:
none of these functions may ever answer differently.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from hashlib import sha256


cdef bytes number(long long value):
    """8 bytes, big-endian."""
    cdef unsigned char out[8]
    cdef unsigned long long bits = <unsigned long long>value
    cdef int i
    for i in range(8):
        out[i] = <unsigned char>(bits >> (56 - 8 * i))
    return PyBytes_FromStringAndSize(<char*>out, 8)


cdef bytes text(str value):
    cdef bytes raw = value.encode()
    return number(len(raw)) + raw


cpdef bytes register_key(str tenant, str store_id, str register_id):
    """16 bytes that stand for one register of one tenant."""
    return sha256(text(tenant) + text(store_id) + text(register_id)).digest()[:16]


cpdef bytes receipt_key(str tenant, str store_id, str register_id, long long shift_number, long long receipt_number):
    """16 bytes that identify a receipt: the first five parts of the natural key."""
    return sha256(
        text(tenant) + text(store_id) + text(register_id) + number(shift_number) + number(receipt_number)
    ).digest()[:16]


cpdef bytes natural_key(bytes receipt_key, int kind, int op_no):
    """16 bytes of the natural key: the receipt, the call (altyn.pos.v1.OperationKind) and op_no.

    An uploaded receipt is given the kind it stands for: Commit or Return.
    """
    if len(receipt_key) != 16:
        raise ValueError("receipt_key must be 16 bytes")
    return sha256(receipt_key + number(kind) + number(op_no)).digest()[:16]
