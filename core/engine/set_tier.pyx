"""A tier by hand: to an account, until a day, beside what its purchases make.

One at a time; another takes its place, none takes it away. It never lowers what purchases have made, and ends by itself. What is declined
is not journalled: it may be tried again under the same op_id. Never here: who may, and who has to agree.
"""
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t
from libc.string cimport memset
from altyn.core.engine.accounts cimport check_said, ordered
from altyn.core.engine.calls cimport check_op_id, malformed, refused, text_of
from altyn.core.engine.content cimport order_sha256
from altyn.core.engine.recall cimport recall
from altyn.core.engine.step cimport Engine, Operation, taken
from altyn.core.engine.tiers cimport end_tier, open_changes, programme_day, put_change
from altyn.core.facts.tiers cimport TierTerms
from altyn.core.ledger.tiers cimport TierRow, tier_row
from altyn.core.limits cimport ID_BYTES_MAX, REPLY_BYTES_MAX
from altyn.core.text cimport Text, text_equal
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.ops_v1 as ops_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

from altyn.core.engine.types import Answer

cdef enum:
    DAYS_MAX = 3_652_059       # of 9999-12-31 with years to spare


cdef int check_setting(const ops_v1.SetTierRequest* call) except -1:
    check_op_id(call.op_id)
    if call.account_id <= 0:
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "account_id", "account_id is above 0")
    if call.tier.size > ID_BYTES_MAX:
        raise refused("INVALID_ARGUMENT", "TOO_LARGE", "tier", "the text is too long")
    if (call.tier.size > 0) != (call.until_day > 0) or call.until_day < 0 or call.until_day > DAYS_MAX:
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "until_day", "a tier has a last day, and none has not")
    return check_said(call.reason, call.actor)


cdef int32_t rank_of(TierTerms terms, Text tier) noexcept:
    """0: no tier of this name."""
    cdef int32_t i
    for i in range(terms.count):
        if text_equal(terms.steps[i].tier, tier):
            return terms.steps[i].rank
    return 0


cdef bytes given(Engine engine, const ops_v1.SetTierRequest* call, TierRow* row):
    """Why not, or nothing: then the row is as it is to be."""
    cdef int64_t today = programme_day(engine, engine.case.instant_us)
    cdef int32_t rank = rank_of(engine.tiers, call.tier)
    end_tier(engine.tiers, row, today)
    if engine.tiers.count == 0 or (call.tier.size > 0 and rank == 0):
        return b"TIER_UNKNOWN"
    if call.tier.size > 0 and call.until_day < today:
        return b"TIER_OVER"
    if call.tier.size == 0 and row.given_rank == 0:
        return b"TIER_NOT_GIVEN"
    row.given_rank = <int16_t>rank
    row.given_until_day = call.until_day
    return b""


def set_tier(Engine engine, bytes request, scope, int64_t clock_us, known):
    """Give a tier by hand, or take it away; once per op_id."""
    cdef ops_v1.SetTierRequest call
    cdef ops_v1.SetTierResponse reply
    cdef journal_v1.Effects* effects
    cdef journal_v1.Record* record
    cdef WireError error
    cdef Operation operation
    cdef TierRow row
    cdef bytes reply_bytes
    cdef const uint8_t* start = engine.begin(request, &error)
    if ops_v1.decode_SetTierRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    check_setting(&call)
    operation = ordered(pos_v1.OPERATION_KIND_SET_TIER, call.op_id.data[:16], order_sha256(request))
    answer = recall(engine, operation, known)
    if answer is not None:
        return answer
    engine.new_case(clock_us)
    memset(&reply, 0, sizeof(reply))
    row = tier_row(&engine.book.tiers, engine.book.leads_to(call.account_id))
    row.account_id = engine.book.leads_to(call.account_id)
    effects = engine.new_effects()
    reply.reason = text_of(given(engine, &call, &row))
    if reply.reason.size == 0:
        open_changes(engine, effects, 1)
        put_change(effects, &row)
        if not engine.is_sound(operation, effects):
            reply.reason = text_of(b"NOT_APPLICABLE")
    if reply.reason.size > 0:
        return Answer(engine.taken(ops_v1.encode_SetTierResponse(&reply, engine.buffer, REPLY_BYTES_MAX)), None, engine.last_seq)
    reply.applied = True
    reply.seq = engine.last_seq + 1
    reply_bytes = engine.taken(ops_v1.encode_SetTierResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    record = engine.new_record(operation, effects)
    record.request.tier = said_of(engine, &call, &row)
    return engine.booked(operation, record, reply_bytes)


cdef journal_v1.TierSetting* said_of(Engine engine, const ops_v1.SetTierRequest* call, const TierRow* row) except NULL:
    cdef journal_v1.TierSetting* said = <journal_v1.TierSetting*>taken(engine, sizeof(journal_v1.TierSetting))
    said.account_id = row.account_id
    said.tier = call.tier
    said.rank = row.given_rank
    said.until_day = row.given_until_day
    said.reason = call.reason
    said.actor = call.actor
    return said
