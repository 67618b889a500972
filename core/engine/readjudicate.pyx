"""Body of READJUDICATE (semantics §6.7.3, §6.11.26).

What is paid is never touched. Of promotions with READJUDICATE stage 11 is run again on what is left of the receipt, by the rules and
the evidence of the sale and the prices that were paid; what they gave and would not give on the rest is taken back. Everything else goes
back by shares, as without the policy. All figures are of all that was taken back so far, so any partition of a return ends in the same:
nothing is left, nothing is kept. When the whole sale is back no rule is asked.
"""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset
from altyn.core.calculator.rest cimport LineRest
from altyn.core.engine.releases cimport Release
from altyn.core.engine.replay cimport Recalculator, sale_again
from altyn.core.engine.returned cimport (
    SoldLine, earned_at, earned_on, is_all_back, is_back, lowered_at, part_at, promotion_of_code, read_sale, refund_of,
)
from altyn.core.engine.calls cimport add_exception, decode_record, taken_from
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.limits cimport ARENA_BYTES
from altyn.core.outcome cimport COUPON_APPLIED, Outcome
from altyn.core.receipt cimport Line, Receipt
from altyn.core.rules.image cimport FORBIDS_PARTIAL, READJUDICATES, RulesView
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport text_equal
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_reset
cimport altyn.core.wire.generated.pos_v1 as pos_v1

from altyn.core.engine.types import RulesMissing, RulesWanted


# POLICIES

cdef bint has_policy(const Sale* sale, Text promotion_id, int32_t on_return) noexcept nogil:
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef int32_t i
    for i in range(evidence.return_policies_count):
        if evidence.return_policies[i].on_return == on_return and text_equal(evidence.return_policies[i].promotion_id, promotion_id):
            return True
    return False


cdef inline bint has_flag(const RulesView* rules, int32_t rule) noexcept nogil:
    return rule >= 0 and rules.promotions[rules.rules[rule].promotion].flags & (READJUDICATES | FORBIDS_PARTIAL) != 0


cdef void note_policy(Ruleset rules, journal_v1.Evidence* evidence, int32_t rule) noexcept:
    cdef journal_v1.ReturnPolicy* policy = &evidence.return_policies[evidence.return_policies_count]
    cdef Text promotion_id
    cdef int32_t i
    if not has_flag(&rules.view, rule):
        return
    promotion_id = rules.promotion_text(rule)
    for i in range(evidence.return_policies_count):
        if text_equal(evidence.return_policies[i].promotion_id, promotion_id):
            return
    policy.promotion_id = promotion_id
    policy.on_return = journal_v1.ON_RETURN_FORBID_PARTIAL
    if rules.view.promotions[rules.view.rules[rule].promotion].flags & READJUDICATES:
        policy.on_return = journal_v1.ON_RETURN_READJUDICATE
    evidence.return_policies_count += 1


cdef int policy_evidence(Engine engine, Release release, journal_v1.Evidence* evidence) except -1:
    cdef const Outcome* outcome = &engine.outcome
    cdef Ruleset rules = release.ruleset
    cdef size_t room = <size_t>(outcome.accruals_count + outcome.issued_count)
    cdef int32_t i, row
    if not rules.view.summary.promotion_flags & (READJUDICATES | FORBIDS_PARTIAL):
        return 0
    for i in range(engine.case.receipt.lines_count):
        row = outcome.lines[i].first_discount
        while row >= 0:
            room += has_flag(&rules.view, outcome.discounts[row].rule)
            row = outcome.discounts[row].next
    evidence.return_policies = <journal_v1.ReturnPolicy*>taken_from(&engine.arena, (room + 1) * sizeof(journal_v1.ReturnPolicy))
    for i in range(engine.case.receipt.lines_count):
        row = outcome.lines[i].first_discount
        while row >= 0:
            note_policy(rules, evidence, outcome.discounts[row].rule)
            row = outcome.discounts[row].next
    for i in range(outcome.accruals_count):
        note_policy(rules, evidence, outcome.accruals[i].rule)
    for i in range(engine.case.issues_count):
        note_policy(rules, evidence, outcome.issued[i].rule)
    return 0


# THE SALE

cdef bint decides_again(const Sale* sale) noexcept nogil:
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef int32_t i
    for i in range(evidence.return_policies_count):
        if evidence.return_policies[i].on_return == journal_v1.ON_RETURN_READJUDICATE:
            return True
    return False


cdef journal_v1.Readjudicated* readjudicate(Engine engine, Operation operation, Sale* sale) except? NULL:
    cdef journal_v1.Readjudicated* out
    cdef Release release
    cdef bint is_missing, decided = False
    if not decides_again(sale):
        return NULL
    out = by_shares(sale, &engine.arena)
    if is_all_back(sale, True):
        return out
    release = engine.releases.of_sale(sale.record.evidence.rules_version, sale.record.evidence.document_sha256, &is_missing)
    if is_missing:
        raise RulesMissing(RulesWanted(sale.record.instant_us, sale.record.evidence.rules_version))
    if release is not None:
        decided = decide_again(release.ruleset, sale, out, &engine.arena)
    if not decided:
        add_exception(&operation.exceptions, pos_v1.REASON_NOT_READJUDICATED)
    return out


cdef journal_v1.Readjudicated* by_shares(const Sale* sale, Arena* arena) except NULL:
    """As if nothing were decided again."""
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef const journal_v1.Effects* did = sale.record.effects
    cdef journal_v1.Readjudicated* out = <journal_v1.Readjudicated*>taken_from(arena, sizeof(journal_v1.Readjudicated))
    cdef int32_t i
    out.cancelled_points = <int64_t*>taken_from(arena, <size_t>(evidence.assets_count + 1) * sizeof(int64_t))
    out.lowered = <int64_t*>taken_from(arena, <size_t>(did.counters_count + 1) * sizeof(int64_t))
    out.codes_back = <int32_t*>taken_from(arena, <size_t>(did.coupons_count + 1) * sizeof(int32_t))
    out.cancelled_points_count = evidence.assets_count
    out.lowered_count = did.counters_count
    for i in range(evidence.assets_count):
        out.cancelled_points[i] = earned_at(sale, evidence.assets[i].asset_no, True)
    for i in range(did.counters_count):
        out.lowered[i] = lowered_at(sale, &did.counters[i], True)
    for i in range(did.coupons_count):
        if was_back(sale, i) or is_back(sale, promotion_of_change(sale, i), True):
            turn_back(out, i)
    return out


cdef Text promotion_of_change(const Sale* sale, int32_t place) noexcept nogil:
    """Of a code that was used, the promotion it belonged to. Issued ones go back with the whole receipt."""
    cdef Text none = [NULL, 0]
    cdef const journal_v1.CouponChange* change = &sale.record.effects.coupons[place]
    return none if change.issued else promotion_of_code(sale, change)


cdef Text issuer_of(const Sale* sale, int32_t place, int32_t* nth) noexcept nogil:
    """The promotion that issued a code of the sale, and which of its codes that is."""
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef Text none = [NULL, 0]
    cdef int32_t i, j, issue = 0
    for i in range(place):
        issue += sale.record.effects.coupons[i].issued
    nth[0] = 0
    for i in range(evidence.issues_count):
        if evidence.issues[i].reason != pos_v1.REASON_UNSPECIFIED:
            continue
        if issue == 0:
            for j in range(i):
                nth[0] += text_equal(evidence.issues[j].promotion_id, evidence.issues[i].promotion_id)
            return evidence.issues[i].promotion_id
        issue -= 1
    return none


cdef void turn_back(journal_v1.Readjudicated* out, int32_t place) noexcept nogil:
    if not is_turned_back(out, place):
        out.codes_back[out.codes_back_count] = place
        out.codes_back_count += 1


cdef bint is_turned_back(const journal_v1.Readjudicated* state, int32_t place) noexcept nogil:
    cdef int32_t i
    for i in range(state.codes_back_count if state != NULL else 0):
        if state.codes_back[i] == place:
            return True
    return False


cdef bint was_back(const Sale* sale, int32_t place) noexcept nogil:
    return sale.before != NULL and is_turned_back(sale.before.readjudicated, place)


# DECIDING AGAIN

cdef bint decide_again(Ruleset rules, const Sale* sale, journal_v1.Readjudicated* out, Arena* arena) except -1:
    """What promotions with READJUDICATE are to take back, in the place of their shares. False: these rules and the evidence do not
    give what the sale gave; `out` is as it was."""
    cdef Recalculator again = sale_again(&sale.record)
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef int32_t assets = evidence.assets_count, i
    cdef int64_t* gave = <int64_t*>taken_from(arena, <size_t>(assets + 1) * sizeof(int64_t))
    cdef int64_t* shared = <int64_t*>taken_from(arena, <size_t>(assets + 1) * sizeof(int64_t))
    cdef int64_t now
    if rules.view.assets_count != assets or sale.lines_count != again.receipt.lines_count:
        return False
    run_on(again, rules, sale, False, arena)
    for i in range(assets):
        gave[i] = given_by_lots(sale, evidence.assets[i].asset_no)
        if gave[i] != accrued(again, rules, i):
            return False
        shared[i] = share_of_lines(again, sale, i)
    run_on(again, rules, sale, True, arena)
    for i in range(assets):
        now = accrued(again, rules, i)
        out.cancelled_points[i] += gave[i] - min(gave[i], now) - shared[i]
    for i in range(sale.record.effects.counters_count):
        if has_policy(sale, sale.record.effects.counters[i].key.limit, journal_v1.ON_RETURN_READJUDICATE):
            out.lowered[i] = sale.record.effects.counters[i].used - min(
                sale.record.effects.counters[i].used, counted(&again.outcome, sale.record.effects.counters[i].key))
    for i in range(sale.record.effects.coupons_count):
        if is_undone(again, rules, sale, i):
            turn_back(out, i)
    return True


cdef int run_on(Recalculator again, Ruleset rules, const Sale* sale, bint rest, Arena* arena) except -1:
    """Stage 11 on the sale, or on what is left of it."""
    cdef Receipt receipt = again.receipt
    cdef LineRest* paid = <LineRest*>taken_from(arena, <size_t>(sale.lines_count + 1) * sizeof(LineRest))
    cdef Line* line
    cdef int32_t i
    receipt.lines = <Line*>taken_from(arena, <size_t>(sale.lines_count + 1) * sizeof(Line))
    receipt.lines_count = 0
    for i in range(sale.lines_count):
        if rest and sale.lines[i].after_milli >= sale.lines[i].qty_milli:
            continue
        line = &receipt.lines[receipt.lines_count]
        line[0] = again.receipt.lines[i]
        if rest:
            leave(&sale.lines[i], line, &paid[receipt.lines_count])
        else:
            paid[receipt.lines_count] = LineRest(sale.lines[i].outcome.net_minor, sale.lines[i].outcome.points_paid_minor)
        receipt.lines_count += 1
    memset(&again.outcome, 0, sizeof(Outcome))
    return again.calculator.accrue_rest(rules, &receipt, &again.place, &again.holdings, paid, &again.outcome)


cdef void leave(const SoldLine* sold, Line* line, LineRest* paid) noexcept nogil:
    """What is left of a line, of every figure."""
    cdef int64_t k = sold.after_milli, qty = sold.qty_milli
    paid.net_minor = sold.outcome.net_minor - refund_of(sold)
    paid.paid_minor = sold.outcome.points_paid_minor - part_at(sold.outcome.points_paid_minor, k, qty)
    line.qty_milli = qty - k
    line.gross_minor = paid.net_minor + paid.paid_minor + sold.outcome.discount_minor - part_at(sold.outcome.discount_minor, k, qty)


cdef int64_t given_by_lots(const Sale* sale, int32_t asset_no) noexcept nogil:
    """Points of an asset that the sale's promotions with READJUDICATE gave."""
    cdef const journal_v1.LotOpened* lot
    cdef int64_t points = 0
    cdef int32_t i
    for i in range(sale.record.effects.lots_count):
        lot = &sale.record.effects.lots[i]
        if lot.asset_no == asset_no and has_policy(sale, lot.promotion_id, journal_v1.ON_RETURN_READJUDICATE):
            points += lot.points
    return points


cdef int64_t accrued(Recalculator again, Ruleset rules, int32_t asset) noexcept:
    """What such promotions give in the run just made."""
    cdef int64_t points = 0
    cdef int32_t i
    for i in range(again.outcome.accruals_count):
        if (again.outcome.accruals[i].asset == asset
                and rules.view.promotions[rules.view.rules[again.outcome.accruals[i].rule].promotion].flags & READJUDICATES):
            points += again.outcome.accruals[i].points
    return points


cdef int64_t share_of_lines(Recalculator again, const Sale* sale, int32_t asset) noexcept:
    """Their part of what `by_shares` cancels: of each line it is the difference that their points make."""
    cdef const SoldLine* line
    cdef int64_t all_points, again_points, share = 0
    cdef int32_t i, row
    for i in range(sale.lines_count):
        line = &sale.lines[i]
        again_points = 0
        row = again.outcome.lines[i].first_accrual
        while row >= 0:
            if again.outcome.line_accruals[row].asset == asset:
                again_points += again.outcome.line_accruals[row].points
            row = again.outcome.line_accruals[row].next
        all_points = earned_on(sale, line, asset)
        share += part_at(all_points, line.after_milli, line.qty_milli)
        share -= part_at(all_points - again_points, line.after_milli, line.qty_milli)
    return share


cdef int64_t counted(const Outcome* outcome, const journal_v1.CounterKey* key) noexcept nogil:
    """What the run takes of a counter."""
    cdef int32_t i
    for i in range(outcome.counters_count):
        if (text_equal(outcome.counters[i].limit, key.limit) and outcome.counters[i].measure == key.measure
                and outcome.counters[i].per == key.per and outcome.counters[i].id.window == key.window):
            return outcome.counters[i].taken
    return 0


cdef bint is_undone(Recalculator again, Ruleset rules, const Sale* sale, int32_t place) noexcept:
    """A code that the run does not use, or does not issue, any more."""
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef Text promotion_id = promotion_of_change(sale, place)
    cdef int32_t i, nth = 0, count = 0
    if sale.record.effects.coupons[place].issued:
        promotion_id = issuer_of(sale, place, &nth)
    if not has_policy(sale, promotion_id, journal_v1.ON_RETURN_READJUDICATE):
        return False
    if sale.record.effects.coupons[place].issued:
        for i in range(again.outcome.issued_count):
            count += text_equal(rules.promotion_text(again.outcome.issued[i].rule), promotion_id)
        return count <= nth
    for i in range(evidence.coupons_count):
        if text_equal(evidence.coupons[i].code_hash, sale.record.effects.coupons[place].code_hash):
            return again.outcome.coupons[evidence.coupons[i].place].result != COUPON_APPLIED
    return False


# PROOF

cdef class Scratch:
    """Memory of a proof: the taking and its sale."""
    cdef Arena arena

    def __cinit__(self):
        arena_open(&self.arena, 2 * ARENA_BYTES)

    def __dealloc__(self):
        arena_close(&self.arena)


cdef Scratch scratch = Scratch()


def same_taking(bytes record_body not None, Ruleset ruleset not None):
    """Deciding a Return or Cancel again gives what it took back where shares alone do not tell it. ValueError: the record is none."""
    cdef journal_v1.Record record
    cdef const journal_v1.OriginalFacts* original
    cdef const journal_v1.Readjudicated* took
    cdef journal_v1.Readjudicated* out
    cdef Sale sale
    cdef bint shared = False
    cdef int32_t i
    arena_reset(&scratch.arena)
    decode_record(record_body, &record, &scratch.arena)
    if record.effects == NULL or record.effects.returned == NULL or record.evidence == NULL or record.evidence.original == NULL:
        raise ValueError(f"record {record.seq} takes nothing back")
    original = record.evidence.original
    # The state after is read as what stands: only that decides.
    read_sale(&sale, original.sale.data[:original.sale.size], record.effects.returned, &scratch.arena)
    sale.before = original.before
    took = record.effects.returned.readjudicated
    if took == NULL or not decides_again(&sale):
        return took == NULL and not decides_again(&sale)
    for i in range(record.exceptions_count):
        shared = shared or record.exceptions[i] == pos_v1.REASON_NOT_READJUDICATED
    out = by_shares(&sale, &scratch.arena)
    if not is_all_back(&sale, True) and not shared and not decide_again(ruleset, &sale, out, &scratch.arena):
        return False
    return (
        [out.cancelled_points[i] for i in range(out.cancelled_points_count)]
        == [took.cancelled_points[i] for i in range(took.cancelled_points_count)]
        and [out.lowered[i] for i in range(out.lowered_count)] == [took.lowered[i] for i in range(took.lowered_count)]
        and {out.codes_back[i] for i in range(out.codes_back_count)} == {took.codes_back[i] for i in range(took.codes_back_count)}
    )
