"""Points that change account or asset by the back office's order: merging accounts, moving points, converting them.

Nothing is lost on the way: a merge brings every lot whole, with its id, its dates and what a return may fill it up to, and every
debt; a move and a conversion take active points that no debt is owed on. What is declined is not journalled: it may be tried again under the
same op_id. Never here: rates (a fact of the programme), whose accounts they are.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset
from altyn.core.engine.accounts cimport asset_of, check_said, ordered, take_active
from altyn.core.engine.content cimport order_sha256
from altyn.core.engine.record cimport LOTS_PER_SEQ
from altyn.core.engine.scarce cimport pay_debts
from altyn.core.engine.calls cimport check_op_id, malformed, refused, string, text_of
from altyn.core.engine.recall cimport recall
from altyn.core.engine.step cimport Engine, Operation, taken
from altyn.core.engine.tiers cimport merge_tiers
from altyn.core.ledger.accounts cimport Lot
from altyn.core.ledger.balances cimport Balance
from altyn.core.limits cimport LOTS_OPENED_MAX, REPLY_BYTES_MAX, points_max
from altyn.core.money cimport mul_div_ceil, mul_div_most
from altyn.core.text cimport Text
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.ops_v1 as ops_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

from altyn.core.engine.types import Answer
from altyn.core.ledger.view import read_lots


cdef int check_account(int64_t account_id, str field) except -1:
    if account_id <= 0:
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", field, "an account's number is above 0")
    return 0


cdef int check_points(int64_t points) except -1:
    if points <= 0 or points > points_max():
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "points", f"points are between 1 and {points_max()}")
    return 0


cdef int64_t free_of_debt(Engine engine, int64_t account_id, int32_t asset_no) noexcept:
    """Active points less what is owed."""
    cdef Balance balance = engine.book.balance(account_id, asset_no, engine.case.instant_us)
    return balance.active_points - balance.debt_points


cdef journal_v1.Transfer* said_of(journal_v1.Record* record, Engine engine, Text reason, Text actor) except NULL:
    cdef journal_v1.Transfer* said = <journal_v1.Transfer*>taken(engine, sizeof(journal_v1.Transfer))
    said.reason = reason
    said.actor = actor
    record.request.transfer = said
    return said


# MERGE

def merge_accounts(Engine engine, bytes request, scope, int64_t clock_us, known):
    """All that an account has goes to another, LOTS_OPENED_MAX lots at a time; with the last of them it leads there."""
    cdef ops_v1.MergeAccountsRequest call
    cdef ops_v1.MergeAccountsResponse reply
    cdef journal_v1.Effects* effects
    cdef journal_v1.Record* record
    cdef journal_v1.Transfer* said
    cdef WireError error
    cdef Operation operation
    cdef bytes reply_bytes
    cdef int64_t into
    cdef const uint8_t* start = engine.begin(request, &error)
    if ops_v1.decode_MergeAccountsRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    check_op_id(call.op_id)
    check_account(call.account_id, "account_id")
    check_account(call.into_account_id, "into_account_id")
    check_said(call.reason, call.actor)
    operation = ordered(pos_v1.OPERATION_KIND_TRANSFER, call.op_id.data[:16], order_sha256(request))
    answer = recall(engine, operation, known)
    if answer is not None:
        return answer
    engine.new_case(clock_us)
    memset(&reply, 0, sizeof(reply))
    into = engine.book.leads_to(call.into_account_id)
    lots = read_lots(engine.book, call.account_id)
    if into == call.account_id or engine.book.leads_to(call.account_id) != call.account_id:
        reply.reason = text_of(b"MERGE_CYCLE")
    elif any(lot[4] for lot in lots):
        reply.reason = text_of(b"HOLDS_PENDING")
    if reply.reason.size > 0:
        return Answer(engine.taken(ops_v1.encode_MergeAccountsResponse(&reply, engine.buffer, REPLY_BYTES_MAX)), None, engine.last_seq)
    effects = engine.new_effects()
    reply.is_done = len(lots) <= LOTS_OPENED_MAX
    reply.moved_lots_count = bring_lots(engine, effects, call.account_id, into, lots[:LOTS_OPENED_MAX])
    if reply.is_done:
        effects.forward = <journal_v1.AccountForward*>taken(engine, sizeof(journal_v1.AccountForward))
        effects.forward.account_id = call.account_id
        effects.forward.to_account_id = into
        merge_tiers(engine, call.account_id, into, effects)
    reply.seq = engine.last_seq + 1
    reply.applied = engine.is_sound(operation, effects)
    if not reply.applied:
        reply.is_done = False
        reply.moved_lots_count = 0
        reply.reason = text_of(b"NOT_APPLICABLE")
    reply_bytes = engine.taken(ops_v1.encode_MergeAccountsResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    record = engine.new_record(operation, effects)
    said = said_of(record, engine, call.reason, call.actor)
    said.step = journal_v1.TRANSFER_STEP_MERGE
    said.account_id = call.account_id
    said.to_account_id = call.into_account_id
    return engine.booked(operation, record, reply_bytes)


cdef int64_t bring_lots(Engine engine, journal_v1.Effects* effects, int64_t account_id, int64_t into, list lots) except -1:
    """Whole lots under their own ids, where the other account has none of the id; what is owed as a debt. How many."""
    cdef journal_v1.LotOpened* opened
    cdef int64_t lot_id, new_id, points
    effects.lots = <journal_v1.LotOpened*>taken(engine, (<size_t>len(lots) + 1) * sizeof(journal_v1.LotOpened))
    effects.entries = <journal_v1.Entry*>taken(engine, (<size_t>len(lots) + 1) * sizeof(journal_v1.Entry))
    for lot_id, asset_no, initial, points, _, active_from_us, expires_at_us in lots:
        new_id = lot_id
        if lot_id != 0:
            if engine.book.lot(into, asset_no, lot_id) != NULL:
                # Its other part was moved there once.
                new_id = (engine.last_seq + 1) * LOTS_PER_SEQ + effects.lots_count
            opened = &effects.lots[effects.lots_count]
            effects.lots_count += 1
            opened.lot_id = new_id
            opened.account_id = into
            opened.asset_no = asset_no
            opened.points = initial
            opened.active_from_us = active_from_us
            opened.expires_at_us = expires_at_us
            opened.from_account_id = account_id
            opened.from_lot_id = lot_id
        if points != 0:
            pass_on(engine, &effects.entries[effects.entries_count], account_id, lot_id, into, new_id, asset_no, points)
            effects.entries_count += 1
    return <int64_t>len(lots)


cdef int pass_on(
    Engine engine, journal_v1.Entry* entry, int64_t account_id, int64_t lot_id, int64_t to, int64_t to_lot_id, int32_t asset_no, int64_t points
) except -1:
    entry.kind = journal_v1.ENTRY_KIND_TRANSFER
    entry.postings = <journal_v1.Posting*>taken(engine, 2 * sizeof(journal_v1.Posting))
    entry.postings_count = 2
    entry.postings[0].account_id = account_id
    entry.postings[0].asset_no = asset_no
    entry.postings[0].points = -points
    entry.postings[0].lot_id = lot_id
    entry.postings[1].account_id = to
    entry.postings[1].asset_no = asset_no
    entry.postings[1].points = points
    entry.postings[1].lot_id = to_lot_id
    return 0


# MOVE

def move_points(Engine engine, bytes request, scope, int64_t clock_us, known):
    """Active points of one asset go to another account; a lot that is split has the same dates in both parts."""
    cdef ops_v1.MovePointsRequest call
    cdef ops_v1.MovePointsResponse reply
    cdef journal_v1.Effects* effects
    cdef journal_v1.Record* record
    cdef journal_v1.Transfer* said
    cdef WireError error
    cdef Operation operation
    cdef bytes reply_bytes
    cdef int64_t account_id, to
    cdef int32_t asset_no
    cdef const uint8_t* start = engine.begin(request, &error)
    if ops_v1.decode_MovePointsRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    check_op_id(call.op_id)
    check_account(call.account_id, "account_id")
    check_account(call.to_account_id, "to_account_id")
    check_points(call.points)
    check_said(call.reason, call.actor)
    operation = ordered(pos_v1.OPERATION_KIND_TRANSFER, call.op_id.data[:16], order_sha256(request))
    answer = recall(engine, operation, known)
    if answer is not None:
        return answer
    asset_no = asset_of(engine, call.asset, "asset")
    engine.new_case(clock_us)
    memset(&reply, 0, sizeof(reply))
    account_id = engine.book.leads_to(call.account_id)
    to = engine.book.leads_to(call.to_account_id)
    if account_id == to:
        reply.reason = text_of(b"MERGE_CYCLE")
    elif free_of_debt(engine, account_id, asset_no) < call.points:
        reply.reason = text_of(b"POINTS_SHORT")
    if reply.reason.size > 0:
        return Answer(engine.taken(ops_v1.encode_MovePointsResponse(&reply, engine.buffer, REPLY_BYTES_MAX)), None, engine.last_seq)
    effects = engine.new_effects()
    move_lots(engine, effects, account_id, to, asset_no, call.points)
    reply.seq = engine.last_seq + 1
    reply.applied = engine.is_sound(operation, effects)
    if not reply.applied:
        reply.reason = text_of(b"NOT_APPLICABLE")
    reply_bytes = engine.taken(ops_v1.encode_MovePointsResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    record = engine.new_record(operation, effects)
    said = said_of(record, engine, call.reason, call.actor)
    said.step = journal_v1.TRANSFER_STEP_MOVE
    said.account_id = call.account_id
    said.to_account_id = call.to_account_id
    said.asset_no = asset_no
    said.points = call.points
    return engine.booked(operation, record, reply_bytes)


cdef int move_lots(Engine engine, journal_v1.Effects* effects, int64_t account_id, int64_t to, int32_t asset_no, int64_t points) except -1:
    """One entry: what is taken of each lot is put into one of the other account's."""
    cdef journal_v1.Entry* entry = <journal_v1.Entry*>taken(engine, sizeof(journal_v1.Entry))
    cdef journal_v1.LotOpened* opened
    cdef journal_v1.Posting* posting
    cdef const Lot* lot
    cdef int32_t i, count
    take_active(engine, entry, account_id, asset_no, points, 0, LOTS_OPENED_MAX)
    count = entry.postings_count
    effects.lots = <journal_v1.LotOpened*>taken(engine, <size_t>count * sizeof(journal_v1.LotOpened))
    effects.lots_count = count
    effects.entries = entry
    effects.entries_count = 1
    entry.kind = journal_v1.ENTRY_KIND_TRANSFER
    entry.postings_count = 2 * count
    for i in range(count):
        lot = engine.book.lot(account_id, asset_no, entry.postings[i].lot_id)
        opened = &effects.lots[i]
        opened.lot_id = (engine.last_seq + 1) * LOTS_PER_SEQ + i
        opened.account_id = to
        opened.asset_no = asset_no
        opened.points = -entry.postings[i].points
        opened.active_from_us = lot.active_from_us
        opened.expires_at_us = lot.expires_at_us
        posting = &entry.postings[count + i]
        posting.account_id = to
        posting.asset_no = asset_no
        posting.points = opened.points
        posting.lot_id = opened.lot_id
    return 0


# CONVERSION

def convert_points(Engine engine, bytes request, scope, int64_t clock_us, known):
    """Active points become one lot of another asset, at the programme's rate, rounded down."""
    cdef ops_v1.ConvertPointsRequest call
    cdef ops_v1.ConvertPointsResponse reply
    cdef journal_v1.Effects* effects
    cdef journal_v1.Record* record
    cdef journal_v1.Transfer* said
    cdef WireError error
    cdef Operation operation
    cdef bytes reply_bytes
    cdef int64_t account_id, from_points, to_points
    cdef int32_t asset_no, to_asset_no
    cdef const uint8_t* start = engine.begin(request, &error)
    if ops_v1.decode_ConvertPointsRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    check_op_id(call.op_id)
    check_account(call.account_id, "account_id")
    check_points(call.points)
    check_said(call.reason, call.actor)
    if call.expires_at_us < 0:
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "expires_at_us", "an instant is 0 or more")
    operation = ordered(pos_v1.OPERATION_KIND_CONVERT, call.op_id.data[:16], order_sha256(request))
    answer = recall(engine, operation, known)
    if answer is not None:
        return answer
    asset_no = asset_of(engine, call.asset, "asset")
    to_asset_no = asset_of(engine, call.to_asset, "to_asset")
    rate = engine.facts.rates.get((string(call.asset), string(call.to_asset)))
    from_points, to_points = rate if rate is not None else (0, 0)
    engine.new_case(clock_us)
    memset(&reply, 0, sizeof(reply))
    account_id = engine.book.leads_to(call.account_id)
    reply.given_points = mul_div_most(call.points, to_points, from_points, points_max() + 1)
    reply.taken_points = mul_div_ceil(reply.given_points, from_points, to_points)
    if rate is None:
        reply.reason = text_of(b"RATE_UNKNOWN")
    elif reply.given_points > points_max():
        reply.reason = text_of(b"CONVERSION_OVERFLOW")
    elif reply.given_points == 0:
        reply.reason = text_of(b"POINTS_BELOW_MINIMUM")
    elif free_of_debt(engine, account_id, asset_no) < call.points:
        reply.reason = text_of(b"POINTS_SHORT")
    if reply.reason.size > 0:
        reply.given_points = reply.taken_points = 0
        return Answer(engine.taken(ops_v1.encode_ConvertPointsResponse(&reply, engine.buffer, REPLY_BYTES_MAX)), None, engine.last_seq)
    effects = engine.new_effects()
    exchange(engine, effects, account_id, asset_no, reply.taken_points, to_asset_no, reply.given_points, call.expires_at_us)
    reply.seq = engine.last_seq + 1
    reply.lot_id = effects.lots[0].lot_id
    reply.applied = engine.is_sound(operation, effects)
    if not reply.applied:
        reply.given_points = reply.taken_points = reply.lot_id = 0
        reply.reason = text_of(b"NOT_APPLICABLE")
    reply_bytes = engine.taken(ops_v1.encode_ConvertPointsResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
    record = engine.new_record(operation, effects)
    said = said_of(record, engine, call.reason, call.actor)
    said.account_id = call.account_id
    said.asset_no = asset_no
    said.points = call.points
    said.to_asset_no = to_asset_no
    record.evidence = rate_evidence(engine, from_points, to_points)
    return engine.booked(operation, record, reply_bytes)


cdef journal_v1.Evidence* rate_evidence(Engine engine, int64_t from_points, int64_t to_points) except NULL:
    cdef journal_v1.Evidence* evidence = <journal_v1.Evidence*>taken(engine, sizeof(journal_v1.Evidence))
    evidence.rate = <journal_v1.RateFacts*>taken(engine, sizeof(journal_v1.RateFacts))
    evidence.rate.from_points = from_points
    evidence.rate.to_points = to_points
    return evidence


cdef int exchange(
    Engine engine, journal_v1.Effects* effects, int64_t account_id, int32_t asset_no, int64_t taken_points, int32_t to_asset_no,
    int64_t given_points, int64_t expires_at_us
) except -1:
    """One entry that takes of one asset and gives of the other; a debt of the other is paid first."""
    cdef journal_v1.Entry* entry = <journal_v1.Entry*>taken(engine, sizeof(journal_v1.Entry))
    cdef journal_v1.LotOpened* opened = <journal_v1.LotOpened*>taken(engine, sizeof(journal_v1.LotOpened))
    cdef journal_v1.Posting* posting
    effects.lots = opened
    effects.lots_count = 1
    effects.entries = entry
    effects.entries_count = 1
    opened.lot_id = (engine.last_seq + 1) * LOTS_PER_SEQ
    opened.account_id = account_id
    opened.asset_no = to_asset_no
    opened.points = given_points
    opened.active_from_us = engine.case.instant_us
    opened.expires_at_us = expires_at_us
    entry.kind = journal_v1.ENTRY_KIND_CONVERSION
    take_active(engine, entry, account_id, asset_no, taken_points, -journal_v1.SYSTEM_ACCOUNT_CONVERTED, 2)
    posting = &entry.postings[entry.postings_count]
    posting.account_id = account_id
    posting.asset_no = to_asset_no
    posting.points = given_points
    posting.lot_id = opened.lot_id
    posting += 1
    posting.account_id = -journal_v1.SYSTEM_ACCOUNT_CONVERTED
    posting.asset_no = to_asset_no
    posting.points = -given_points
    entry.postings_count += 2
    return pay_debts(engine, effects)
