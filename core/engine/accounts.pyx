"""Effects that no register asks for: points given by hand or earned by events, points taken, the expiry of holds and of lots.

See also transfers.pyx. They are journalled like receipts, each applied once: a record per accrual and hold, and one for many lots.
"""
from hashlib import sha256
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memset
from altyn.core.engine.content cimport order_sha256
from altyn.core.engine.record cimport adjustment_effects, hold_effect
from altyn.core.engine.scarce cimport pay_debts
from altyn.core.engine.calls cimport check_op_id, except_full, malformed, refused, string, text_of
from altyn.core.engine.recall cimport recall
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.ledger.accounts cimport Lot
from altyn.core.ledger.holds cimport HOLD_EXPIRED, Hold, HoldPart
from altyn.core.limits cimport HOLD_PARTS_MAX, ID_BYTES_MAX, REPLY_BYTES_MAX, points_max
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport arena_reset, arena_take
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.ops_v1 as ops_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

from altyn.core.engine.step import NO_RECEIPT
from altyn.core.engine.types import Answer
from altyn.core.ledger.keys import natural_key


cdef enum:
    LOTS_PER_RECORD = 256      # two postings each: within POSTINGS_MAX


cdef Operation ordered(int kind, bytes op_id, bytes content):
    """An operation of the back office's or the server's own: no register, no receipt."""
    cdef Operation operation = Operation()
    operation.kind = kind
    operation.op_id = op_id
    operation.content = content
    operation.receipt_key = NO_RECEIPT
    operation.register_key = None
    # Its own natural key, so that op_id alone decides whether it was seen.
    operation.natural_key = natural_key(op_id, kind, 0)
    return operation


cdef int check_adjustment(const ops_v1.AdjustPointsRequest* call) except -1:
    check_op_id(call.op_id)
    if call.account_id <= 0:
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "account_id", "account_id is above 0")
    if call.points == 0 or call.points < -points_max() or call.points > points_max():
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "points", f"points are between 1 and {points_max()}, or below 0 to take as many")
    if call.active_from_us < 0:
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "active_from_us", "an instant is 0 or more")
    if call.expires_at_us < 0 or (call.expires_at_us != 0 and call.expires_at_us <= call.active_from_us):
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "expires_at_us", "a lot ends after it begins")
    if call.points < 0 and (call.active_from_us != 0 or call.expires_at_us != 0):
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "active_from_us", "points that are taken have no time of their own")
    if call.event.size != 0 and call.points < 0:
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "points", "an event earns points, it takes none")
    if call.event.size > ID_BYTES_MAX:
        raise refused("INVALID_ARGUMENT", "TOO_LARGE", "event", "the text is too long")
    return check_said(call.reason, call.actor)


cdef int check_said(Text reason, Text actor) except -1:
    if reason.size == 0:
        raise refused("INVALID_ARGUMENT", "FIELD_REQUIRED", "reason", "an act by hand names its reason")
    if reason.size > 256 or actor.size > 64:
        raise refused("INVALID_ARGUMENT", "TOO_LARGE", "reason" if reason.size > 256 else "actor", "the text is too long")
    return 0


cdef int32_t asset_of(Engine engine, Text name, str field) except -1:
    asset = engine.facts.assets.get(string(name))
    if asset is None:
        raise refused("INVALID_ARGUMENT", "BAD_FORMAT", field, "no asset has this name")
    return asset.asset_no


cdef int take_active(
    Engine engine, journal_v1.Entry* entry, int64_t account_id, int32_t asset_no, int64_t points, int64_t to, int extra
) except -1:
    """CallRefused: they lie in more lots than one operation touches."""
    cdef HoldPart picked[HOLD_PARTS_MAX]
    cdef int64_t left = points
    cdef int i, count = engine.book.pick(account_id, asset_no, points, engine.case.instant_us, picked, HOLD_PARTS_MAX)
    entry.postings = <journal_v1.Posting*>arena_take(&engine.arena, <size_t>(count + 1 + extra) * sizeof(journal_v1.Posting))
    if entry.postings == NULL:
        except_full()
    for i in range(count):
        entry.postings[i].account_id = account_id
        entry.postings[i].asset_no = asset_no
        entry.postings[i].points = -picked[i].points
        entry.postings[i].lot_id = picked[i].lot_id
        left -= picked[i].points
    if left > 0:
        raise refused("INVALID_ARGUMENT", "TOO_LARGE", "points", f"the points lie in more than {HOLD_PARTS_MAX} lots; take fewer at a time")
    entry.postings_count = count
    if to != 0:
        entry.postings[count].account_id = to
        entry.postings[count].asset_no = asset_no
        entry.postings[count].points = points
        entry.postings_count += 1
    return 0


def adjust_points(Engine engine, bytes request, scope, int64_t clock_us, known):
    """Points by hand or by an event, with a reason: one lot, or points below 0 from the lots there are; once per op_id."""
    cdef ops_v1.AdjustPointsRequest call
    cdef ops_v1.AdjustPointsResponse reply
    cdef journal_v1.Effects* effects
    cdef journal_v1.Record* record
    cdef journal_v1.Adjustment adjustment
    cdef WireError error
    cdef Operation operation
    cdef bytes reply_bytes
    cdef int64_t account_id
    cdef int32_t asset_no
    cdef const uint8_t* start = engine.begin(request, &error)
    if ops_v1.decode_AdjustPointsRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    check_adjustment(&call)
    operation = ordered(pos_v1.OPERATION_KIND_ADJUST, call.op_id.data[:16], order_sha256(request))
    answer = recall(engine, operation, known)
    if answer is not None:
        return answer
    asset_no = asset_of(engine, call.asset, "asset")
    account_id = engine.book.leads_to(call.account_id)
    engine.new_case(clock_us)
    memset(&reply, 0, sizeof(reply))
    effects = engine.new_effects()
    if call.points > 0:
        if adjustment_effects(effects, account_id, asset_no, call.points,
                              call.active_from_us if call.active_from_us != 0 else engine.case.instant_us, call.expires_at_us,
                              call.event.size != 0, engine.last_seq + 1, &engine.arena) != 0:
            except_full()
        pay_debts(engine, effects)
    elif engine.book.balance(account_id, asset_no, engine.case.instant_us).active_points < -call.points:
        reply.reason = text_of(b"POINTS_SHORT")
        return Answer(engine.taken(ops_v1.encode_AdjustPointsResponse(&reply, engine.buffer, REPLY_BYTES_MAX)), None, engine.last_seq)
    else:
        effects.entries = <journal_v1.Entry*>arena_take(&engine.arena, sizeof(journal_v1.Entry))
        if effects.entries == NULL:
            except_full()
        effects.entries_count = 1
        effects.entries[0].kind = journal_v1.ENTRY_KIND_ADJUSTMENT
        take_active(engine, effects.entries, account_id, asset_no, -call.points, -journal_v1.SYSTEM_ACCOUNT_ADJUSTED, 0)
    reply.seq = engine.last_seq + 1
    reply.applied = engine.is_sound(operation, effects)
    if not reply.applied:
        reply.reason = text_of(b"NOT_APPLICABLE")
    elif effects.lots_count > 0:
        reply.lot_id = effects.lots[0].lot_id
    reply_bytes = engine.taken(ops_v1.encode_AdjustPointsResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    record = engine.new_record(operation, effects)
    memset(&adjustment, 0, sizeof(adjustment))
    adjustment.account_id = account_id
    adjustment.asset_no = asset_no
    adjustment.points = call.points
    adjustment.reason = call.reason
    adjustment.actor = call.actor
    adjustment.event = call.event
    record.request.adjustment = &adjustment
    return engine.booked(operation, record, reply_bytes)


def expire_holds(Engine engine, int64_t clock_us, int count_max):
    """At most `count_max` holds whose time is over: a list of records, one each."""
    cdef const Hold* held
    cdef journal_v1.Effects* effects
    cdef journal_v1.Record* record
    cdef Operation operation
    cdef Text id_text, nobody
    cdef bytes hold_id
    nobody.data = NULL
    nobody.size = 0
    records = []
    while len(records) < count_max:
        held = engine.book.due_hold(max(clock_us, engine.last_instant_us))
        if held == NULL:
            break
        arena_reset(&engine.arena)
        engine.new_case(clock_us)
        hold_id = (<const char*>held.hold_id)[:16]
        # Derived from the hold, so that a hold expires once.
        operation = ordered(pos_v1.OPERATION_KIND_HOLD_EXPIRY, sha256(b"hold-expiry" + hold_id).digest()[:16], sha256(hold_id).digest())
        operation.receipt_key = (<const char*>held.receipt_key)[:16]
        effects = engine.new_effects()
        id_text = text_of(hold_id)
        if hold_effect(effects, id_text, HOLD_EXPIRED, 0, 0, nobody, nobody, 0, 0, &engine.arena) != 0:
            except_full()
        if not engine.is_sound(operation, effects):
            raise AssertionError("a due hold can always expire")
        record = engine.new_record(operation, effects)
        records.append(engine.booked(operation, record, b"").record)
    return records


cdef class LotSweep:
    """Walks round the book's lots, turn by turn, and ends those that are over. What a pending hold keeps of a lot stays until
    the hold ends."""
    cdef Engine engine
    cdef uint32_t cursor

    def __init__(self, Engine engine not None):
        self.engine = engine

    def expire_lots(self, int64_t clock_us, int scanned_max):
        """Look at `scanned_max` more lots at most; the record that ends up to LOTS_PER_RECORD of them, or None."""
        cdef Engine engine = self.engine
        cdef const Lot* due[LOTS_PER_RECORD]
        cdef journal_v1.Effects* effects
        cdef journal_v1.Record* record
        cdef Operation operation
        cdef bytes name
        cdef int i, count = engine.book.due_lots(&self.cursor, max(clock_us, engine.last_instant_us), scanned_max, due, LOTS_PER_RECORD)
        if count == 0:
            return None
        arena_reset(&engine.arena)
        engine.new_case(clock_us)
        effects = engine.new_effects()
        effects.entries = <journal_v1.Entry*>arena_take(&engine.arena, <size_t>count * sizeof(journal_v1.Entry))
        if effects.entries == NULL:
            except_full()
        for i in range(count):
            end_lot(engine, &effects.entries[i], due[i])
        effects.entries_count = count
        # Named by its place in the journal, which no other operation has.
        name = sha256(b"lot-expiry" + engine.tenant_bytes + b" %d" % (engine.last_seq + 1)).digest()
        operation = ordered(pos_v1.OPERATION_KIND_LOT_EXPIRY, name[:16], name)
        if not engine.is_sound(operation, effects):
            raise AssertionError("a lot that is over can always end")
        record = engine.new_record(operation, effects)
        return engine.booked(operation, record, b"").record


cdef int end_lot(Engine engine, journal_v1.Entry* entry, const Lot* lot) except -1:
    """What nobody holds of it expires; nothing at all closes an empty lot."""
    cdef int64_t free_points = lot.remaining_points - lot.held_points
    entry.kind = journal_v1.ENTRY_KIND_EXPIRY
    entry.postings = <journal_v1.Posting*>arena_take(&engine.arena, 2 * sizeof(journal_v1.Posting))
    if entry.postings == NULL:
        except_full()
    entry.postings_count = 2
    entry.postings[0].account_id = lot.account_id
    entry.postings[0].asset_no = lot.asset_no
    entry.postings[0].points = -free_points
    entry.postings[0].lot_id = lot.lot_id
    entry.postings[1].account_id = -journal_v1.SYSTEM_ACCOUNT_EXPIRED
    entry.postings[1].asset_no = lot.asset_no
    entry.postings[1].points = free_points
    return 0
