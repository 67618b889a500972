"""Body of tiers. A row is always taken as it stands on the day before anything is counted in it or given.

Sums belong to the period of the business date; one that is neither the row's period nor the one before it counts for nobody, for no tier
can come of it any more. Never here: which sum makes which tier (core/facts/tiers).
"""
from libc.stdint cimport int16_t, int32_t, int64_t
from libc.string cimport memset

from altyn.core.accumulations cimport EarlierReceipt
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.engine.calls cimport text_of
from altyn.core.engine.earlier cimport read_earlier_sale
from altyn.core.engine.returned cimport Sale
from altyn.core.engine.step cimport Engine, taken
from altyn.core.facts.tiers cimport TierTerms
from altyn.core.ledger.tiers cimport TierRow, tier_row
from altyn.core.receipt cimport NO_ACCRUAL
from altyn.core.text cimport Text
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.ops_v1 as ops_v1


cdef inline int64_t counted_limit() noexcept nogil:
    return 1_000_000_000_000_000_000


cdef int64_t programme_day(Engine engine, int64_t instant_us) noexcept:
    return floor_div(instant_us + engine.zones.offset_us(engine.zone, instant_us), day_us())


# ROWS

cdef int64_t counted_in(TierTerms terms, const TierRow* row, int64_t first_day) noexcept nogil:
    cdef int64_t current = terms.first_of(row.period_day)
    if first_day == current:
        return row.counted
    return row.counted_before if terms.after(first_day, 1) == current else 0


cdef void end_tier(TierTerms terms, TierRow* row, int64_t day) noexcept nogil:
    """The row as it stands on the day. A tier that is over becomes what the period it ended with has made; only two periods are known,
    so that is soon none. One by hand is over with its day."""
    cdef int64_t ended
    if row.given_until_day < day:
        row.given_rank = 0
        row.given_until_day = 0
    while row.rank > 0 and row.until_day < day:
        ended = terms.first_of(row.until_day)
        row.rank = <int16_t>terms.rank_of(counted_in(terms, row, ended))
        row.until_day = <int32_t>terms.last_day(ended) if row.rank > 0 else 0


cdef void begin_period(TierTerms terms, TierRow* row, int64_t first_day) noexcept nogil:
    """Count in this period from here on, when it is later than the row's."""
    cdef int64_t current = terms.first_of(row.period_day)
    if first_day > current:
        row.counted_before = row.counted if terms.after(current, 1) == first_day else 0
        row.counted = 0
        row.period_day = <int32_t>first_day


cdef int64_t added(int64_t counted, int64_t sum) noexcept nogil:
    """Never below 0: what was bought before there were tiers may come back."""
    return min(max(counted + sum, 0), counted_limit())


cdef void rise(TierTerms terms, TierRow* row, int64_t first_day, int64_t today) noexcept nogil:
    """The tier that a period has made, if it is not lower than the row's, for as long as it makes it."""
    cdef int32_t rank = terms.rank_of(counted_in(terms, row, first_day))
    cdef int64_t last = terms.last_day(first_day)
    if rank > 0 and last >= today and (rank > row.rank or (rank == row.rank and last > row.until_day)):
        row.rank = <int16_t>rank
        row.until_day = <int32_t>last


cdef void count(TierTerms terms, TierRow* row, int64_t day, int64_t sum, int64_t today) noexcept nogil:
    cdef int64_t first_day = terms.first_of(day)
    begin_period(terms, row, first_day)
    if first_day == terms.first_of(row.period_day):
        row.counted = added(row.counted, sum)
    elif terms.after(first_day, 1) == terms.first_of(row.period_day):
        row.counted_before = added(row.counted_before, sum)
    else:
        return
    if sum > 0:
        rise(terms, row, first_day, today)


cdef bint is_same(const TierRow* a, const TierRow* b) noexcept nogil:
    return (a.rank == b.rank and a.until_day == b.until_day and a.given_rank == b.given_rank
            and a.given_until_day == b.given_until_day and a.counted == b.counted and a.counted_before == b.counted_before
            and (a.period_day == b.period_day or (a.counted == 0 and a.counted_before == 0)))


cdef void put_change(journal_v1.Effects* effects, const TierRow* row) noexcept:
    cdef journal_v1.TierChange* change = &effects.tiers[effects.tiers_count]
    effects.tiers_count += 1
    change.account_id = row.account_id
    change.rank = row.rank
    change.until_day = row.until_day
    change.period_day = row.period_day
    change.counted = row.counted
    change.counted_before = row.counted_before
    change.given_rank = row.given_rank
    change.given_until_day = row.given_until_day


cdef inline int32_t best_rank(const TierRow* row) noexcept nogil:
    return max(row.rank, row.given_rank)


cdef inline int32_t best_until(const TierRow* row) noexcept nogil:
    """The last day of the better one; of two alike, the later."""
    return max(row.until_day if row.rank == best_rank(row) else 0, row.given_until_day if row.given_rank == best_rank(row) else 0)


cdef int open_changes(Engine engine, journal_v1.Effects* effects, size_t room) except -1:
    effects.tiers = <journal_v1.TierChange*>taken(engine, room * sizeof(journal_v1.TierChange))
    return 0


# READ

cdef int read_tier(Engine engine) except -1:
    cdef TierTerms terms = engine.tiers
    cdef int64_t instant_us = engine.case.business_time_us or engine.case.instant_us
    cdef TierRow row
    cdef int32_t i
    engine.case.holdings.tiers_count = 0
    if terms.count == 0 or engine.case.account_id == 0 or engine.book.tiers.count == 0:
        return 0
    row = tier_row(&engine.book.tiers, engine.case.account_id)
    end_tier(terms, &row, programme_day(engine, instant_us))
    engine.case.holdings.tiers_count = terms.steps_of(best_rank(&row))
    if engine.case.holdings.tiers_count > 0:
        engine.case.holdings.tiers = <Text*>taken(engine, <size_t>engine.case.holdings.tiers_count * sizeof(Text))
        for i in range(engine.case.holdings.tiers_count):
            engine.case.holdings.tiers[i] = terms.steps[engine.case.holdings.tiers_count - 1 - i].tier
    return 0


cdef Text tier_name(Engine engine) noexcept:
    cdef Text none
    none.data = NULL
    none.size = 0
    return engine.case.holdings.tiers[0] if engine.case.holdings.tiers_count > 0 else none


cdef ops_v1.AccountTier* shown_tier(Engine engine, int64_t account_id, int64_t instant_us) except? NULL:
    cdef TierTerms terms = engine.tiers
    cdef TierRow row = tier_row(&engine.book.tiers, account_id)
    cdef ops_v1.AccountTier* shown
    cdef int32_t reached, projected, given
    cdef int64_t today = programme_day(engine, instant_us)
    if terms.count == 0 or row.account_id == 0:
        return NULL
    end_tier(terms, &row, today)
    begin_period(terms, &row, terms.first_of(today))
    shown = <ops_v1.AccountTier*>taken(engine, sizeof(ops_v1.AccountTier))
    reached = terms.steps_of(best_rank(&row))
    given = terms.steps_of(row.given_rank)
    projected = terms.steps_of(terms.rank_of(row.counted))
    if reached > 0:
        shown.tier = terms.steps[reached - 1].tier
    if projected > 0:
        shown.projected = terms.steps[projected - 1].tier
    if given > 0:
        shown.given = terms.steps[given - 1].tier
        shown.given_until_day = row.given_until_day
    if terms.points_asset is not None:
        engine.kept.append(terms.points_asset.encode())
        shown.asset = text_of(engine.kept[len(engine.kept) - 1])
    shown.until_day = best_until(&row)
    shown.period_day = <int32_t>terms.first_of(today)
    shown.counted = row.counted
    shown.counted_before = row.counted_before
    return shown


# COUNT

cdef int change_tier(Engine engine, int64_t account_id, int64_t day, int64_t sum, journal_v1.Effects* effects) except -1:
    cdef TierTerms terms = engine.tiers
    cdef TierRow before = tier_row(&engine.book.tiers, account_id)
    cdef TierRow row = before
    cdef int64_t today = programme_day(engine, engine.case.instant_us)
    row.account_id = account_id
    end_tier(terms, &row, today)
    count(terms, &row, day, sum, today)
    if not is_same(&before, &row):
        open_changes(engine, effects, 1)
        put_change(effects, &row)
    return 0


cdef int64_t points_opened(Engine engine, const journal_v1.Effects* effects, TierTerms terms) except? -1:
    cdef int64_t sum = 0
    cdef int32_t i, asset_no
    asset = engine.facts.assets.get(terms.points_asset)
    if asset is None:
        return 0
    asset_no = asset.asset_no
    for i in range(effects.lots_count):
        if effects.lots[i].asset_no == asset_no and effects.lots[i].from_account_id == 0:
            sum += effects.lots[i].points
    return sum


cdef int64_t points_taken(Engine engine, const journal_v1.Effects* effects, TierTerms terms) except? -1:
    """What taking points back gave to the programme's own account."""
    cdef const journal_v1.Entry* entry
    cdef int64_t sum = 0
    cdef int32_t i, j, asset_no
    asset = engine.facts.assets.get(terms.points_asset)
    if asset is None:
        return 0
    asset_no = asset.asset_no
    for i in range(effects.entries_count):
        entry = &effects.entries[i]
        for j in range(entry.postings_count if entry.kind == journal_v1.ENTRY_KIND_CLAWBACK else 0):
            if entry.postings[j].account_id == -journal_v1.SYSTEM_ACCOUNT_ISSUED and entry.postings[j].asset_no == asset_no:
                sum += entry.postings[j].points
    return sum


cdef int64_t paid_for(const Sale* sale, bint after, Engine engine) except? -1:
    cdef EarlierReceipt receipt
    cdef int64_t sum = 0
    cdef int32_t i
    if read_earlier_sale(sale, after, &receipt, &engine.arena):
        for i in range(receipt.lines_count):
            sum += 0 if receipt.lines[i].flags & NO_ACCRUAL else receipt.lines[i].paid_minor
    return sum


cdef int count_sale_tier(Engine engine, journal_v1.Effects* effects) except -1:
    cdef TierTerms terms = engine.tiers
    cdef int64_t sum = 0
    cdef int32_t i
    if terms.count == 0 or engine.case.account_id == 0:
        return 0
    if terms.points_asset is not None:
        sum = points_opened(engine, effects, terms)
    else:
        for i in range(engine.case.receipt.lines_count):
            if not engine.case.receipt.lines[i].flags & NO_ACCRUAL:
                sum += engine.outcome.lines[i].net_minor
    if sum == 0:
        return 0
    return change_tier(engine, engine.case.account_id, programme_day(engine, engine.case.business_time_us), sum, effects)


cdef int count_return_tier(Engine engine, const Sale* sale, journal_v1.Effects* effects) except -1:
    cdef TierTerms terms = engine.tiers
    cdef const journal_v1.CustomerFacts* customer = sale.record.evidence.customer
    cdef int64_t sum
    if terms.count == 0 or customer == NULL or customer.account_id == 0:
        return 0
    if terms.points_asset is not None:
        sum = -points_taken(engine, effects, terms)
    else:
        sum = paid_for(sale, True, engine) - paid_for(sale, False, engine)
    if sum == 0:
        return 0
    return change_tier(engine, engine.book.leads_to(customer.account_id), programme_day(engine, sale.record.evidence.business_time_us), sum,
                       effects)


cdef int merge_tiers(Engine engine, int64_t account_id, int64_t into, journal_v1.Effects* effects) except -1:
    cdef TierTerms terms = engine.tiers
    cdef TierRow mine = tier_row(&engine.book.tiers, account_id)
    cdef TierRow row = tier_row(&engine.book.tiers, into)
    cdef TierRow gone
    cdef int64_t today = programme_day(engine, engine.case.instant_us)
    cdef int64_t first_day = terms.first_of(today)
    if mine.account_id == 0:
        return 0
    row.account_id = into
    end_tier(terms, &mine, today)
    end_tier(terms, &row, today)
    begin_period(terms, &mine, first_day)
    begin_period(terms, &row, first_day)
    row.counted = added(row.counted, mine.counted)
    row.counted_before = added(row.counted_before, mine.counted_before)
    if mine.rank > row.rank or (mine.rank == row.rank and mine.until_day > row.until_day):
        row.rank = mine.rank
        row.until_day = mine.until_day
    if mine.given_rank > row.given_rank or (mine.given_rank == row.given_rank and mine.given_until_day > row.given_until_day):
        row.given_rank = mine.given_rank
        row.given_until_day = mine.given_until_day
    rise(terms, &row, first_day, today)
    memset(&gone, 0, sizeof(TierRow))
    gone.account_id = account_id
    open_changes(engine, effects, 2)
    put_change(effects, &gone)
    put_change(effects, &row)
    return 0


# END

cdef bint is_over(TierTerms terms, TierRow* row, int64_t today) noexcept nogil:
    """The row has become another since it was written; sums of two periods ago are nobody's."""
    cdef TierRow before = row[0]
    end_tier(terms, row, today)
    if best_rank(row) == 0:
        begin_period(terms, row, terms.first_of(today))
        if row.counted == 0 and row.counted_before == 0:
            return True
        row[0] = before
        end_tier(terms, row, today)
    return not is_same(&before, row)
