"""A calculation from plain Python values, for people and tests; registers use the wire instead.

Decides nothing about amounts: it fills the calculator's structs and spells its outcome with the proto's field names.
Invariant: a receipt that semantics §6.1.7 refuses never reaches the calculator. Must never guess: a missing or wrong
field is named.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from altyn.core.calculator.calculator cimport Calculator
from altyn.core.calendar cimport day_us, floor_div
from altyn.core.ledger.counters cimport Counter, CounterId, Counters, counter_id, counters_free, counters_read, counters_set
from altyn.core.ledger.counters cimport window_first_day
from altyn.core.limits cimport (
    ARENA_BYTES, COUPONS_MAX, LINES_MAX, PAYMENTS_MAX, POINTS_REQUESTS_MAX, amount_minor_max, points_max,
)
from altyn.core.outcome cimport (
    COUPON_APPLIED, CounterUse, CouponOutcome, FiscalRow, LineDiscount, LineResult, LineTrace, Outcome, PointsPayment,
    RuleTrace, Said, kind_of, payment_of, small_change_of,
)
from altyn.core.plain_customer cimport fill_customer
from altyn.core.plain_history cimport fill_accumulations
from altyn.core.plain_lines cimport Texts, fill_lines, number
from altyn.core.receipt cimport CouponFact, Holdings, Line, PAYMENT_TYPES_COUNT, Place, PointsWish, Receipt
from altyn.core.rules.image cimport IssueRow, PaymentRow
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_take
cimport altyn.core.wire.generated.pos_v1 as pos_v1
from altyn.core.write_messages cimport write_gifts, write_messages, write_nudges

from altyn.core.plain_history import HISTORY_MAX
from altyn.core.plain_lines import ReceiptError

STAGES = ("", "PRICE", "ITEM", "SET", "RECEIPT", "COUPON", "CARD", "EXTERNAL", "CAP", "POINTS", "ROUNDING",
          "ACCRUAL", "MESSAGE", "RATE")
VERDICTS = ("", "APPLIED", "NOT_MATCHED", "BEATEN", "EXCLUDED", "FLOOR", "CAP", "BUDGET", "LIMIT", "INACTIVE", "ZERO")
CHANNELS = ("", "SLIP", "CASHIER", "CUSTOMER_DISPLAY")
KINDS = ("", "DISCOUNT", "POINTS", "ROUNDING")
ROLES = ("", "TARGET", "QUALIFIER")
COUPON_STATES = ("", "APPLIED", "NOT_APPLIED", "INVALID")
REASONS = {0: "UNSPECIFIED", 8: "COUPON_UNKNOWN", 9: "COUPON_NO_EFFECT", 10: "COUPON_CONDITIONS_NOT_MET",
           11: "COUPON_ALREADY_ENTERED", 12: "POINTS_SHORT", 13: "NO_PAYMENT_RULE", 29: "POINTS_BELOW_MINIMUM",
           30: "LIMITED_BY_SHARE", 31: "LIMITED_BY_MAXIMUM", 32: "LIMITED_BY_STEP", 33: "COUPON_USED", 34: "COUPON_HELD",
           35: "COUPON_EXPIRED", 36: "COUPON_NOT_YET_VALID", 37: "COUPON_BLOCKED", 50: "REDEMPTION_NOT_ALLOWED"}
# States of a code of a series; one that this receipt holds itself may be used.
CODE_STATES = {"FREE": 0, "HELD_HERE": 0, "USED": 33, "HELD": 34, "EXPIRED": 35, "NOT_YET_VALID": 36, "BLOCKED": 37}
PAYMENT_TYPES = ("UNSPECIFIED", "CASH", "CARD", "FAST_TRANSFER", "GIFT_CARD", "CREDIT", "OTHER")
INPUT_METHODS = ("UNSPECIFIED", "SCAN", "MANUAL", "PHONE", "QR", "PHONE_CODE")
MEASURES = {"times": 1, "amount": 2, "quantity": 3, "points": 4}
PERS = {"customer": 1, "card": 2, "promotion": 3}
WINDOWS = {"day": 1, "week": 2, "month": 3, "year": 4, "always": 5}
HOLDINGS_KEYS = ("balances", "counters", "coupons", "history")


def normal_code(code: str) -> str:
    """A shared coupon code as it is compared: trimmed, ASCII upper case."""
    return "".join(chr(ord(letter) - 32) if "a" <= letter <= "z" else letter for letter in code.strip(" "))


cdef int fill_place(Place* place, dict store, tuple wall_clock, Texts texts) except -1:
    place.store_id = texts.add(store.get("store_id", ""), "store.store_id")
    place.region = texts.add(store.get("region", ""), "store.region")
    place.format = texts.add(store.get("format", ""), "store.format")
    place.cluster = texts.add(store.get("cluster", ""), "store.cluster")
    place.wall_us, place.gap_from_wall_us, place.gap_us = wall_clock
    return 0


cdef list listed(dict receipt, str key, int limit):
    rows = receipt.get(key) or []
    if not isinstance(rows, list):
        raise ReceiptError(key, "BAD_FORMAT", "a list is needed")
    if len(rows) > limit:
        raise ReceiptError(key, "TOO_LARGE", f"{len(rows)} entries, at most {limit}")
    return rows


cdef int fill_payments(Receipt* receipt, list rows) except -1:
    for position, row in enumerate(rows):
        path = f"payments[{position}]."
        if not isinstance(row, dict):
            raise ReceiptError(f"payments[{position}]", "BAD_FORMAT", "a payment is a mapping")
        given = str(row.get("type") or "UNSPECIFIED").removeprefix("PAYMENT_TYPE_").upper()
        if given not in PAYMENT_TYPES:
            raise ReceiptError(f"{path}type", "BAD_FORMAT", f"{given!r} is none of {', '.join(PAYMENT_TYPES[1:])}")
        left = amount_minor_max() - sum([receipt.paid_minor[type] for type in range(PAYMENT_TYPES_COUNT)])
        receipt.paid_minor[PAYMENT_TYPES.index(given)] += number(row, path, "sum_minor", 0, left)
    return 0


cdef int fill_wishes(Receipt* receipt, list rows, Texts texts) except -1:
    for position, row in enumerate(rows):
        path = f"points[{position}]."
        if not isinstance(row, dict) or bool(row.get("max")) == ("requested_points" in row):
            raise ReceiptError(f"points[{position}]", "BAD_FORMAT", "an asset with either requested_points or max")
        receipt.wishes[position].asset = texts.add(row.get("asset", ""), f"{path}asset")
        receipt.wishes[position].points = -1 if row.get("max") else number(row, path, "requested_points", 0, points_max())
        for other in rows[:position]:
            if other.get("asset") == row.get("asset"):
                raise ReceiptError(f"{path}asset", "DUPLICATE_LINE", f"{row.get('asset')} is named twice")
    return 0


cdef int input_method_of(dict receipt) except -1:
    given = str((receipt.get("identity") or {}).get("input_method") or "UNSPECIFIED").removeprefix("INPUT_METHOD_").upper()
    if given not in INPUT_METHODS:
        raise ReceiptError("identity.input_method", "BAD_FORMAT", f"{given!r} is none of {', '.join(INPUT_METHODS[1:])}")
    return INPUT_METHODS.index(given)


cdef int fill_balances(Holdings* holdings, Ruleset ruleset, dict balances) except -1:
    """Points that may be spent: a number, or active points less held ones."""
    numbers = {ruleset.assets[i][0]: i for i in range(ruleset.view.assets_count)}
    for asset, given in balances.items():
        path = f"balances.{asset}"
        row = given if isinstance(given, dict) else {"active": given}
        points = number(row, f"{path}.", "active", 0, points_max()) - number(row, f"{path}.", "held", 0, points_max(), 0)
        if asset in numbers:
            holdings.balances[numbers[asset]] = max(points, 0)
    return 0


cdef object one_of(dict row, str path, str key, dict known):
    value = row.get(key)
    if value not in known:
        raise ReceiptError(f"{path}{key}", "BAD_FORMAT", f"{value!r} is none of {', '.join(known)}")
    return known[value]


cdef int fill_counters(Counters* counters, const Holdings* holdings, int64_t wall_us, list rows, Texts texts) except -1:
    """What limits have counted so far, for this customer, card and business date."""
    cdef CounterId id
    cdef Counter value
    cdef int32_t per, window
    cdef int64_t subject
    for position, row in enumerate(rows):
        path = f"counters[{position}]."
        per = one_of(row, path, "per", PERS)
        window = one_of(row, path, "window", WINDOWS)
        subject = 0
        if per == 1:
            subject = holdings.customer_id if holdings.customer_id != 0 else -holdings.card_id
        elif per == 2:
            subject = holdings.card_id
        id = counter_id(texts.add(row.get("promotion_id"), f"{path}promotion_id"), one_of(row, path, "measure", MEASURES), per,
                        window, subject, window_first_day(window, floor_div(wall_us, day_us())))
        value = counters_read(counters, &id)
        value.used += number(row, path, "used", 0, amount_minor_max(), 0)
        value.held += number(row, path, "held", 0, amount_minor_max(), 0)
        if not counters_set(counters, &id, value):
            raise MemoryError
    return 0


cdef int fill_coupons(Holdings* holdings, list codes, dict known, Texts texts) except -1:
    """Series and state of the entered codes that are known; a code is compared as shared ones are."""
    states = {normal_code(code): row for code, row in known.items()}
    for position, entry in enumerate(codes):
        row = states.get(normal_code(entry["code"]))
        if row is not None:
            path = f"coupons.{entry['code']}."
            holdings.coupons[position].series = texts.add(row.get("series"), f"{path}series")
            holdings.coupons[position].reason = one_of({"state": "FREE", **row}, path, "state", CODE_STATES)
            holdings.coupons[position].unique = True
    return 0


SILENCE = {"messages": [], "gifts": []}

cdef Calculator calculator = Calculator()


def evaluate(Ruleset ruleset not None, dict receipt not None, dict store not None, customer, tuple wall_clock not None,
             bint explain=False, holdings_given=None, bint fiscal_plan=False, instant_us=None):
    """Calculate a receipt given as plain values; the outcome with the field names of altyn.pos.v1.Outcome.

    `receipt` has the fields of altyn.pos.v1.Receipt; `store` store_id, region, format, cluster; `customer` customer_id,
    card_type, segments, tiers (the customer's, then the lower ones), card_state, anonymous, birthday (MM-DD), favourites,
    personal [{promotion, from, to, skus, categories}] or None;
    `wall_clock` is (wall_us, gap_from_wall_us, gap_us) of the store at the business time, `instant_us` the instant itself, which
    grants with times need. `holdings_given` is what the book knows: balances {asset: points, or {active, held}}, counters
    [{promotion_id, measure, per, window, used, held}] of this customer, card and date, coupons {code: {series, state}}
    with state FREE, HELD_HERE, HELD, USED, EXPIRED, NOT_YET_VALID or BLOCKED, history [{date, store, lines, gave}] of earlier
    receipts, returns taken off. Beside the outcome stand `counters`, what the
    receipt takes of them: rows of promotion_id, measure, per, window, delta. Without `fiscal_plan` the plan has only the
    lines that are printed by unit. Raises ReceiptError naming the field.
    """
    cdef Receipt input
    cdef Place place
    cdef Holdings holdings
    cdef Counters counters
    cdef Outcome out
    cdef Texts texts = Texts()
    cdef int64_t* accumulations = NULL
    cdef list rows = listed(receipt, "lines", LINES_MAX), codes = listed(receipt, "coupons", COUPONS_MAX)
    cdef list wishes = listed(receipt, "points", POINTS_REQUESTS_MAX)
    cdef dict given = dict(holdings_given or {})
    if set(given) - set(HOLDINGS_KEYS):
        raise ReceiptError(min(set(given) - set(HOLDINGS_KEYS)), "BAD_FORMAT", f"known are {', '.join(HOLDINGS_KEYS)}")
    memset(&holdings, 0, sizeof(Holdings))
    memset(&counters, 0, sizeof(Counters))
    holdings.balances = <int64_t*>calloc(ruleset.view.assets_count + 1, sizeof(int64_t))
    holdings.coupons = <CouponFact*>calloc(len(codes) + 1, sizeof(CouponFact))
    holdings.counters = &counters
    accumulations = <int64_t*>calloc(ruleset.view.accumulations_count + 1, sizeof(int64_t))
    holdings.accumulations = accumulations
    input.wishes = <PointsWish*>calloc(len(wishes) + 1, sizeof(PointsWish))
    input.lines = <Line*>calloc(len(rows) + 1, sizeof(Line))
    input.coupons = <Text*>calloc(len(codes) + 1, sizeof(Text))
    try:
        if (input.lines == NULL or input.coupons == NULL or input.wishes == NULL or holdings.balances == NULL
                or accumulations == NULL or holdings.coupons == NULL):
            raise MemoryError
        input.lines_count = <int32_t>len(rows)
        input.coupons_count = <int32_t>len(codes)
        input.wishes_count = <int32_t>len(wishes)
        fill_wishes(&input, wishes, texts)
        input.exponent = number(receipt, "", "exponent", 0, 4, 2)
        memset(input.paid_minor, 0, sizeof(input.paid_minor))
        fill_payments(&input, listed(receipt, "payments", PAYMENTS_MAX))
        input.register_id = texts.add(receipt.get("register_id", ""), "register_id")
        input.channel = texts.add(receipt.get("sales_channel", ""), "sales_channel")
        input.currency = texts.add(receipt.get("currency", ""), "currency")
        fill_lines(&input, rows, texts)
        for position, entry in enumerate(codes):
            code = entry.get("code") if isinstance(entry, dict) else None
            if not isinstance(code, str):
                raise ReceiptError(f"coupons[{position}].code", "BAD_FORMAT", "a text is needed")
            input.coupons[position] = texts.add(normal_code(code), f"coupons[{position}].code")
        fill_place(&place, store, wall_clock, texts)
        if customer is not None:
            fill_customer(&holdings, customer, place.wall_us, instant_us, texts)
        holdings.input_method = input_method_of(receipt)
        fill_balances(&holdings, ruleset, given.get("balances") or {})
        fill_counters(&counters, &holdings, place.wall_us, given.get("counters") or [], texts)
        fill_coupons(&holdings, codes, given.get("coupons") or {}, texts)
        fill_accumulations(ruleset, listed(given, "history", HISTORY_MAX), floor_div(place.wall_us, day_us()),
                           place.store_id.data[:place.store_id.size], accumulations)
        calculator.calculate(ruleset, &input, &place, &holdings, explain, &out)
        calculator.plan(&out, fiscal_plan)
        spelled = spell_outcome(ruleset, &input, &holdings, given.get("balances") or {}, &out, codes, explain)
        spelled["reserve_required"] = needs_reserve(&holdings, &input, &out)
        return spelled
    finally:
        counters_free(&counters)
        free(holdings.balances)
        free(accumulations)
        free(holdings.coupons)
        free(input.wishes)
        free(input.lines)
        free(input.coupons)


cdef list spell_points(Ruleset ruleset, dict points):
    return [{"asset": ruleset.assets[asset][0], "points": points[asset]} for asset in sorted(points)]


cdef tuple rule_name(Ruleset ruleset, int32_t rule):
    """Id and place of a promotion's reward or of a payment rule, id of a rounding; nothing for the till's own, the
    cashier's and what makes a line printable."""
    cdef const PaymentRow* payment
    if rule >= 0:
        return ruleset.promotion_id(rule), ruleset.reward_no(rule)
    if small_change_of(rule) >= 0:
        return spelled_text(ruleset.rounding_text(small_change_of(rule))), 0
    if payment_of(rule) < 0:
        return "", 0
    payment = &ruleset.view.payments[payment_of(rule)]
    return ruleset.view.texts[payment.id_begin:payment.id_begin + payment.id_size].decode(), payment.place


cdef list spell_payments(Ruleset ruleset, const Receipt* receipt, const Outcome* out):
    cdef const PointsPayment* row
    cdef Text asset
    cdef int32_t i
    spelled = []
    for i in range(out.payments_count):
        row = &out.payments[i]
        asset = ruleset.asset_text(row.asset) if row.asset >= 0 else receipt.wishes[row.wish].asset
        spelled.append({"asset": asset.data[:asset.size].decode(), "points": row.max_points,
                        "amount_minor": row.max_amount_minor, "limited_by": f"REASON_{REASONS[row.limited_by]}"})
    return spelled


cdef dict spell_line(Ruleset ruleset, const Receipt* receipt, const Outcome* out, int32_t index):
    cdef const LineResult* line = &out.lines[index]
    cdef const LineDiscount* row
    cdef int32_t place = line.first_discount, i
    discounts = []
    accrual = {}
    while place >= 0:
        row = &out.discounts[place]
        place = row.next
        name, reward_no = rule_name(ruleset, row.rule)
        discounts.append({
            "promotion_id": name,
            "reward_no": reward_no,
            "version": ruleset.version if name else 0,
            "stage": f"STAGE_{STAGES[row.stage]}",
            "amount_minor": row.amount_minor,
            "kind": f"DISCOUNT_KIND_{KINDS[kind_of(row.rule)]}",
        })
    place = line.first_accrual
    while place >= 0:
        accrual[out.line_accruals[place].asset] = out.line_accruals[place].points
        place = out.line_accruals[place].next
    return {
        "line_no": receipt.lines[index].line_no,
        "gross_minor": line.gross_minor,
        "net_minor": line.net_minor,
        "discount_minor": line.discount_minor,
        "points_paid_minor": line.gross_minor - line.discount_minor - line.net_minor,
        "discounts": discounts,
        "accrual": spell_points(ruleset, accrual),
        "participates_as": [
            {"promotion_id": ruleset.promotion_id(out.line_roles[i].rule),
             "role": f"PARTICIPATION_ROLE_{ROLES[out.line_roles[i].role]}"}
            for i in range(line.roles_begin, line.roles_end)
        ],
    }


cdef str spell_by(Ruleset ruleset, const RuleTrace* trace):
    """Who won, who excluded, or the limit document that cut."""
    if trace.by_rule >= 0:
        return ruleset.promotion_id(trace.by_rule)
    return spelled_text(ruleset.cap_text(trace.cap)) if trace.cap >= 0 else ""


cdef str spelled_text(Text text):
    return text.data[:text.size].decode()


cdef dict spell_issued(Ruleset ruleset, const Said* issued):
    """A coupon to issue; its code is made where the receipt is committed."""
    cdef const IssueRow* row = &ruleset.view.issues[ruleset.view.rules[issued.rule].detail]
    cdef Text series
    series.data = ruleset.view.texts + row.series_begin
    series.size = row.series_size
    return {"promotion_id": ruleset.promotion_id(issued.rule), "series": spelled_text(series)}


cdef pos_v1.Balance* known_balances(Ruleset ruleset, const Holdings* holdings, dict given, Arena* arena) except? NULL:
    """Active points of every asset, for a text that says them; none of nobody."""
    cdef pos_v1.Balance* balances
    cdef int32_t i
    if not holdings.has_card or ruleset.view.assets_count == 0:
        return NULL
    balances = <pos_v1.Balance*>arena_take(arena, <size_t>ruleset.view.assets_count * sizeof(pos_v1.Balance))
    if balances == NULL:
        raise MemoryError("the arena is full")
    for i in range(ruleset.view.assets_count):
        row = given.get(ruleset.assets[i][0], 0)
        balances[i].asset = ruleset.asset_text(i)
        balances[i].scale = ruleset.view.assets[i].scale
        balances[i].active_points = row["active"] if isinstance(row, dict) else row
    return balances


cdef dict spell_message(const pos_v1.Message* message):
    return {
        "channel": f"CHANNEL_{CHANNELS[message.channel]}",
        "priority": message.priority,
        "text": spelled_text(message.text),
        "barcode": spelled_text(message.barcode),
        "language": spelled_text(message.language),
        "promotion_id": spelled_text(message.promotion_id),
    }


cdef dict spell_gift(const pos_v1.Gift* gift):
    return {
        "promotion_id": spelled_text(gift.promotion_id),
        "reward_no": gift.reward_no,
        "skus": [spelled_text(gift.skus[i]) for i in range(gift.skus_count)],
        "quantity": gift.quantity,
        "taken": gift.taken,
        "messages": [spell_message(&gift.messages[i]) for i in range(gift.messages_count)],
    }


cdef dict spell_said(Ruleset ruleset, const Receipt* receipt, const Holdings* holdings, dict balances, const Outcome* out):
    """Messages and gifts."""
    cdef Arena arena
    cdef pos_v1.Outcome written
    cdef pos_v1.Totals totals
    cdef int32_t i
    memset(&written, 0, sizeof(pos_v1.Outcome))
    memset(&totals, 0, sizeof(pos_v1.Totals))
    totals.to_pay_minor = out.to_pay_minor
    written.totals = &totals
    arena_open(&arena, ARENA_BYTES)
    try:
        written.balances = known_balances(ruleset, holdings, balances, &arena)
        written.balances_count = ruleset.view.assets_count if written.balances != NULL else 0
        if write_gifts(out, ruleset, &written, &arena) != 0 or write_messages(out, receipt, ruleset, &written, &arena) != 0:
            raise MemoryError("the arena is full")
        return {
            "messages": [spell_message(&written.messages[i]) for i in range(written.messages_count)],
            "gifts": [spell_gift(&written.gifts[i]) for i in range(written.gifts_count)],
        }
    finally:
        arena_close(&arena)


cdef list spell_nudges(Ruleset ruleset, const Receipt* receipt, const Outcome* out):
    cdef Arena arena
    cdef pos_v1.Outcome written
    cdef int32_t i
    memset(&written, 0, sizeof(pos_v1.Outcome))
    arena_open(&arena, ARENA_BYTES)
    try:
        if write_nudges(out, receipt, ruleset, &written, &arena) != 0:
            raise MemoryError("the arena is full")
        return [
            {
                "promotion_id": spelled_text(written.nudges[i].promotion_id),
                "distance_minor": written.nudges[i].distance_minor,
                "distance_milli": written.nudges[i].distance_milli,
                "text": spelled_text(written.nudges[i].text),
                "language": spelled_text(written.nudges[i].language),
            }
            for i in range(written.nudges_count)
        ]
    finally:
        arena_close(&arena)


cdef int32_t stage_of(Ruleset ruleset, int32_t rule) except -1:
    """Of a row of the trace: a promotion's, rounding's or a payment rule's."""
    if rule >= 0:
        return ruleset.stage(rule)
    return 9 if payment_of(rule) >= 0 else 10


cdef dict spell_trace(Ruleset ruleset, const Receipt* receipt, const Outcome* out, const RuleTrace* trace):
    cdef const LineTrace* row
    cdef int32_t i
    name, reward_no = rule_name(ruleset, trace.rule)
    spelled = {
        "promotion_id": name,
        "reward_no": reward_no,
        "version": ruleset.version if name else 0,
        "stage": f"STAGE_{STAGES[stage_of(ruleset, trace.rule)]}",
        "verdict": f"VERDICT_{VERDICTS[trace.verdict]}",
        "condition": ruleset.condition_path(trace.condition),
        "actual": trace.actual,
        "needed": trace.needed,
        "distance": trace.distance,
        "by_promotion_id": spell_by(ruleset, trace),
        "margin_minor": trace.margin_minor,
        "amount_minor": trace.amount_minor,
        "cut_minor": trace.cut_minor,
        "points": trace.points,
        "asset": "",
        "applications": trace.applications,
        "greedy": bool(trace.greedy),
        "lines": [],
    }
    asset = -1
    if trace.rule >= 0:
        asset = ruleset.view.rules[trace.rule].asset
    elif payment_of(trace.rule) >= 0:
        asset = ruleset.view.payments[payment_of(trace.rule)].asset
    if asset >= 0:
        spelled["asset"] = ruleset.assets[asset][0]
    for i in range(trace.lines_begin, trace.lines_end):
        row = &out.line_traces[i]
        spelled["lines"].append({"line_no": receipt.lines[row.line].line_no, "before_minor": row.before_minor,
                                 "after_minor": row.after_minor})
    return spelled


cdef dict spell_fiscal_row(const Receipt* receipt, const FiscalRow* row):
    return {"line_no": receipt.lines[row.line].line_no, "sub_no": row.sub_no, "qty_milli": row.qty_milli, "price_minor": row.price_minor,
            "sum_minor": row.sum_minor, "by_unit": bool(row.by_unit)}


cdef list spell_counters(Ruleset ruleset, const Outcome* out):
    """What the receipt takes of counters, by what was looked at first."""
    cdef const CounterUse* use
    cdef int32_t i
    spelled = []
    for i in range(out.counters_count):
        use = &out.counters[i]
        if use.taken > 0:
            spelled.append({"promotion_id": use.limit.data[:use.limit.size].decode(), "measure": list(MEASURES)[use.measure - 1],
                            "per": list(PERS)[use.per - 1], "window": list(WINDOWS)[use.id.window - 1], "delta": use.taken})
    return spelled


cdef bint needs_reserve(const Holdings* holdings, const Receipt* receipt, const Outcome* out):
    """Does the receipt take something that a Reserve has to keep."""
    cdef int32_t i
    for i in range(out.counters_count):
        if out.counters[i].taken > 0:
            return True
    for i in range(out.payments_count):
        if out.payments[i].points > 0:
            return True
    for i in range(receipt.coupons_count):
        if out.coupons[i].result == COUPON_APPLIED and holdings.coupons[i].series.size > 0:
            return True
    return False


cdef dict spell_outcome(
    Ruleset ruleset, const Receipt* receipt, const Holdings* holdings, dict balances, const Outcome* out, list codes, bint explain
):
    cdef const CouponOutcome* coupon
    cdef int32_t i
    points = {}
    for i in range(out.accruals_count):
        points[out.accruals[i].asset] = points.get(out.accruals[i].asset, 0) + out.accruals[i].points
    flags = []
    if out.price_below_minimum:
        flags.append("REASON_PRICE_BELOW_MINIMUM")
    if out.external_excess_minor > 0:
        flags.append("REASON_EXTERNAL_DISCOUNT_EXCESS")
    if out.split_unavoidable:
        flags.append("REASON_SPLIT_UNAVOIDABLE")
    if out.search_cut:
        flags.append("REASON_NOT_SEARCHED")
    coupons = []
    for i in range(receipt.coupons_count):
        coupon = &out.coupons[i]
        coupons.append({
            "code": codes[i]["code"],
            "state": f"COUPON_STATE_{COUPON_STATES[coupon.result]}",
            "reason": f"REASON_{REASONS[coupon.reason]}",
            "promotion_id": ruleset.promotion_id(coupon.rule) if coupon.rule >= 0 else "",
        })
    spelled = {
        "totals": {
            "gross_minor": out.gross_minor,
            "discount_minor": out.discount_minor,
            "points_paid_minor": out.points_paid_minor,
            "to_pay_minor": out.to_pay_minor,
            "accrual": spell_points(ruleset, points),
            "rounding_minor": out.rounding_minor,
        },
        "lines": [spell_line(ruleset, receipt, out, i) for i in range(receipt.lines_count)],
        "max_redeem": spell_payments(ruleset, receipt, out),
        "counters": spell_counters(ruleset, out),
        "coupons": coupons,
        "issued_coupons": [spell_issued(ruleset, &out.issued[i]) for i in range(out.issued_count)],
        **(spell_said(ruleset, receipt, holdings, balances, out) if out.said_count + out.promised_count > 0 else SILENCE),
        "nudges": spell_nudges(ruleset, receipt, out) if out.nudges_count > 0 else [],
        "fiscal_plan": [spell_fiscal_row(receipt, &out.fiscal_rows[i]) for i in range(out.fiscal_rows_count)],
        "rules_version": ruleset.version,
        "flags": flags,
    }
    if explain:
        spelled["explain"] = {
            "rules": [spell_trace(ruleset, receipt, out, &out.traces[i]) for i in range(out.traces_count)],
            "truncated": out.traces_truncated,
        }
    return spelled
