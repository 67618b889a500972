"""Applying journal records again: the way a server starts, a snapshot writer follows, and a proof is made.

`replay` applies effects and never decides. `recalculate` decides again, from evidence alone, and gives the calculated part of
the reply for comparison, byte for byte.
"""
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset
from altyn.core.edge cimport ReadError, edge_exception, read_receipt
from altyn.core.engine.case cimport Case
from altyn.core.engine.step cimport Engine, Operation, Release, decode_record, except_full, string
from altyn.core.ledger.effects cimport apply_effects
from altyn.core.ledger.operations cimport RECEIPT_COMMITTED, RECEIPT_RESERVED, RECEIPT_UNKNOWN, RECEIPT_VOIDED
from altyn.core.limits cimport REPLY_BYTES_MAX
from altyn.core.wire.arena cimport arena_reset, arena_take
from altyn.core.wire.generated cimport journal_v1, pos_v1
from altyn.core.write_outcome cimport write_outcome

from altyn.core.ledger.keys import natural_key, receipt_key, register_key


def replay(Engine engine, int64_t seq, bytes body):
    """Apply one record. ValueError, EffectsFlawed: the journal is damaged."""
    cdef journal_v1.Record record
    cdef Operation operation
    cdef const uint8_t* key
    arena_reset(&engine.arena)
    decode_record(body, &record, &engine.arena)
    if seq != engine.last_seq + 1 or record.seq != seq:
        raise ValueError(f"record {record.seq} stands at seq {seq} after seq {engine.last_seq}")
    operation = operation_of(engine, &record)
    key = <const uint8_t*>PyBytes_AS_STRING(operation.receipt_key)
    if record.effects != NULL:
        apply_effects(engine.book, record.effects, key, record.instant_us)
    engine.remember(operation, seq, record.instant_us, record.reply.data[:record.reply.size])


cdef Operation operation_of(Engine engine, const journal_v1.Record* record):
    """The keys a record was admitted under."""
    cdef Operation operation = Operation()
    cdef const pos_v1.Receipt* receipt = record.request.receipt if record.request != NULL else NULL
    cdef const pos_v1.CancelReceiptRequest* cancel = record.request.cancel if record.request != NULL else NULL
    operation.kind = record.kind
    operation.op_id = record.op_id.data[:record.op_id.size]
    operation.content = record.content_sha256.data[:record.content_sha256.size]
    operation.register_seq = record.register_seq
    operation.op_no = record.op_no
    operation.receipt_key = bytes(16)
    if receipt != NULL:
        operation.shift_number = receipt.shift_number
        operation.receipt_number = receipt.receipt_number
        name_keys(engine, operation, string(receipt.store_id), string(receipt.register_id))
    elif cancel != NULL:
        operation.shift_number = cancel.shift_number
        operation.receipt_number = cancel.receipt_number
        name_keys(engine, operation, string(cancel.store_id), string(cancel.register_id))
    else:
        operation.natural_key = natural_key(operation.op_id, operation.kind, 0)
    operation.natural_key_taken = record.natural_key_taken
    if record.natural_key_taken:
        operation.natural_key = None
    operation.receipt_state = state_after(record)
    return operation


cdef int name_keys(Engine engine, Operation operation, str store_id, str register_id) except -1:
    operation.receipt_key = receipt_key(engine.tenant, store_id, register_id, operation.shift_number, operation.receipt_number)
    operation.natural_key = natural_key(operation.receipt_key, operation.kind, operation.op_no)
    operation.register_key = register_key(engine.tenant, store_id, register_id)
    return 0


cdef int state_after(const journal_v1.Record* record) noexcept:
    """What the operation made of its receipt. An exception that closed the way left it as it was."""
    cdef int32_t i
    for i in range(record.exceptions_count):
        if record.exceptions[i] in (pos_v1.REASON_VOID_CONFLICT, pos_v1.REASON_DUPLICATE_NUMBER, pos_v1.REASON_ALREADY_COMMITTED):
            return RECEIPT_UNKNOWN
    if record.kind == pos_v1.OPERATION_KIND_COMMIT:
        return RECEIPT_COMMITTED
    if record.kind == pos_v1.OPERATION_KIND_CANCEL:
        return RECEIPT_VOIDED
    if record.kind == pos_v1.OPERATION_KIND_RESERVE and record.effects != NULL and record.effects.holds_count > 0:
        return RECEIPT_RESERVED
    return RECEIPT_UNKNOWN
