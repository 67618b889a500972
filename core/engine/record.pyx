"""Building the parts of a journal record: the request in resolved form, the evidence, the effects.

Decides nothing: amounts come from the outcome, ids from the facts. What a record keeps holds no card number, no phone and no code that
no rule names.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport strlen
from altyn.core.engine.case cimport Case
from altyn.core.engine.lots cimport LotDates, lot_dates
from altyn.core.facts.zones cimport Zones
from altyn.core.outcome cimport COUPON_INVALID, Accrual, Outcome
from altyn.core.receipt cimport GrantFact, Line, Receipt
from altyn.core.rules.image cimport ATTRIBUTE, FAVOURITES, GRANT, RuleRow
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.rules.symbols cimport find_symbol, may_be_symbol, symbol_hash
from altyn.core.text cimport Text, text_equal
from altyn.core.wire.arena cimport Arena, arena_take
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

cdef enum:
    HOLDS_PER_RECORD = 2       # a Reserve made anew ends the former hold and makes its own

cdef bint is_named_coupon(const Case* case, const Outcome* outcome, int32_t place) noexcept nogil:
    """A code that stands in a promotion may be written down; one of a series is as good as money."""
    cdef int32_t i
    if case.holdings.coupons != NULL and case.holdings.coupons[place].series.size > 0:
        return False
    for i in range(place + 1):
        if outcome.coupons[i].result == COUPON_INVALID and text_equal(case.receipt.coupons[i], case.receipt.coupons[place]):
            return False
    return True

cdef pos_v1.Receipt* resolved_receipt(const Case* case, const Outcome* outcome, const Text* unknown_codes, Arena* arena) noexcept nogil:
    cdef int32_t i
    cdef pos_v1.CouponEntry* coupons
    cdef pos_v1.Receipt* receipt = <pos_v1.Receipt*>arena_take(arena, sizeof(pos_v1.Receipt))
    if receipt == NULL:
        return NULL
    receipt[0] = case.wire[0]
    receipt.identity = NULL
    if receipt.coupons_count == 0:
        return receipt
    coupons = <pos_v1.CouponEntry*>arena_take(arena, <size_t>receipt.coupons_count * sizeof(pos_v1.CouponEntry))
    if coupons == NULL:
        return NULL
    for i in range(receipt.coupons_count):
        coupons[i] = case.wire.coupons[i]
        coupons[i].code = case.receipt.coupons[i] if is_named_coupon(case, outcome, i) else unknown_codes[i]
    receipt.coupons = coupons
    return receipt

cdef bint line_differs(const Line* line, const pos_v1.ReceiptLine* wire, uint32_t wire_flags) noexcept nogil:
    return (
        line.flags != wire_flags
        or line.min_price_minor != wire.min_price_minor
        or not text_equal(line.group, wire.group_id)
        or not text_equal(line.brand, wire.brand_id)
        or not text_equal(line.supplier, wire.supplier_id)
    )

cdef uint32_t flags_of(const pos_v1.ReceiptLine* wire) noexcept nogil:
    cdef const pos_v1.LineFlags* flags = wire.flags
    if flags == NULL:
        return 0
    return (
        <uint32_t>flags.no_discount | <uint32_t>flags.no_redeem << 1 | <uint32_t>flags.no_accrual << 2 | <uint32_t>flags.no_threshold << 3
        | <uint32_t>flags.marked << 4 | <uint32_t>flags.gift << 5 | <uint32_t>flags.excise << 6
    )

cdef int line_facts(journal_v1.Evidence* evidence, const Case* case, bint attributed, Arena* arena) noexcept nogil:
    """`attributed`: rules, or what is counted, name attributes."""
    cdef int32_t i, named
    cdef const Line* line
    cdef journal_v1.LineFacts* facts
    evidence.lines = <journal_v1.LineFacts*>arena_take(arena, <size_t>case.receipt.lines_count * sizeof(journal_v1.LineFacts))
    if evidence.lines == NULL:
        return -1
    for i in range(case.receipt.lines_count):
        line = &case.receipt.lines[i]
        named = line.attributes_count if attributed else 0
        if named == 0 and not line_differs(line, &case.wire.lines[i], flags_of(&case.wire.lines[i])):
            continue
        facts = &evidence.lines[evidence.lines_count]
        facts.line_no = line.line_no
        facts.group_id = line.group
        facts.brand_id = line.brand
        facts.supplier_id = line.supplier
        facts.min_price_minor = line.min_price_minor
        facts.flags = line.flags
        facts.attributes = <Text*>line.attributes
        facts.attributes_count = named
        evidence.lines_count += 1
    return 0

cdef void take_line_facts(Receipt* receipt, const journal_v1.Evidence* evidence) noexcept nogil:
    """Both are in the receipt's order."""
    cdef int32_t i, taken = 0
    cdef Line* line
    cdef const journal_v1.LineFacts* facts
    for i in range(receipt.lines_count):
        if taken == evidence.lines_count:
            return
        line = &receipt.lines[i]
        facts = &evidence.lines[taken]
        if facts.line_no != line.line_no:
            continue
        line.group = facts.group_id
        line.brand = facts.brand_id
        line.supplier = facts.supplier_id
        line.min_price_minor = facts.min_price_minor
        line.flags = facts.flags
        line.attributes = facts.attributes
        line.attributes_count = facts.attributes_count
        taken += 1

cdef bint is_named(Ruleset rules, uint32_t kind, Text text) noexcept nogil:
    """Some rule names the text."""
    cdef uint64_t hashed = symbol_hash(kind, text.data, text.size)
    return may_be_symbol(&rules.view, hashed) and find_symbol(&rules.view, hashed, kind, text) != NULL

cdef int personal_facts(journal_v1.CustomerFacts* customer, const Case* case, Ruleset rules, Arena* arena) noexcept nogil:
    """What the rules could read of what is the customer's own."""
    cdef const GrantFact* grant
    cdef journal_v1.GrantFacts* facts
    cdef Text favourite
    cdef int32_t i
    customer.birthday = case.holdings.birthday
    favourite.data = FAVOURITES
    favourite.size = <int32_t>strlen(FAVOURITES)
    if case.holdings.favourites_count > 0 and is_named(rules, ATTRIBUTE, favourite):
        customer.favourites = case.holdings.favourites
        customer.favourites_count = case.holdings.favourites_count
    if case.holdings.grants_count == 0:
        return 0
    customer.grants = <journal_v1.GrantFacts*>arena_take(arena, <size_t>case.holdings.grants_count * sizeof(journal_v1.GrantFacts))
    if customer.grants == NULL:
        return -1
    for i in range(case.holdings.grants_count):
        grant = &case.holdings.grants[i]
        if is_named(rules, GRANT, grant.promotion_id):
            facts = &customer.grants[customer.grants_count]
            facts.promotion_id = grant.promotion_id
            facts.skus = grant.skus
            facts.skus_count = grant.skus_count
            facts.categories = grant.categories
            facts.categories_count = grant.categories_count
            customer.grants_count += 1
    return 0

cdef journal_v1.Evidence* new_evidence(
    const Case* case, Ruleset rules, const int32_t* asset_nos, const int32_t* asset_scales, Text sha256, Text document_sha256,
    bint attributed, Arena* arena
) noexcept nogil:
    cdef int32_t i
    cdef journal_v1.Evidence* evidence = <journal_v1.Evidence*>arena_take(arena, sizeof(journal_v1.Evidence))
    cdef journal_v1.StoreFacts* store = <journal_v1.StoreFacts*>arena_take(arena, sizeof(journal_v1.StoreFacts))
    cdef journal_v1.CustomerFacts* customer
    if evidence == NULL or store == NULL or line_facts(evidence, case, attributed, arena) != 0:
        return NULL
    evidence.semantics = SEMANTICS
    evidence.rules_version = rules.version
    evidence.rules_sha256 = sha256
    evidence.document_sha256 = document_sha256
    evidence.business_time_us = case.business_time_us
    evidence.store_wall_us = case.place.wall_us
    evidence.store_gap_from_wall_us = case.place.gap_from_wall_us
    evidence.store_gap_us = case.place.gap_us
    evidence.store = store
    store.store_id = case.place.store_id
    store.zone = case.zone_name
    store.region = case.place.region
    store.format = case.place.format
    store.cluster = case.place.cluster
    store.currency = case.receipt.currency
    store.exponent = case.receipt.exponent
    if case.card_id != 0 or case.customer_id != 0:
        customer = <journal_v1.CustomerFacts*>arena_take(arena, sizeof(journal_v1.CustomerFacts))
        if customer == NULL:
            return NULL
        evidence.customer = customer
        customer.customer_id = case.customer_id
        customer.account_id = case.account_id
        customer.card_id = case.card_id
        customer.card_type = case.holdings.card_type
        customer.card_state = case.card_state
        customer.segments = case.holdings.segments
        customer.segments_count = case.holdings.segments_count
        evidence.tiers = case.holdings.tiers
        evidence.tiers_count = case.holdings.tiers_count
        if personal_facts(customer, case, rules, arena) != 0:
            return NULL
    if case.holdings.anonymous or case.holdings.refused != pos_v1.REASON_UNSPECIFIED:
        evidence.identification = <journal_v1.IdentificationEvidence*>arena_take(arena, sizeof(journal_v1.IdentificationEvidence))
        if evidence.identification == NULL:
            return NULL
        evidence.identification.anonymous = case.holdings.anonymous
        evidence.identification.refused = case.holdings.refused
    if rules.view.assets_count > 0:
        evidence.assets = <journal_v1.AssetFacts*>arena_take(arena, <size_t>rules.view.assets_count * sizeof(journal_v1.AssetFacts))
        if evidence.assets == NULL:
            return NULL
        evidence.assets_count = rules.view.assets_count
        for i in range(rules.view.assets_count):
            evidence.assets[i].asset_no = asset_nos[i]
            evidence.assets[i].asset = rules.asset_text(i)
            evidence.assets[i].scale = asset_scales[i]
    return evidence

cdef int two_postings(
    journal_v1.Entry* entry, int32_t kind, int64_t account_id, int64_t system_account, int32_t asset_no, int64_t points, int64_t lot_id, Arena* arena
) noexcept nogil:
    """The customer's account gets what the programme's own account gives."""
    entry.kind = kind
    entry.postings = <journal_v1.Posting*>arena_take(arena, 2 * sizeof(journal_v1.Posting))
    if entry.postings == NULL:
        return -1
    entry.postings_count = 2
    entry.postings[0].account_id = account_id
    entry.postings[0].asset_no = asset_no
    entry.postings[0].points = points
    entry.postings[0].lot_id = lot_id
    entry.postings[1].account_id = system_account
    entry.postings[1].asset_no = asset_no
    entry.postings[1].points = -points
    return 0

cdef int accrual_effects(
    journal_v1.Effects* effects, const Case* case, const Outcome* outcome, Ruleset rules, const int32_t* asset_nos, Zones zones, int32_t zone,
    int64_t seq, Arena* arena
) noexcept nogil:
    cdef int32_t i
    cdef const Accrual* accrual
    cdef const RuleRow* rule
    cdef journal_v1.LotOpened* lot
    cdef LotDates dates
    if outcome.accruals_count == 0 or case.account_id == 0:
        return 0
    effects.lots = <journal_v1.LotOpened*>arena_take(arena, <size_t>outcome.accruals_count * sizeof(journal_v1.LotOpened))
    effects.entries = <journal_v1.Entry*>arena_take(arena, <size_t>outcome.accruals_count * sizeof(journal_v1.Entry))
    if effects.lots == NULL or effects.entries == NULL:
        return -1
    for i in range(outcome.accruals_count):
        accrual = &outcome.accruals[i]
        rule = &rules.view.rules[accrual.rule]
        dates = lot_dates(zones, zone, rule, case.business_time_us, case.instant_us)
        lot = &effects.lots[i]
        lot.lot_id = seq * LOTS_PER_SEQ + i
        lot.account_id = case.account_id
        lot.asset_no = asset_nos[accrual.asset]
        lot.points = accrual.points
        lot.active_from_us = dates.active_from_us
        lot.expires_at_us = dates.expires_at_us
        lot.promotion_id = rules.promotion_text(accrual.rule)
        lot.reward_no = rule.reward_no
        lot.rules_version = rules.version
        if two_postings(&effects.entries[i], journal_v1.ENTRY_KIND_ACCRUAL, case.account_id, -journal_v1.SYSTEM_ACCOUNT_ISSUED,
                        lot.asset_no, lot.points, lot.lot_id, arena) != 0:
            return -1
    effects.lots_count = outcome.accruals_count
    effects.entries_count = outcome.accruals_count
    return 0

cdef int adjustment_effects(
    journal_v1.Effects* effects, int64_t account_id, int32_t asset_no, int64_t points, int64_t active_from_us, int64_t expires_at_us,
    bint is_earned, int64_t seq, Arena* arena
) noexcept nogil:
    """One lot: earned without a purchase, or given by hand."""
    cdef int32_t kind = journal_v1.ENTRY_KIND_ACCRUAL if is_earned else journal_v1.ENTRY_KIND_ADJUSTMENT
    cdef int64_t giver = -journal_v1.SYSTEM_ACCOUNT_ISSUED if is_earned else -journal_v1.SYSTEM_ACCOUNT_ADJUSTED
    effects.lots = <journal_v1.LotOpened*>arena_take(arena, sizeof(journal_v1.LotOpened))
    effects.entries = <journal_v1.Entry*>arena_take(arena, sizeof(journal_v1.Entry))
    if effects.lots == NULL or effects.entries == NULL:
        return -1
    effects.lots_count = 1
    effects.entries_count = 1
    effects.lots[0].lot_id = seq * LOTS_PER_SEQ
    effects.lots[0].account_id = account_id
    effects.lots[0].asset_no = asset_no
    effects.lots[0].points = points
    effects.lots[0].active_from_us = active_from_us
    effects.lots[0].expires_at_us = expires_at_us
    return two_postings(effects.entries, kind, account_id, giver, asset_no, points, seq * LOTS_PER_SEQ, arena)

cdef int hold_effect(
    journal_v1.Effects* effects, Text hold_id, int32_t state, int64_t account_id, int64_t expires_at_us, Text store_id, Text register_id,
    int64_t shift_number, int64_t receipt_number, Arena* arena
) noexcept nogil:
    cdef journal_v1.HoldChange* change
    cdef journal_v1.ReceiptKey* key = <journal_v1.ReceiptKey*>arena_take(arena, sizeof(journal_v1.ReceiptKey))
    if effects.holds == NULL:
        effects.holds = <journal_v1.HoldChange*>arena_take(arena, HOLDS_PER_RECORD * sizeof(journal_v1.HoldChange))
    if key == NULL or effects.holds == NULL or effects.holds_count == HOLDS_PER_RECORD:
        return -1
    key.store_id = store_id
    key.register_id = register_id
    key.shift_number = shift_number
    key.receipt_number = receipt_number
    change = &effects.holds[effects.holds_count]
    effects.holds_count += 1
    change.hold_id = hold_id
    change.state = state
    change.account_id = account_id
    change.expires_at_us = expires_at_us
    change.receipt = key
    return 0
