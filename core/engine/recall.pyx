"""Has this been said before? What memory answers at once, and what the journal has to be asked for.

The same call again gets the stored answer, the same id with other content CONFLICT; nothing here changes the state.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from altyn.core.engine.calls cimport decode_record, text_of
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.ledger.operations cimport SeenOperation
from altyn.core.limits cimport REPLY_BYTES_MAX
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.ops_v1 as ops_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

from altyn.core.engine.types import Answer, Lookup


cdef object recall(Engine engine, Operation operation, known):
    """Seen before? None: certainly new. An Answer: what was said then, or CONFLICT. A Lookup: memory cannot tell.

    A fact whose natural key was used with other content goes on as new, and says so in `natural_key_taken`.
    """
    cdef uint64_t content
    cdef SeenOperation seen = engine.operations.find_operation(<const uint8_t*>PyBytes_AS_STRING(operation.op_id))
    cdef int64_t natural_seq = engine.operations.find_natural(<const uint8_t*>PyBytes_AS_STRING(operation.natural_key))
    memcpy(&content, PyBytes_AS_STRING(operation.content), 8)
    if seen.seq != 0:
        if seen.content != content:
            return conflict(engine, operation.kind, seen.seq)
        reply = stored_reply(engine, operation.op_id)
        if reply is not None:
            return Answer(reply, None, seen.seq)
    elif known is None:
        if natural_seq == 0 and is_certainly_new(engine, operation):
            return None
    elif known.by_op_id is None and known.by_natural_key is not None:
        return recall_receipt(engine, operation, known.by_natural_key)
    elif known.by_op_id is None and natural_seq == 0:
        return None
    if known is None or known.by_op_id is None:
        # Also when the journal was asked and the operation was admitted meanwhile.
        return lookup(engine, operation, max(seen.seq, natural_seq), False)
    answer = stored(engine, operation, known.by_op_id, seen.seq)
    return answer if answer is not None else conflict(engine, operation.kind, engine.last_seq)


cdef object recall_receipt(Engine engine, Operation operation, bytes body):
    """A new op_id on a used natural key: the stored answer for the same content; else CONFLICT, or a fact kept apart."""
    answer = stored(engine, operation, body, 0)
    if answer is not None:
        return answer
    if operation.kind == pos_v1.OPERATION_KIND_RESERVE:
        return conflict(engine, operation.kind, engine.last_seq)
    operation.natural_key_taken = True
    return None


cdef object lookup(Engine engine, Operation operation, int64_t after_seq, bint is_new):
    """What the journal is to be asked, once all is durable that memory knows about it."""
    if operation.original_key is not None:
        after_seq = max(after_seq, engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.original_key)).seq)
    if operation.original_op_id is not None:
        after_seq = max(after_seq, engine.operations.find_operation(<const uint8_t*>PyBytes_AS_STRING(operation.original_op_id)).seq)
    return Lookup(operation.op_id, operation.natural_key, operation.receipt_key, after_seq, operation.original_key,
                  operation.original_op_id, operation.asks_waiting, is_new)


cdef bint is_certainly_new(Engine engine, Operation operation) except -1:
    """No look into the journal is needed: memory is complete, or the register has never been as far as this."""
    cdef const uint8_t* register
    if engine.operations.complete_since_seq <= 1:
        return True
    if operation.register_key is None:
        return False
    register = <const uint8_t*>PyBytes_AS_STRING(operation.register_key)
    return operation.register_seq > engine.operations.register_seq(register) and (
        engine.operations.is_new_receipt(register, operation.shift_number, operation.receipt_number)
        or engine.operations.find_receipt(<const uint8_t*>PyBytes_AS_STRING(operation.receipt_key)).seq != 0
    )


cdef object stored(Engine engine, Operation operation, bytes body, int64_t seq):
    """The answer kept in a record body when its content is this operation's, else None."""
    cdef journal_v1.Record record
    decode_record(body, &record, &engine.arena)
    if record.content_sha256.data[:record.content_sha256.size] != operation.content:
        return None
    return Answer(record.reply.data[:record.reply.size], None, seq if seq != 0 else record.seq)


cdef bytes stored_reply(Engine engine, bytes op_id):
    cdef int64_t size = 0
    cdef const uint8_t* data = engine.replies.find(<const uint8_t*>PyBytes_AS_STRING(op_id), &size)
    return PyBytes_FromStringAndSize(<const char*>data, <Py_ssize_t>size) if data != NULL else None


cdef object conflict(Engine engine, int kind, int64_t seq):
    """The same id, other content: not stored, the first effect stands. Field numbers of status and reason are the same in all of a
    register's calls, and those of applied, reason and seq in the back office's."""
    cdef pos_v1.CommitReceiptResponse reply
    cdef ops_v1.AdjustPointsResponse said
    memset(&reply, 0, sizeof(reply))
    if kind in (pos_v1.OPERATION_KIND_ADJUST, pos_v1.OPERATION_KIND_TRANSFER, pos_v1.OPERATION_KIND_CONVERT, pos_v1.OPERATION_KIND_DECIDE,
                pos_v1.OPERATION_KIND_SET_TIER):
        memset(&said, 0, sizeof(said))
        said.reason = text_of(b"CONTENT_DIFFERS")
        said.seq = seq
        return Answer(engine.taken(ops_v1.encode_AdjustPointsResponse(&said, engine.buffer, REPLY_BYTES_MAX)), None, seq)
    reply.status = pos_v1.STATUS_CONFLICT
    reply.reason = pos_v1.REASON_CONTENT_DIFFERS
    return Answer(engine.taken(pos_v1.encode_CommitReceiptResponse(&reply, engine.buffer, REPLY_BYTES_MAX)), None, seq)
