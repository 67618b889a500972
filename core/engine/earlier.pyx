"""Body of earlier purchases (semantics §6.11.28, docs/decisions/0027, 0035).

A sale is counted as its record has it: attributes are those of the evidence, sums those of the answer; so a backfill that reads the record
comes to the same. A return is what the sale counted before less what it counts after. Differences are in the effects; what counts is
`core/accumulations`' to say.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memset

from altyn.core.accumulations cimport EarlierLine, EarlierReceipt, name_receipt, part_of
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.edge cimport ReadError, read_receipt
from altyn.core.engine.numbers cimport Numbers
from altyn.core.engine.record cimport take_line_facts
from altyn.core.engine.releases cimport Release
from altyn.core.engine.returned cimport Sale, refund_of
from altyn.core.engine.calls cimport taken_from
from altyn.core.engine.step cimport Engine
from altyn.core.ledger.accumulators cimport Accumulation, accumulator_value, bucket_day, store_number
from altyn.core.outcome cimport DISCOUNT, LineDiscount, Outcome, kind_of
from altyn.core.receipt cimport Holdings, Line, Place, Receipt
from altyn.core.rules.image cimport ATTRIBUTE, AccumulationRow
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text, text_equal
from altyn.core.wire.arena cimport Arena
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef enum:
    GAVE_MAX = 4_096           # promotions that gave something on one receipt


# READ

cdef int read_earlier(Engine engine, Release release) except -1:
    cdef Numbers numbers = release.numbers
    cdef int64_t* values
    cdef int64_t day
    cdef uint32_t store_no
    cdef int32_t i
    if numbers is None or engine.case.account_id == 0:
        return 0
    numbers.look(engine.book)
    if not numbers.all_ready:
        return 0
    values = <int64_t*>taken_from(&engine.arena, <size_t>numbers.count * sizeof(int64_t))
    day = floor_div(engine.case.place.wall_us, day_us())
    store_no = store_number(&engine.book.accumulators, engine.case.place.store_id)
    for i in range(numbers.count):
        values[i] = accumulator_value(&engine.book.accumulators, numbers.numbers[i], engine.case.account_id, day, store_no)
    engine.case.holdings.accumulations = values
    return 0


cdef int earlier_evidence(Engine engine, Release release, journal_v1.Evidence* evidence) except -1:
    cdef Numbers numbers = release.numbers
    cdef int32_t i
    if engine.case.holdings.accumulations == NULL:
        return 0
    evidence.accumulations = <journal_v1.AccumulationFacts*>taken_from(&engine.arena, <size_t>numbers.count * sizeof(journal_v1.AccumulationFacts))
    evidence.accumulations_count = numbers.count
    for i in range(numbers.count):
        evidence.accumulations[i].digest = numbers.digests[i]
        evidence.accumulations[i].value = engine.case.holdings.accumulations[i]
    return 0


cdef Numbers take_earlier(Holdings* holdings, const journal_v1.Evidence* evidence, Ruleset ruleset, Numbers numbers, Arena* arena):
    """One number that is missing leaves all of them unknown, as where nobody keeps them."""
    cdef int64_t* values
    cdef int32_t i, j
    holdings.accumulations = NULL
    if ruleset.view.accumulations_count == 0:
        return numbers
    if numbers is None or numbers.ruleset is not ruleset:
        numbers = Numbers(ruleset)
    values = <int64_t*>taken_from(arena, <size_t>numbers.count * sizeof(int64_t))
    for i in range(numbers.count):
        j = i
        if j >= evidence.accumulations_count or evidence.accumulations[j].digest != numbers.digests[i]:
            j = 0
            while j < evidence.accumulations_count and evidence.accumulations[j].digest != numbers.digests[i]:
                j += 1
        if j == evidence.accumulations_count:
            return numbers
        values[i] = evidence.accumulations[j].value
    holdings.accumulations = values
    return numbers


# PARTS

cdef bint counts_attributes(Engine engine) noexcept:
    return engine.counting is not None and engine.counting.ruleset.view.summary.kinds >> ATTRIBUTE & 1


cdef int add_parts(Ruleset ruleset, EarlierReceipt* receipt, int32_t times, int64_t* parts) except -1:
    cdef int32_t i
    name_receipt(&ruleset.view, receipt)
    for i in range(ruleset.view.accumulations_count):
        parts[i] += times * part_of(&ruleset.view, &ruleset.view.accumulations[i], receipt)
    return 0


cdef int open_receipt(EarlierReceipt* out, const Receipt* receipt, Arena* arena) except -1:
    memset(out, 0, sizeof(EarlierReceipt))
    out.lines = <EarlierLine*>taken_from(arena, (<size_t>receipt.lines_count + 1) * sizeof(EarlierLine))
    out.gave = <Text*>taken_from(arena, GAVE_MAX * sizeof(Text))
    return 0


cdef void put_place(EarlierReceipt* out, const Place* where) noexcept nogil:
    out.day = floor_div(where.wall_us, day_us())
    out.store[0], out.store[1], out.store[2], out.store[3] = where.store_id, where.region, where.format, where.cluster


cdef void add_line(EarlierReceipt* out, const Line* line, int64_t qty_milli, int64_t paid_minor) noexcept nogil:
    """A line of a gross of 0 counts nowhere."""
    cdef EarlierLine* made = &out.lines[out.lines_count]
    if qty_milli <= 0 or line.gross_minor <= 0:
        return
    out.lines_count += 1
    made.texts[0], made.texts[1], made.texts[2], made.texts[3] = line.sku, line.group, line.brand, line.supplier
    made.attributes = <Text*>line.attributes
    made.attributes_count = line.attributes_count
    made.unit = line.unit
    made.flags = line.flags
    made.qty_milli = qty_milli
    made.paid_minor = paid_minor


cdef void add_giver(EarlierReceipt* out, Text promotion_id) noexcept nogil:
    cdef int32_t i
    for i in range(out.gave_count):
        if text_equal(out.gave[i], promotion_id):
            return
    if promotion_id.size > 0 and out.gave_count < GAVE_MAX:
        out.gave[out.gave_count] = promotion_id
        out.gave_count += 1


cdef void add_givers(EarlierReceipt* out, const Outcome* outcome, int32_t lines_count, Ruleset rules) noexcept:
    cdef const LineDiscount* given
    cdef int32_t i, row
    for i in range(lines_count):
        row = outcome.lines[i].first_discount
        while row >= 0:
            given = &outcome.discounts[row]
            if given.rule >= 0 and given.amount_minor > 0 and kind_of(given.rule) == DISCOUNT:
                add_giver(out, rules.promotion_text(given.rule))
            row = given.next


cdef int read_decided_sale(Engine engine, Ruleset rules, const journal_v1.Effects* effects, EarlierReceipt* out) except -1:
    """The sale of the case."""
    cdef const Receipt* receipt = &engine.case.receipt
    cdef int32_t i
    open_receipt(out, receipt, &engine.arena)
    put_place(out, &engine.case.place)
    for i in range(receipt.lines_count):
        add_line(out, &receipt.lines[i], receipt.lines[i].qty_milli, engine.outcome.lines[i].net_minor)
    add_givers(out, &engine.outcome, receipt.lines_count, rules)
    for i in range(effects.lots_count):
        add_giver(out, effects.lots[i].promotion_id)
    return 0


cdef bint read_earlier_sale(const Sale* sale, bint after, EarlierReceipt* out, Arena* arena) except -1:
    cdef const journal_v1.Evidence* evidence = sale.record.evidence
    cdef const pos_v1.LineOutcome* told
    cdef Receipt receipt
    cdef ReadError error
    cdef int32_t i, j
    cdef bint is_left = False
    memset(&receipt, 0, sizeof(receipt))
    if evidence.store == NULL or read_receipt(sale.record.request.receipt, &receipt, arena, &error) != 0:
        return False
    take_line_facts(&receipt, evidence)
    open_receipt(out, &receipt, arena)
    out.day = floor_div(evidence.store_wall_us, day_us())
    out.store[0], out.store[1] = evidence.store.store_id, evidence.store.region
    out.store[2], out.store[3] = evidence.store.format, evidence.store.cluster
    for i in range(sale.lines_count):
        told = sale.lines[i].outcome
        is_left = is_left or qty_left(sale, i, after) > 0
        add_line(out, &receipt.lines[i], qty_left(sale, i, after), told.net_minor - refunded(sale, i, after))
        for j in range(told.discounts_count):
            if told.discounts[j].kind == pos_v1.DISCOUNT_KIND_DISCOUNT and told.discounts[j].amount_minor > 0:
                add_giver(out, told.discounts[j].promotion_id)
    for i in range(sale.record.effects.lots_count):
        add_giver(out, sale.record.effects.lots[i].promotion_id)
    return is_left


cdef int64_t qty_left(const Sale* sale, int32_t place, bint after) noexcept nogil:
    return sale.lines[place].qty_milli - (sale.lines[place].after_milli if after else sale.lines[place].before_milli)


cdef int64_t refunded(const Sale* sale, int32_t place, bint after) noexcept nogil:
    cdef int32_t i
    if after:
        return refund_of(&sale.lines[place])
    for i in range(sale.before.lines_count if sale.before != NULL else 0):
        if sale.before.lines[i].line_no == sale.lines[place].line_no:
            return sale.before.lines[i].refund_minor
    return 0


# COUNT

cdef bint is_counting(Engine engine) except -1:
    """Something is kept, and it is known how to measure all of it."""
    if engine.counting is None:
        if engine.book.accumulators.rows != NULL:
            raise AssertionError("numbers of earlier purchases are kept, and nobody said how they are measured")
        return False
    engine.counting.look(engine.book)
    assert engine.counting.kept_all, "a number of earlier purchases is kept, and nobody said how it is measured"
    return True


cdef int count_sale(Engine engine, Release release, journal_v1.Effects* effects) except -1:
    cdef EarlierReceipt receipt
    cdef int64_t* parts
    if engine.case.account_id == 0 or not is_counting(engine):
        return 0
    parts = <int64_t*>taken_from(&engine.arena, (<size_t>engine.counting.count + 1) * sizeof(int64_t))
    memset(parts, 0, (<size_t>engine.counting.count + 1) * sizeof(int64_t))
    read_decided_sale(engine, release.ruleset, effects, &receipt)
    add_parts(engine.counting.ruleset, &receipt, 1, parts)
    return put_changes(engine, engine.case.account_id, &receipt, parts, effects)


cdef int count_return(Engine engine, const Sale* sale, journal_v1.Effects* effects) except -1:
    cdef const journal_v1.CustomerFacts* customer = sale.record.evidence.customer
    cdef EarlierReceipt receipt
    cdef int64_t* parts
    if customer == NULL or customer.account_id == 0 or not is_counting(engine):
        return 0
    parts = <int64_t*>taken_from(&engine.arena, (<size_t>engine.counting.count + 1) * sizeof(int64_t))
    memset(parts, 0, (<size_t>engine.counting.count + 1) * sizeof(int64_t))
    if read_earlier_sale(sale, True, &receipt, &engine.arena):
        add_parts(engine.counting.ruleset, &receipt, 1, parts)
    if read_earlier_sale(sale, False, &receipt, &engine.arena):
        add_parts(engine.counting.ruleset, &receipt, -1, parts)
        put_changes(engine, engine.book.leads_to(customer.account_id), &receipt, parts, effects)
    return 0


cdef int put_changes(Engine engine, int64_t account_id, const EarlierReceipt* receipt, const int64_t* parts, journal_v1.Effects* effects) except -1:
    """Buckets of one account, at the sale's date and store."""
    cdef Numbers counting = engine.counting
    cdef const AccumulationRow* row
    cdef const Accumulation* kept
    cdef journal_v1.AccumulatorChange* change
    cdef uint32_t store_no = store_number(&engine.book.accumulators, receipt.store[0])
    cdef int32_t i, count = 0
    for i in range(counting.count):
        count += parts[i] != 0 and counting.numbers[i] != 0
    if count == 0:
        return 0
    # One more than there are numbers: the store's own.
    effects.accumulators = <journal_v1.AccumulatorChange*>taken_from(&engine.arena, (<size_t>count + 1) * sizeof(journal_v1.AccumulatorChange))
    for i in range(counting.count):
        row = &counting.ruleset.view.accumulations[i]
        if parts[i] != 0 and counting.numbers[i] != 0 and row.same_store and store_no == 0 and receipt.store[0].size > 0:
            store_no = engine.book.accumulators.stores_count + 1
            change = &effects.accumulators[0]
            change.store_no = <int32_t>store_no
            change.store_id = receipt.store[0]
            effects.accumulators_count = 1
            break
    for i in range(counting.count):
        row = &counting.ruleset.view.accumulations[i]
        if parts[i] == 0 or counting.numbers[i] == 0 or (row.same_store and store_no == 0):
            continue
        kept = &engine.book.accumulators.rows[counting.numbers[i]]
        change = &effects.accumulators[effects.accumulators_count]
        effects.accumulators_count += 1
        change.accumulation_no = counting.numbers[i]
        change.account_id = account_id
        change.day = bucket_day(kept, receipt.day)
        change.store_no = <int32_t>store_no if row.same_store else 0
        change.difference = parts[i]
    return 0
