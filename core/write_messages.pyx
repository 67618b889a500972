"""Writing messages and gifts: texts of promotions with their placeholders filled, in every language they have.

Money is written with the digits of the receipt's currency, points with those of their asset, both with a point. What
there is not (a balance of nobody or when several assets could be meant, a code outside an issued coupon) is written as
nothing. It must never decide who says something: that is `calculator.speech`.
"""
from libc.stdint cimport int64_t
from libc.string cimport memcmp, memcpy
from altyn.core.rules.image cimport GiftRow, MessageRow, PathRow, SpeechRow
from altyn.core.text cimport text_equal
from altyn.core.wire.arena cimport arena_take

cdef extern from *:
    """
    #include <stdint.h>
    /* A number with `digits` of them after the point; its length. `text` has room for 32 bytes. */
    static inline int32_t altyn_decimal_point(int64_t number, int32_t digits, char *text) {
        char reversed[32];
        int32_t count = 0, size = 0;
        uint64_t left = number < 0 ? (uint64_t)0 - (uint64_t)number : (uint64_t)number;
        while (left > 0 || count <= digits) {
            if (count == digits && digits > 0 && (size == 0 || reversed[size - 1] != '.')) {
                reversed[size++] = '.';
            }
            reversed[size++] = (char)('0' + left % 10);
            left /= 10;
            count++;
        }
        if (number < 0) reversed[size++] = '-';
        for (int32_t i = 0; i < size; i++) text[i] = reversed[size - 1 - i];
        return size;
    }
    """
    int32_t decimal_point "altyn_decimal_point"(int64_t number, int32_t digits, char* text) noexcept nogil

cdef enum:
    NUMBER_BYTES = 32

cdef struct Filling:
    # A text being written; only measured while `target` is NULL.
    char* target
    int32_t size


cdef void put(Filling* filling, const char* data, int32_t size) noexcept nogil:
    if filling.target != NULL:
        memcpy(filling.target + filling.size, data, <size_t>size)
    filling.size += size


cdef void put_number(Filling* filling, int64_t number, int32_t digits) noexcept nogil:
    cdef char text[NUMBER_BYTES]
    cdef int32_t size = decimal_point(number, digits, text)
    put(filling, text, size)


cdef inline bint is_name(const char* name, int32_t size, const char* known, int32_t known_size) noexcept nogil:
    return size == known_size and memcmp(name, known, <size_t>size) == 0


cdef void put_title(Filling* filling, const Said* said, const TranslationRow* text, Ruleset rules) noexcept nogil:
    """The title in the text's language, else in the first one it has, else the id."""
    cdef const SpeechRow* speech = &rules.view.speeches[rules.view.promotions[said.promotion].speech]
    cdef const TranslationRow* title
    cdef const TranslationRow* found = NULL
    cdef int32_t i
    for i in range(speech.title.begin, speech.title.end):
        title = &rules.view.translations[i]
        if found == NULL or (
            title.language_size == text.language_size
            and memcmp(
                rules.view.texts + title.language_begin, rules.view.texts + text.language_begin, <size_t>text.language_size
            ) == 0
        ):
            found = title
    if found != NULL:
        put(filling, rules.view.texts + found.text_begin, found.text_size)
    else:
        put(filling, rules.view.texts + rules.view.promotions[said.promotion].id_begin,
            rules.view.promotions[said.promotion].id_size)


cdef int32_t asset_of(const Said* said, Ruleset rules) noexcept nogil:
    """The asset a promotion gives points of, also when it gave none; -1: it gives no points."""
    cdef int32_t number
    if said.asset >= 0:
        return said.asset
    for number in range(rules.view.promotions[said.promotion].rules_begin, rules.view.promotions[said.promotion].rules_end):
        if rules.view.rules[number].asset >= 0:
            return rules.view.rules[number].asset
    return -1


cdef void put_balance(
    Filling* filling, const Said* said, Ruleset rules, const pos_v1.Outcome* out
) noexcept nogil:
    """Active points of the promotion's asset, or of the only one there is; nothing of nobody."""
    cdef int32_t asset = asset_of(said, rules), i
    if asset < 0 and rules.view.assets_count == 1:
        asset = 0
    if asset < 0 or out.balances_count == 0:
        return
    for i in range(out.balances_count):
        if text_equal(out.balances[i].asset, rules.asset_text(asset)):
            put_number(filling, out.balances[i].active_points, rules.view.assets[asset].scale)
            return
    put_number(filling, 0, rules.view.assets[asset].scale)


cdef void put_distance(Filling* filling, const Said* said, const Receipt* receipt) noexcept nogil:
    """What is missing: money, or a quantity, whole pieces without digits after the point."""
    cdef char text[NUMBER_BYTES]
    cdef int32_t size
    if not said.of_quantity:
        put_number(filling, said.missing, receipt.exponent)
        return
    size = decimal_point(said.missing, 3, text)
    put(filling, text, size - 4 if said.missing % 1000 == 0 else size)


cdef void put_placeholder(
    Filling* filling, const char* name, int32_t size, const Said* said, const TranslationRow* text, Text coupon,
    const Receipt* receipt, Ruleset rules, const pos_v1.Outcome* out
) noexcept nogil:
    cdef int32_t asset
    if is_name(name, size, b"promotion", 9):
        put_title(filling, said, text, rules)
    elif is_name(name, size, b"discount", 8):
        put_number(filling, said.discount_minor, receipt.exponent)
    elif is_name(name, size, b"points", 6):
        asset = asset_of(said, rules)
        put_number(filling, said.points, rules.view.assets[asset].scale if asset >= 0 else 0)
    elif is_name(name, size, b"to_pay", 6):
        put_number(filling, out.totals.to_pay_minor, receipt.exponent)
    elif is_name(name, size, b"balance", 7):
        put_balance(filling, said, rules, out)
    elif is_name(name, size, b"distance", 8):
        put_distance(filling, said, receipt)
    elif is_name(name, size, b"coupon", 6):
        put(filling, coupon.data, coupon.size)


cdef void put_text(
    Filling* filling, const Said* said, const TranslationRow* text, Text coupon, const Receipt* receipt, Ruleset rules,
    const pos_v1.Outcome* out
) noexcept nogil:
    """Copy the text; what stands between ``{{ `` and `` }}`` is a placeholder the reader knew."""
    cdef const char* data = rules.view.texts + text.text_begin
    cdef int32_t place = 0, begin = 0, name, size = text.text_size
    while place + 1 < size:
        if data[place] != 0x7B or data[place + 1] != 0x7B:
            place += 1
            continue
        put(filling, data + begin, place - begin)
        name = place + 3
        begin = name
        while begin + 2 < size and data[begin + 1] != 0x7D:
            begin += 1
        put_placeholder(filling, data + name, begin - name, said, text, coupon, receipt, rules, out)
        begin += 3
        place = begin
    if begin < size:
        put(filling, data + begin, size - begin)


cdef Text fill_text(
    const Said* said, const TranslationRow* text, Text coupon, const Receipt* receipt, Ruleset rules,
    const pos_v1.Outcome* out, Arena* arena
) noexcept nogil:
    cdef Filling filling
    cdef Text made
    filling.target = NULL
    filling.size = 0
    put_text(&filling, said, text, coupon, receipt, rules, out)
    filling.target = <char*>arena_take(arena, <size_t>filling.size + 1)
    filling.size = 0
    if filling.target != NULL:
        put_text(&filling, said, text, coupon, receipt, rules, out)
    made.data = filling.target
    made.size = filling.size
    return made


cdef int write_gifts(const Outcome* outcome, Ruleset rules, pos_v1.Outcome* out, Arena* arena) noexcept nogil:
    cdef const GiftRow* row
    cdef const PathRow* sku
    cdef pos_v1.Gift* shown
    cdef int32_t i, j, rule
    if outcome.promised_count == 0:
        return 0
    out.gifts = <pos_v1.Gift*>arena_take(arena, <size_t>outcome.promised_count * sizeof(pos_v1.Gift))
    if out.gifts == NULL:
        return -1
    out.gifts_count = outcome.promised_count
    for i in range(outcome.promised_count):
        rule = outcome.promised[i].rule
        row = &rules.view.gifts[rules.view.rules[rule].detail]
        shown = &out.gifts[i]
        shown.promotion_id = rules.promotion_text(rule)
        shown.reward_no = rules.view.rules[rule].reward_no
        shown.quantity = row.quantity
        shown.taken = <int32_t>outcome.promised[i].missing
        shown.skus_count = row.skus.end - row.skus.begin
        shown.skus = <Text*>arena_take(arena, <size_t>shown.skus_count * sizeof(Text))
        if shown.skus == NULL:
            return -1
        for j in range(shown.skus_count):
            sku = &rules.view.paths[rules.view.lists[row.skus.begin + j]]
            shown.skus[j].data = rules.view.texts + sku.begin
            shown.skus[j].size = sku.size
    return 0


cdef int write_gift_texts(
    const Said* said, const Receipt* receipt, Ruleset rules, const pos_v1.Outcome* out, pos_v1.Gift* shown, Arena* arena
) noexcept nogil:
    cdef const GiftRow* row = &rules.view.gifts[rules.view.rules[said.rule].detail]
    cdef const TranslationRow* text
    cdef pos_v1.Message* message
    cdef Text none
    cdef int32_t i
    none.data = rules.view.texts
    none.size = 0
    shown.messages_count = row.texts.end - row.texts.begin
    shown.messages = <pos_v1.Message*>arena_take(arena, <size_t>(shown.messages_count + 1) * sizeof(pos_v1.Message))
    if shown.messages == NULL:
        return -1
    for i in range(shown.messages_count):
        text = &rules.view.translations[row.texts.begin + i]
        message = &shown.messages[i]
        message.channel = pos_v1.CHANNEL_CASHIER
        message.language.data = rules.view.texts + text.language_begin
        message.language.size = text.language_size
        message.promotion_id = shown.promotion_id
        message.text = fill_text(said, text, none, receipt, rules, out, arena)
        if message.text.data == NULL:
            return -1
    return 0


cdef int write_messages(
    const Outcome* outcome, const Receipt* receipt, Ruleset rules, pos_v1.Outcome* out, Arena* arena
) noexcept nogil:
    cdef int32_t i, j, count = out.messages_count
    cdef const MessageRow* row
    cdef const TranslationRow* text
    cdef pos_v1.Message* messages
    cdef Text none
    for i in range(out.gifts_count):
        if write_gift_texts(&outcome.promised[i], receipt, rules, out, &out.gifts[i], arena) != 0:
            return -1
    if outcome.said_count == 0:
        return 0
    none.data = rules.view.texts
    none.size = 0
    for i in range(outcome.said_count):
        row = &rules.view.messages[outcome.said[i].message]
        count += row.texts.end - row.texts.begin
    messages = <pos_v1.Message*>arena_take(arena, <size_t>count * sizeof(pos_v1.Message))
    if messages == NULL:
        return -1
    if out.messages_count > 0:
        memcpy(messages, out.messages, <size_t>out.messages_count * sizeof(pos_v1.Message))
    count = out.messages_count
    for i in range(outcome.said_count):
        row = &rules.view.messages[outcome.said[i].message]
        for j in range(row.texts.begin, row.texts.end):
            text = &rules.view.translations[j]
            messages[count].channel = row.channel
            messages[count].priority = row.priority
            messages[count].language.data = rules.view.texts + text.language_begin
            messages[count].language.size = text.language_size
            messages[count].barcode.data = rules.view.texts + row.barcode_begin
            messages[count].barcode.size = row.barcode_size
            messages[count].promotion_id.data = rules.view.texts + rules.view.promotions[outcome.said[i].promotion].id_begin
            messages[count].promotion_id.size = rules.view.promotions[outcome.said[i].promotion].id_size
            messages[count].text = fill_text(&outcome.said[i], text, none, receipt, rules, out, arena)
            if messages[count].text.data == NULL:
                return -1
            count += 1
    out.messages = messages
    out.messages_count = count
    return 0


cdef inline const Span* nudge_of(const Said* said, Ruleset rules) noexcept nogil:
    return &rules.view.speeches[rules.view.promotions[said.promotion].speech].nudge


cdef int write_nudges(
    const Outcome* outcome, const Receipt* receipt, Ruleset rules, pos_v1.Outcome* out, Arena* arena
) noexcept nogil:
    cdef int32_t i, j, count = 0
    cdef const Said* said
    cdef const Span* texts
    cdef const TranslationRow* text
    cdef pos_v1.Nudge* shown
    cdef Text none
    if outcome.nudges_count == 0:
        return 0
    none.data = rules.view.texts
    none.size = 0
    for i in range(outcome.nudges_count):
        texts = nudge_of(&outcome.nudges[i], rules)
        count += texts.end - texts.begin
    out.nudges = <pos_v1.Nudge*>arena_take(arena, <size_t>count * sizeof(pos_v1.Nudge))
    if out.nudges == NULL:
        return -1
    for i in range(outcome.nudges_count):
        said = &outcome.nudges[i]
        texts = nudge_of(said, rules)
        for j in range(texts.begin, texts.end):
            text = &rules.view.translations[j]
            shown = &out.nudges[out.nudges_count]
            shown.promotion_id.data = rules.view.texts + rules.view.promotions[said.promotion].id_begin
            shown.promotion_id.size = rules.view.promotions[said.promotion].id_size
            shown.distance_minor = 0 if said.of_quantity else said.missing
            shown.distance_milli = said.missing if said.of_quantity else 0
            shown.language.data = rules.view.texts + text.language_begin
            shown.language.size = text.language_size
            shown.text = fill_text(said, text, none, receipt, rules, out, arena)
            if shown.text.data == NULL:
                return -1
            out.nudges_count += 1
    return 0
