"""Body of issuing coupons (semantics §6.2, stage 12; docs/decisions/0018).

A code is the record's seq and its place in it, permuted by a key that the server alone has, in the form of the series: different by
construction, unpredictable without the key, and made again whenever the stored reply is told. So the journal keeps its hash and its
form, never the code. Receipts made offline issue nothing: nobody could print it. Nothing here draws at random or reads a clock.
"""
from cpython.bytes cimport PyBytes_AS_STRING
from functools import cache
from hashlib import blake2b
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memset
from altyn.core.engine.lots cimport lot_dates
from altyn.core.engine.releases cimport Release
from altyn.core.engine.calls cimport except_full, string, text_of
from altyn.core.engine.step cimport Engine, taken
from altyn.core.facts.coupons cimport CODE_UNKNOWN, COUPON_UNIQUE, Coupons, CouponSeries
from altyn.core.facts.serial_codes cimport SYMBOL_BITS, symbols_of
from altyn.core.ledger.coupons cimport COUPON_FREE, Coupon
from altyn.core.limits cimport ISSUED_MAX, REPLY_BYTES_MAX
from altyn.core.outcome cimport Said
from altyn.core.permutation cimport permuted, scrambled
from altyn.core.rules.image cimport IssueRow, RuleRow, TranslationRow
from altyn.core.siphash cimport SipKey
from altyn.core.text cimport Text
from altyn.core.wire.format cimport WireError
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1
from altyn.core.write_messages cimport fill_text

from altyn.core.facts.coupon_codes import ALPHABET, code_hash, code_of

cdef enum:
    ROUNDS = 8
    PLACE_BITS = 6             # ISSUED_MAX places
    PERMUTED_SYMBOLS = 12
    SYMBOLS_MIN = 10           # of a series' own form: 50 bits
    FORM_BYTES = 13

assert ISSUED_MAX == 1 << PLACE_BITS

cdef const char* FORM = b"############?"
cdef const char* MARK = b"{{ coupon }}"


# CODES

@cache
def issue_key(bytes pepper) -> bytes:
    """Of the identity key, which never changes: codes told once are told for ever."""
    return blake2b(pepper, digest_size=16, person=b"issued-coupon").digest()


cdef Text form_of(const CouponSeries* series, int64_t seq) noexcept nogil:
    """The series' own form when it has room for the record and cannot be guessed, else 12 characters and a check.

    The form of a serial series is its serials' alone.
    """
    cdef int32_t count = 0 if series.is_serial else symbols_of(series.template)
    cdef Text form
    form.data = FORM
    form.size = FORM_BYTES
    if count >= PERMUTED_SYMBOLS or (count >= SYMBOLS_MIN and seq >> (count * SYMBOL_BITS - PLACE_BITS) == 0):
        return series.template
    return form


def issued_code(bytes pepper not None, str form not None, int64_t seq, int32_t place):
    cdef bytes key_bytes = issue_key(pepper)
    cdef SipKey key
    cdef int32_t i, count = form.count("#")
    cdef uint8_t bits = <uint8_t>(SYMBOL_BITS * min(count, <int32_t>PERMUTED_SYMBOLS))
    cdef uint64_t number = <uint64_t>seq << PLACE_BITS | <uint64_t>place, value
    memcpy(&key, PyBytes_AS_STRING(key_bytes), 16)
    value = permuted(key, bits, ROUNDS, number)
    drawn = [ALPHABET[value >> (bits - SYMBOL_BITS * (i + 1)) & 31] for i in range(min(count, <int32_t>PERMUTED_SYMBOLS))]
    drawn += [ALPHABET[scrambled(key, ROUNDS, <uint8_t>i, number) & 31] for i in range(PERMUTED_SYMBOLS, count)]
    return code_of(form, iter(drawn).__next__)


# DECIDE

cdef const IssueRow* row_of(Release release, const Said* issued) noexcept:
    return &release.ruleset.view.issues[release.ruleset.view.rules[issued.rule].detail]


cdef int32_t why_not(Engine engine, const RuleRow* rule, const CouponSeries* series, journal_v1.IssueFacts* fact) noexcept:
    """Fills the series and the end of the code; UNSPECIFIED: it can be issued."""
    if series == NULL or series.kind != COUPON_UNIQUE:
        return pos_v1.REASON_COUPON_UNKNOWN
    fact.series_no = series.series_no
    fact.expires_at_us = lot_dates(engine.zones, engine.zone, rule, engine.case.business_time_us, engine.case.instant_us).expires_at_us
    if series.ends_at_us != INT64_MAX and (fact.expires_at_us == 0 or series.ends_at_us < fact.expires_at_us):
        fact.expires_at_us = series.ends_at_us
    if series.is_blocked:
        return pos_v1.REASON_COUPON_BLOCKED
    if fact.expires_at_us != 0 and fact.expires_at_us <= max(engine.case.business_time_us, engine.case.instant_us):
        return pos_v1.REASON_COUPON_EXPIRED
    return pos_v1.REASON_UNSPECIFIED


cdef int decide_issues(Engine engine, Release release) except -1:
    cdef const Said* issued
    cdef const IssueRow* row
    cdef journal_v1.IssueFacts* fact
    cdef int32_t i
    if engine.outcome.issued_count == 0 or engine.case.wire.mode == pos_v1.MODE_OFFLINE:
        return 0
    engine.case.issues = <journal_v1.IssueFacts*>taken(engine, <size_t>engine.outcome.issued_count * sizeof(journal_v1.IssueFacts))
    engine.case.issues_count = engine.outcome.issued_count
    for i in range(engine.outcome.issued_count):
        issued = &engine.outcome.issued[i]
        row = row_of(release, issued)
        fact = &engine.case.issues[i]
        fact.promotion_id = release.ruleset.promotion_text(issued.rule)
        fact.series.data = release.ruleset.view.texts + row.series_begin
        fact.series.size = row.series_size
        fact.reason = why_not(engine, &release.ruleset.view.rules[issued.rule], (<Coupons>engine.facts.coupons).find_named(fact.series), fact)
    return 0


cdef void forget_issues(Engine engine) noexcept:
    engine.case.issues_count = 0


# ISSUE

cdef bint is_taken(Engine engine, const journal_v1.Effects* effects, const uint8_t* hashed) noexcept:
    """Somebody has this code already, which two forms that overlap can bring about."""
    cdef Coupon state = engine.book.coupon(hashed)
    cdef int32_t i
    for i in range(effects.coupons_count):
        if memcmp(effects.coupons[i].code_hash.data, hashed, 16) == 0:
            return True
    return (
        state.issued or state.use != COUPON_FREE
        or (<Coupons>engine.facts.coupons).resolve_code(hashed, engine.case.instant_us).result != CODE_UNKNOWN
    )


cdef int issue_coupons(Engine engine, Release release, journal_v1.Effects* effects, int64_t seq) except -1:
    cdef Coupons coupons = engine.facts.coupons
    cdef journal_v1.IssueFacts* fact
    cdef journal_v1.CouponChange* changes
    cdef bytes hashed
    cdef int32_t i, place = 0
    decide_issues(engine, release)
    if engine.case.issues_count == 0:
        return 0
    changes = <journal_v1.CouponChange*>taken(
        engine, (<size_t>effects.coupons_count + <size_t>engine.case.issues_count) * sizeof(journal_v1.CouponChange))
    if effects.coupons_count > 0:
        memcpy(changes, effects.coupons, <size_t>effects.coupons_count * sizeof(journal_v1.CouponChange))
    effects.coupons = changes
    for i in range(engine.case.issues_count):
        fact = &engine.case.issues[i]
        if fact.reason != pos_v1.REASON_UNSPECIFIED:
            continue
        form = string(form_of(coupons.find_series(fact.series_no), seq))
        hashed = code_hash(engine.pepper, issued_code(engine.pepper, form, seq, place))
        if is_taken(engine, effects, <const uint8_t*>PyBytes_AS_STRING(hashed)):
            fact.reason = pos_v1.REASON_COUPON_USED
            continue
        engine.kept.append(hashed)
        changes[effects.coupons_count].code_hash = text_of(hashed)
        changes[effects.coupons_count].series_no = fact.series_no
        changes[effects.coupons_count].use = journal_v1.COUPON_USE_FREE
        changes[effects.coupons_count].expires_at_us = fact.expires_at_us
        changes[effects.coupons_count].issued = True
        effects.coupons_count += 1
        place += 1
    return 0


# TELL

cdef int show_issues(Engine engine, Release release, pos_v1.Outcome* out) except -1:
    decide_issues(engine, release)
    return list_issues(engine, out)


cdef int list_issues(Engine engine, pos_v1.Outcome* out) except -1:
    """Those that can be issued, in order."""
    cdef pos_v1.IssuedCoupon* shown
    cdef int32_t i
    if engine.case.issues_count == 0:
        return 0
    out.issued_coupons = <pos_v1.IssuedCoupon*>taken(engine, <size_t>engine.case.issues_count * sizeof(pos_v1.IssuedCoupon))
    for i in range(engine.case.issues_count):
        if engine.case.issues[i].reason == pos_v1.REASON_UNSPECIFIED:
            shown = &out.issued_coupons[out.issued_coupons_count]
            out.issued_coupons_count += 1
            shown.promotion_id = engine.case.issues[i].promotion_id
            shown.expires_at_us = engine.case.issues[i].expires_at_us
    return 0


cdef int write_issued(Engine engine, Release release, pos_v1.Outcome* out) except -1:
    cdef Coupons coupons = engine.facts.coupons
    cdef int32_t i, place = 0
    list_issues(engine, out)
    for i in range(engine.case.issues_count):
        if engine.case.issues[i].reason == pos_v1.REASON_UNSPECIFIED:
            out.issued_coupons[place].code = form_of(coupons.find_series(engine.case.issues[i].series_no), engine.last_seq + 1)
            write_texts(engine, release, &engine.outcome.issued[i], out, &out.issued_coupons[place])
            place += 1
    return 0


cdef int write_texts(Engine engine, Release release, const Said* issued, const pos_v1.Outcome* out, pos_v1.IssuedCoupon* shown) except -1:
    """The first language's text is the message, the others are translations."""
    cdef const IssueRow* row = row_of(release, issued)
    cdef const TranslationRow* text
    cdef pos_v1.Message* messages
    cdef Text mark
    cdef int32_t i, count = row.texts.end - row.texts.begin
    if count == 0:
        return 0
    mark.data = MARK
    mark.size = <int32_t>len(MARK)
    messages = <pos_v1.Message*>taken(engine, <size_t>count * sizeof(pos_v1.Message))
    for i in range(count):
        text = &release.ruleset.view.translations[row.texts.begin + i]
        messages[i].channel = pos_v1.CHANNEL_SLIP
        messages[i].language.data = release.ruleset.view.texts + text.language_begin
        messages[i].language.size = text.language_size
        messages[i].promotion_id = shown.promotion_id
        messages[i].text = fill_text(issued, text, mark, &engine.case.receipt, release.ruleset, out, &engine.arena)
        if messages[i].text.data == NULL:
            except_full()
    shown.message = messages
    shown.translations = messages + 1
    shown.translations_count = count - 1
    return 0


cdef int put_code(Engine engine, pos_v1.Message* message, bytes code) except -1:
    """The code in place of every mark."""
    cdef bytes text = message.text.data[:message.text.size].replace(MARK, code)
    engine.kept.append(text)
    message.text = text_of(text)
    return 0


cdef bint tell_codes(Engine engine, pos_v1.CommitReceiptResponse* reply) except -1:
    cdef pos_v1.IssuedCoupon* issued
    cdef bytes code
    cdef int32_t i, j
    # A forecast has no forms.
    if reply.outcome == NULL or reply.outcome.issued_coupons_count == 0 or reply.outcome.issued_coupons[0].code.size == 0:
        return False
    for i in range(reply.outcome.issued_coupons_count):
        issued = &reply.outcome.issued_coupons[i]
        code = issued_code(engine.pepper, string(issued.code), reply.seq, i).encode()
        engine.kept.append(code)
        issued.code = text_of(code)
        if issued.message != NULL:
            put_code(engine, issued.message, code)
        for j in range(issued.translations_count):
            put_code(engine, &issued.translations[j], code)
    return True


cdef bytes told_reply(Engine engine, bytes stored):
    cdef pos_v1.CommitReceiptResponse reply
    cdef WireError error
    cdef const uint8_t* start = <const uint8_t*>PyBytes_AS_STRING(stored)
    memset(&error, 0, sizeof(error))
    # What was answered to another call of the same op_id and content is told as it is.
    if pos_v1.decode_CommitReceiptResponse(&reply, start, start + len(stored), &engine.arena, &error) != 0 or not tell_codes(engine, &reply):
        return stored
    return engine.taken(pos_v1.encode_CommitReceiptResponse(&reply, engine.buffer, REPLY_BYTES_MAX))
