"""Calls that change nothing: CalculateReceipt, AuthorizeCustomer, GetOperation, and the back office's GetBalance and GetCoupons.

CalculateReceipt is a forecast and is answered at once; every other answer names the journal seq it depends on.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset
from altyn.core.calculator.redemption cimport why_not_paying
from altyn.core.edge cimport ReadError, check_authorize, edge_exception
from altyn.core.engine.exchange cimport is_return, part_of
from altyn.core.engine.identified cimport identify, read_single_use
from altyn.core.engine.issued cimport show_issues, told_reply
from altyn.core.engine.reply cimport fill_balances, fill_card_messages
from altyn.core.engine.returns cimport preview_return
from altyn.core.engine.releases cimport Release
from altyn.core.engine.allowance cimport new_allowance
from altyn.core.engine.calls cimport (
    check_op_id, check_scope, decode_record, except_full, is_explained, malformed, refused, string, text_of,
)
from altyn.core.engine.step cimport Engine
from altyn.core.engine.tenders cimport refused_cards
from altyn.core.engine.tiers cimport shown_tier, tier_name
from altyn.core.engine.token cimport Token
from altyn.core.ledger.coupons cimport Coupon
from altyn.core.limits cimport REPLY_BYTES_MAX
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport arena_take
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.ops_v1 as ops_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1
from altyn.core.write_messages cimport write_nudges

from altyn.core.engine.types import Answer, CallRefused, Lookup
from altyn.core.ledger.view import read_balances, read_lots

cdef enum:
    COUPONS_ASKED_MAX = 1_000


cpdef object calculate_receipt(Engine engine, bytes request, object scope, int64_t clock_us, object known=None):
    """Reply bytes of CalculateReceiptResponse; for a return, which reads its sale, a Lookup first. CallRefused."""
    cdef pos_v1.CalculateReceiptRequest call
    cdef pos_v1.CalculateReceiptResponse reply
    cdef WireError error
    cdef Token token
    cdef Release release
    cdef bytes token_bytes
    cdef const uint8_t* start = engine.begin(request, &error)
    if pos_v1.decode_CalculateReceiptRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    if call.receipt != NULL and is_return(call.receipt):
        return preview_return(engine, &call, scope, clock_us, known)
    engine.read(part_of(engine, call.receipt, False), scope, clock_us)
    release = engine.decide(None, call.calc_token, &token, request, clock_us, is_explained(call.want))
    memset(&reply, 0, sizeof(reply))
    reply.server_time_us = clock_us
    reply.refused_lines_count = engine.mismatched_lines(&reply.refused_lines)
    if reply.refused_lines_count > 0:
        reply.status = pos_v1.STATUS_DECLINED
        reply.reason = pos_v1.REASON_SUM_MISMATCH
    else:
        reply.status = pos_v1.STATUS_OK
        reply.outcome = engine.shown(release, call.want)
        if write_nudges(&engine.outcome, &engine.case.receipt, release.ruleset, reply.outcome, &engine.arena) != 0:
            except_full()
        show_issues(engine, release, reply.outcome)
        token_bytes = engine.new_token(release, request, clock_us)
        reply.calc_token = text_of(token_bytes)
        reply.reason = refused_cards(engine, &reply.refused_lines, &reply.refused_lines_count)
        if reply.reason != pos_v1.REASON_UNSPECIFIED:
            reply.status = pos_v1.STATUS_DECLINED
    return engine.taken(pos_v1.encode_CalculateReceiptResponse(&reply, engine.buffer, REPLY_BYTES_MAX))


cdef bint may_redeem(Engine engine, int64_t clock_us) except -1:
    """Some payment rule in force takes points of whoever identifies in this way. What it asks of the receipt is the receipt's matter."""
    cdef Release release
    cdef int32_t i
    if not engine.case.holdings.has_card or engine.case.account_id == 0:
        return False
    try:
        release = engine.releases.in_force(clock_us)
    except CallRefused:
        return False
    for i in range(release.ruleset.view.payments_count):
        if why_not_paying(&release.ruleset.view.payments[i], &engine.case.holdings) == pos_v1.REASON_UNSPECIFIED:
            return True
    return False


def authorize_customer(Engine engine, bytes request, scope, int64_t clock_us):
    """Who it is and what they have."""
    cdef pos_v1.AuthorizeCustomerRequest call
    cdef pos_v1.AuthorizeCustomerResponse reply
    cdef ReadError wrong
    cdef WireError error
    cdef Text no_token
    cdef const uint8_t* start = engine.begin(request, &error)
    if pos_v1.decode_AuthorizeCustomerRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    if check_authorize(&call, &wrong) != 0:
        raise edge_exception(&wrong)
    check_scope(call.store_id, call.register_id, scope, "")
    engine.new_case(clock_us)
    no_token.data = NULL
    no_token.size = 0
    identify(engine, call.identity, None, no_token, clock_us)
    read_single_use(engine, None)
    memset(&reply, 0, sizeof(reply))
    reply.server_time_us = clock_us
    reply.customer_id = engine.case.customer_id
    reply.card_type = engine.case.holdings.card_type
    reply.card_state = engine.case.card_state
    reply.segments = engine.case.holdings.segments
    reply.segments_count = engine.case.holdings.segments_count
    reply.tier = tier_name(engine)
    reply.status = pos_v1.STATUS_OK if engine.case.holdings.has_card else pos_v1.STATUS_DECLINED
    reply.may_redeem = may_redeem(engine, clock_us)
    reply.reason = engine.case.remarks.reasons[0] if engine.case.remarks.count > 0 else pos_v1.REASON_UNSPECIFIED
    reply.card_last4 = engine.case.card_last4
    fill_balances(&reply.balances, &reply.balances_count, engine.book, engine.case.account_id, engine.case.instant_us, engine.asset_names(),
                  &engine.arena)
    fill_card_messages(&reply.messages, &reply.messages_count, &engine.case.remarks, &engine.arena)
    reply.offline_allowance = new_allowance(engine, scope)
    return Answer(engine.taken(pos_v1.encode_AuthorizeCustomerResponse(&reply, engine.buffer, REPLY_BYTES_MAX)), None, engine.last_seq)


cdef bint belongs(const journal_v1.Record* record, scope) except -1:
    """The operation is one of this register's."""
    cdef const journal_v1.Request* request = record.request
    if request == NULL:
        return False
    if request.receipt != NULL:
        return string(request.receipt.store_id) == scope.store_id and string(request.receipt.register_id) == scope.register_id
    if request.cancel != NULL:
        return string(request.cancel.store_id) == scope.store_id and string(request.cancel.register_id) == scope.register_id
    return False


def get_operation(Engine engine, bytes request, scope, int64_t clock_us, known):
    """What became of an operation: its stored reply, or OPERATION_UNKNOWN. Asks the journal, which knows whose it was."""
    cdef pos_v1.GetOperationRequest call
    cdef pos_v1.GetOperationResponse reply
    cdef journal_v1.Record record
    cdef WireError error
    cdef bytes op_id, told
    cdef const uint8_t* start = engine.begin(request, &error)
    if pos_v1.decode_GetOperationRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    check_scope(call.store_id, call.register_id, scope, "")
    check_op_id(call.op_id)
    op_id = call.op_id.data[:call.op_id.size]
    if known is None:
        return Lookup(op_id, None, None, engine.last_seq)
    memset(&reply, 0, sizeof(reply))
    reply.status = pos_v1.STATUS_OK
    reply.server_time_us = clock_us
    reply.reason = pos_v1.REASON_OPERATION_UNKNOWN
    if known.by_op_id is not None:
        decode_record(known.by_op_id, &record, &engine.arena)
        if belongs(&record, scope):
            reply.reason = pos_v1.REASON_UNSPECIFIED
            reply.kind = record.kind
            told = record.reply.data[:record.reply.size]
            if record.kind == pos_v1.OPERATION_KIND_COMMIT:
                told = told_reply(engine, told)
            reply.reply = text_of(told)
            reply.seq = record.seq
    return Answer(engine.taken(pos_v1.encode_GetOperationResponse(&reply, engine.buffer, REPLY_BYTES_MAX)), None, engine.last_seq)


def get_balance(Engine engine, bytes request, int64_t clock_us):
    """Balances of an account, by asset and lot, at the instant."""
    cdef ops_v1.GetBalanceRequest call
    cdef ops_v1.GetBalanceResponse reply
    cdef ops_v1.AssetBalance* shown
    cdef WireError error
    cdef dict names, balances
    cdef const uint8_t* start = engine.begin(request, &error)
    cdef int n = 0
    if ops_v1.decode_GetBalanceRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    if call.account_id <= 0:
        raise refused("INVALID_ARGUMENT", "OUT_OF_RANGE", "account_id", "account_id is above 0")
    call.account_id = engine.book.leads_to(call.account_id)
    balances = read_balances(engine.book, call.account_id, max(clock_us, engine.last_instant_us))
    names = engine.asset_names()
    memset(&reply, 0, sizeof(reply))
    reply.account_id = call.account_id
    reply.seq = engine.last_seq
    reply.balances = <ops_v1.AssetBalance*>arena_take(&engine.arena, len(balances) * sizeof(ops_v1.AssetBalance) + 8)
    if reply.balances == NULL:
        except_full()
    lots = read_lots(engine.book, call.account_id)
    for asset_no, (active, pending, held, debt) in sorted(balances.items()):
        name, scale = names.get(asset_no, (b"", 0))
        shown = &reply.balances[n]
        n += 1
        shown.asset = text_of(name)
        shown.scale = scale
        shown.active_points = active
        shown.pending_points = pending
        shown.hold_points = held
        shown.debt_points = debt
        fill_lots(engine, shown, [lot for lot in lots if lot[1] == asset_no and lot[0] != 0])
    reply.balances_count = n
    reply.tier = shown_tier(engine, call.account_id, max(clock_us, engine.last_instant_us))
    return Answer(engine.taken(ops_v1.encode_GetBalanceResponse(&reply, engine.buffer, REPLY_BYTES_MAX)), None, engine.last_seq)


cdef int fill_lots(Engine engine, ops_v1.AssetBalance* shown, list lots) except -1:
    cdef int i
    shown.lots = <ops_v1.LotBalance*>arena_take(&engine.arena, len(lots) * sizeof(ops_v1.LotBalance) + 8)
    if shown.lots == NULL:
        except_full()
    for i, (lot_id, _, initial, remaining, _, active_from_us, expires_at_us) in enumerate(lots):
        shown.lots[i].lot_id = lot_id
        shown.lots[i].initial_points = initial
        shown.lots[i].remaining_points = remaining
        shown.lots[i].active_from_us = active_from_us
        shown.lots[i].expires_at_us = expires_at_us
    shown.lots_count = <int>len(lots)
    return 0


def get_coupons(Engine engine, bytes request):
    """What has become of codes, by their hashes or serials."""
    cdef ops_v1.GetCouponsRequest call
    cdef ops_v1.GetCouponsResponse reply
    cdef WireError error
    cdef Coupon state
    cdef int32_t i
    cdef const uint8_t* start = engine.begin(request, &error)
    if ops_v1.decode_GetCouponsRequest(&call, start, start + len(request), &engine.arena, &error) != 0:
        raise malformed(&error)
    if call.code_hashes_count > COUPONS_ASKED_MAX:
        raise refused("INVALID_ARGUMENT", "TOO_LARGE", "code_hashes", f"at most {COUPONS_ASKED_MAX} codes are asked for at once")
    memset(&reply, 0, sizeof(reply))
    reply.seq = engine.last_seq
    reply.coupons_count = call.code_hashes_count
    reply.coupons = <ops_v1.CouponState*>arena_take(&engine.arena, (<size_t>call.code_hashes_count + 1) * sizeof(ops_v1.CouponState))
    if reply.coupons == NULL:
        except_full()
    for i in range(call.code_hashes_count):
        if call.code_hashes[i].size != 16:
            raise refused("INVALID_ARGUMENT", "BAD_FORMAT", f"code_hashes[{i}]", "a code's key has 16 bytes")
        state = engine.book.coupon(<const uint8_t*>call.code_hashes[i].data)
        # Both contracts number the states alike.
        reply.coupons[i].use = state.use
        reply.coupons[i].issued = state.issued
        reply.coupons[i].has_grace = state.has_grace
        if state.issued or state.has_grace:
            reply.coupons[i].series_no = state.series_no
            reply.coupons[i].expires_at_us = state.expires_at_us
    return Answer(engine.taken(ops_v1.encode_GetCouponsResponse(&reply, engine.buffer, REPLY_BYTES_MAX)), None, engine.last_seq)
