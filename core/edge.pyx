"""Reading requests: the only place where a number from outside is checked.

Invariants: whatever passes is in the range of `core/limits`, so sums and products of the core cannot overflow; each refusal has one
stable reason and names one field. It must never change an amount, look at the book, or refuse a receipt for its rules.
"""
from libc.stdint cimport INT32_MAX, INT64_MAX, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset
from altyn.core.limits cimport (
    ARENA_BYTES, CALC_TOKEN_BYTES_MAX, COUPONS_MAX, CURRENCY_BYTES, EXPONENT_MAX, EXTERNAL_DISCOUNTS_MAX, GIFT_CARDS_MAX, ID_BYTES_MAX,
    LINE_NO_MAX, LINES_MAX, MARK_CODE_BYTES_MAX, OP_ID_BYTES, OP_NO_MAX, PAYMENTS_MAX, PERCENT_PPM_MAX, PIN_BYTES_MAX, POINTS_REQUESTS_MAX,
    PRICE_MINOR_MAX, QTY_MILLI_MAX, TENDERS_MAX, TEXT_BYTES_MAX, UTC_OFFSET_MINUTES_MAX, VAT_CODE_MAX, amount_minor_max, local_time_us_max,
    points_max,
)
from altyn.core.money cimport MILLI, price_times
from altyn.core.receipt cimport (
    EXCISE, GIFT, MARKED, NO_ACCRUAL, NO_DISCOUNT, NO_REDEEM, NO_THRESHOLD, PIECE, Line, PointsWish, Receipt,
)
from altyn.core.text cimport Text, text_equal
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_room, arena_take
from altyn.core.wire.format cimport fault, path_of, wire_exception
cimport altyn.core.wire.generated.pos_v1 as pos_v1

from altyn.core.engine.types import CallRefused

cdef enum:
    # Slots of the table that finds a line_no used twice: a power of two, at most half full.
    LINE_SLOTS = 2_048
    DATE_BYTES = 10
    CODE_BYTES_MAX = 16        # of a one-time code: a long one is wrong rather than a fault


# --- refusing -------------------------------------------------------------------------------------------------------

cdef int refuse(ReadError* error, int32_t reason, const char* field, int32_t index, int64_t value, int64_t low, int64_t high,
                const char* form) noexcept nogil:
    error.at.code = reason
    error.at.depth = 0
    error.value = value
    error.low = low
    error.high = high
    error.form = form
    return fault(&error.at, field, index)

cdef int missing(ReadError* error, const char* field) noexcept nogil:
    return refuse(error, pos_v1.ERROR_REASON_FIELD_REQUIRED, field, -1, 0, 0, 0, NULL)

cdef int malformed(ReadError* error, const char* field, const char* form) noexcept nogil:
    return refuse(error, pos_v1.ERROR_REASON_BAD_FORMAT, field, -1, 0, 0, 0, form)

cdef int out_of_range(ReadError* error, const char* field, int64_t value, int64_t low, int64_t high) noexcept nogil:
    return refuse(error, pos_v1.ERROR_REASON_OUT_OF_RANGE, field, -1, value, low, high, NULL)

cdef int too_large(ReadError* error, const char* field, int64_t value, int64_t high) noexcept nogil:
    return refuse(error, pos_v1.ERROR_REASON_TOO_LARGE, field, -1, value, 0, high, NULL)

cdef inline int within(ReadError* error, const char* field, int64_t value, int64_t low, int64_t high) noexcept nogil:
    return 0 if low <= value <= high else out_of_range(error, field, value, low, high)

cdef inline int at_most(ReadError* error, const char* field, int64_t count, int64_t high) noexcept nogil:
    """For sizes and counts."""
    return 0 if count <= high else too_large(error, field, count, high)

cdef inline int named(ReadError* error, const char* field, Text text) noexcept nogil:
    """An id that must be there."""
    if text.size == 0:
        return missing(error, field)
    return at_most(error, field, text.size, ID_BYTES_MAX)

cdef object edge_exception(const ReadError* error):
    path = path_of(&error.at)
    if error.at.code == pos_v1.ERROR_REASON_OUT_OF_RANGE:
        return CallRefused("INVALID_ARGUMENT", "OUT_OF_RANGE", path, f"{error.value} is not within {error.low}..{error.high}")
    if error.at.code == pos_v1.ERROR_REASON_TOO_LARGE:
        return CallRefused("INVALID_ARGUMENT", "TOO_LARGE", path, f"{error.value} is more than {error.high}")
    if error.at.code == pos_v1.ERROR_REASON_DUPLICATE_LINE:
        return CallRefused("INVALID_ARGUMENT", "DUPLICATE_LINE", path, f"{error.value} is the number of another line")
    if error.at.code == pos_v1.ERROR_REASON_WRONG_CURRENCY:
        return CallRefused("INVALID_ARGUMENT", "WRONG_CURRENCY", path, "not the store's")
    if error.at.code == pos_v1.ERROR_REASON_FIELD_REQUIRED:
        return CallRefused("INVALID_ARGUMENT", "FIELD_REQUIRED", path, "must be given")
    assert error.at.code == pos_v1.ERROR_REASON_BAD_FORMAT and error.form != NULL
    return CallRefused("INVALID_ARGUMENT", "BAD_FORMAT", path, f"must be {(<bytes>error.form).decode()}")


# --- lines ----------------------------------------------------------------------------------------------------------

cdef uint32_t flags_of(const pos_v1.LineFlags* flags) noexcept nogil:
    if flags == NULL:
        return 0
    return (
        (NO_DISCOUNT if flags.no_discount else 0) | (NO_REDEEM if flags.no_redeem else 0)
        | (NO_ACCRUAL if flags.no_accrual else 0) | (NO_THRESHOLD if flags.no_threshold else 0)
        | (MARKED if flags.marked else 0) | (GIFT if flags.gift else 0) | (EXCISE if flags.excise else 0)
    )

cdef int read_external(const pos_v1.ReceiptLine* wire, Line* line, ReadError* error) noexcept nogil:
    cdef const pos_v1.ExternalDiscount* discount
    cdef int32_t place
    line.external_minor = 0
    if at_most(error, "external_discounts", wire.external_discounts_count, EXTERNAL_DISCOUNTS_MAX):
        return error.at.code
    for place in range(wire.external_discounts_count):
        discount = &wire.external_discounts[place]
        # The sum stays in range as well: each part takes from what the ones before it left.
        if (
            at_most(error, "discount_id", discount.discount_id.size, ID_BYTES_MAX)
            or within(error, "amount_minor", discount.amount_minor, 0, amount_minor_max() - line.external_minor)
        ):
            return fault(&error.at, "external_discounts", place)
        line.external_minor += discount.amount_minor
    return 0

cdef int read_manual(const pos_v1.ManualDiscount* wire, Line* line, ReadError* error) noexcept nogil:
    line.manual_ppm = -1
    line.manual_minor = -1
    if wire == NULL:
        return 0
    if wire.value_case == pos_v1.ManualDiscount_percent_ppm:
        line.manual_ppm = wire.percent_ppm
        within(error, "percent_ppm", wire.percent_ppm, 0, PERCENT_PPM_MAX)
    elif wire.value_case == pos_v1.ManualDiscount_amount_minor:
        line.manual_minor = wire.amount_minor
        within(error, "amount_minor", wire.amount_minor, 0, amount_minor_max())
    else:
        missing(error, "value")
    if error.at.code or at_most(error, "reason", wire.reason.size, TEXT_BYTES_MAX):
        return fault(&error.at, "manual_discount", -1)
    return 0

cdef int check_refund(const pos_v1.RefundOf* wire, ReadError* error) noexcept nogil:
    if wire != NULL and (
        within(error, "line_no", wire.line_no, 1, LINE_NO_MAX)
        or within(error, "sub_no", wire.sub_no, 0, LINE_NO_MAX)
        or within(error, "qty_milli", wire.qty_milli, 1, QTY_MILLI_MAX)
    ):
        return fault(&error.at, "refund_of", -1)
    return 0

cdef int read_line(const pos_v1.ReceiptLine* wire, Line* line, ReadError* error) noexcept nogil:
    """Fills all of `line`."""
    cdef int64_t computed_minor, difference_minor
    if (
        within(error, "line_no", wire.line_no, 1, LINE_NO_MAX)
        or named(error, "sku", wire.sku)
        or at_most(error, "barcode", wire.barcode.size, ID_BYTES_MAX)
        or within(error, "qty_milli", wire.qty_milli, 1, QTY_MILLI_MAX)
        or within(error, "unit", wire.unit, 0, pos_v1.UNIT_M)
        or within(error, "price_minor", wire.price_minor, 0, PRICE_MINOR_MAX)
        or within(error, "gross_minor", wire.gross_minor, 0, amount_minor_max())
        or within(error, "vat_code", wire.vat_code, 0, VAT_CODE_MAX)
        or at_most(error, "group_id", wire.group_id.size, ID_BYTES_MAX)
        or at_most(error, "brand_id", wire.brand_id.size, ID_BYTES_MAX)
        or at_most(error, "supplier_id", wire.supplier_id.size, ID_BYTES_MAX)
        or within(error, "min_price_minor", wire.min_price_minor, 0, PRICE_MINOR_MAX)
        or within(error, "cost_minor", wire.cost_minor, 0, PRICE_MINOR_MAX)
        or at_most(error, "mark_code", wire.mark_code.size, MARK_CODE_BYTES_MAX)
        or read_external(wire, line, error)
        or read_manual(wire.manual_discount, line, error)
        or check_refund(wire.refund_of, error)
        or at_most(error, "gift_card", wire.gift_card.size, ID_BYTES_MAX)
        or (wire.gift_card.size > 0 and (within(error, "unit", wire.unit, 0, pos_v1.UNIT_PIECE)
                                         or within(error, "qty_milli", wire.qty_milli, MILLI, MILLI)))
    ):
        return error.at.code
    line.line_no = wire.line_no
    line.unit = wire.unit - pos_v1.UNIT_PIECE if wire.unit != pos_v1.UNIT_UNSPECIFIED else PIECE
    line.vat_code = wire.vat_code
    line.flags = flags_of(wire.flags)
    if wire.gift_card.size > 0:
        line.flags |= NO_DISCOUNT | NO_REDEEM | NO_ACCRUAL | NO_THRESHOLD
    line.qty_milli = wire.qty_milli
    line.price_minor = wire.price_minor
    line.min_price_minor = wire.min_price_minor
    line.cost_minor = wire.cost_minor if wire.has_cost_minor else -1
    line.sku = wire.sku
    line.group = wire.group_id
    line.brand = wire.brand_id
    line.supplier = wire.supplier_id
    line.mark_code = wire.mark_code
    line.attributes = NULL
    line.attributes_count = 0
    computed_minor = price_times(wire.price_minor, wire.qty_milli)
    line.gross_minor = wire.gross_minor if wire.has_gross_minor else computed_minor
    difference_minor = line.gross_minor - computed_minor
    line.sum_mismatch = difference_minor > 1 or difference_minor < -1
    line.no_split = wire.no_split or wire.mark_code.size > 0
    return 0

cdef int32_t line_used_twice(const Receipt* receipt, Arena* arena) noexcept nogil:
    """The place of a line whose number an earlier line has; -1 when there is none, -2 when the arena is full."""
    cdef int32_t place, slot
    cdef bint ascending = True
    cdef int32_t* slots
    for place in range(1, receipt.lines_count):
        ascending = ascending and receipt.lines[place - 1].line_no < receipt.lines[place].line_no
    if ascending:
        return -1
    slots = <int32_t*>arena_take(arena, LINE_SLOTS * sizeof(int32_t))
    if slots == NULL:
        return -2
    for place in range(receipt.lines_count):
        slot = receipt.lines[place].line_no & (LINE_SLOTS - 1)
        while slots[slot] != 0 and slots[slot] != receipt.lines[place].line_no:
            slot = (slot + 1) & (LINE_SLOTS - 1)
        if slots[slot] != 0:
            return place
        slots[slot] = receipt.lines[place].line_no
    return -1

cdef int read_lines(const pos_v1.Receipt* wire, Receipt* out, Arena* arena, ReadError* error) noexcept nogil:
    cdef int64_t gross_minor = 0, qty_milli = 0
    cdef int32_t place
    cdef Line* line
    if at_most(error, "lines", wire.lines_count, LINES_MAX):
        return error.at.code
    out.lines_count = wire.lines_count
    out.gift_cards_count = 0
    out.lines = <Line*>arena_room(arena, <size_t>wire.lines_count * sizeof(Line))
    if out.lines == NULL:
        return too_large(error, "lines", wire.lines_count, LINES_MAX)
    for place in range(wire.lines_count):
        line = &out.lines[place]
        if (
            read_line(&wire.lines[place], line, error)
            or within(error, "qty_milli", line.qty_milli, 1, QTY_MILLI_MAX - qty_milli)
            or within(error, "gross_minor", line.gross_minor, 0, amount_minor_max() - gross_minor)
        ):
            return fault(&error.at, "lines", place)
        qty_milli += line.qty_milli
        gross_minor += line.gross_minor
        out.gift_cards_count += wire.lines[place].gift_card.size > 0
    if at_most(error, "gift_card", out.gift_cards_count, GIFT_CARDS_MAX):
        return fault(&error.at, "lines", -1)
    place = line_used_twice(out, arena)
    if place == -2:
        return too_large(error, "lines", wire.lines_count, LINES_MAX)
    if place >= 0:
        refuse(error, pos_v1.ERROR_REASON_DUPLICATE_LINE, "line_no", -1, out.lines[place].line_no, 0, 0, NULL)
        return fault(&error.at, "lines", place)
    return 0


# --- the rest of a receipt ------------------------------------------------------------------------------------------

cdef int read_coupon(const pos_v1.CouponEntry* wire, Text* code, Arena* arena, ReadError* error) noexcept nogil:
    """Trimmed, ASCII letters in upper case: how a cashier typed it does not matter."""
    cdef const char* data = wire.code.data
    cdef int32_t size = wire.code.size, place
    cdef char* upper
    if at_most(error, "code", size, ID_BYTES_MAX) or within(error, "source", wire.source, 0, pos_v1.COUPON_SOURCE_MANUAL):
        return error.at.code
    while size > 0 and (data[0] == 32 or 9 <= data[0] <= 13):
        data += 1
        size -= 1
    while size > 0 and (data[size - 1] == 32 or 9 <= data[size - 1] <= 13):
        size -= 1
    if size == 0:
        return missing(error, "code")
    upper = <char*>arena_take(arena, <size_t>size)
    if upper == NULL:
        return too_large(error, "code", size, ID_BYTES_MAX)
    memcpy(upper, data, <size_t>size)
    for place in range(size):
        if 97 <= upper[place] <= 122:
            upper[place] -= 32
    code.data = upper
    code.size = size
    return 0

cdef int read_coupons(const pos_v1.Receipt* wire, Receipt* out, Arena* arena, ReadError* error) noexcept nogil:
    cdef int32_t place
    out.coupons = NULL
    out.coupons_count = wire.coupons_count
    if wire.coupons_count == 0 or at_most(error, "coupons", wire.coupons_count, COUPONS_MAX):
        return error.at.code
    out.coupons = <Text*>arena_take(arena, <size_t>wire.coupons_count * sizeof(Text))
    if out.coupons == NULL:
        return too_large(error, "coupons", wire.coupons_count, COUPONS_MAX)
    for place in range(wire.coupons_count):
        if read_coupon(&wire.coupons[place], &out.coupons[place], arena, error):
            return fault(&error.at, "coupons", place)
    return 0

cdef int read_wishes(const pos_v1.Receipt* wire, Receipt* out, Arena* arena, ReadError* error) noexcept nogil:
    cdef const pos_v1.PointsRequest* points
    cdef int32_t place
    if at_most(error, "points", wire.points_count, POINTS_REQUESTS_MAX):
        return error.at.code
    for place in range(wire.points_count):
        points = &wire.points[place]
        if named(error, "asset", points.asset) or (
            points.wish_case == pos_v1.PointsRequest_requested_points
            and within(error, "requested_points", points.requested_points, 0, points_max())
        ):
            return fault(&error.at, "points", place)
    return take_wishes(wire, out, arena, error)

cdef int take_wishes(const pos_v1.Receipt* wire, Receipt* out, Arena* arena, ReadError* error) noexcept nogil:
    """One wish for an asset: of several entries the first counts. An entry that asks for nothing is none."""
    cdef const pos_v1.PointsRequest* points
    cdef int32_t place, other
    out.wishes_count = 0
    out.wishes = NULL
    if wire.points_count == 0:
        return 0
    out.wishes = <PointsWish*>arena_take(arena, <size_t>wire.points_count * sizeof(PointsWish))
    if out.wishes == NULL:
        return too_large(error, "points", wire.points_count, 0)
    for place in range(wire.points_count):
        points = &wire.points[place]
        for other in range(out.wishes_count):
            if text_equal(out.wishes[other].asset, points.asset):
                break
        else:
            out.wishes[out.wishes_count].asset = points.asset
            out.wishes[out.wishes_count].points = -1 if points.wish_case == pos_v1.PointsRequest_max and points.max else points.requested_points
            out.wishes_count += 1
    return 0

cdef int read_payments(const pos_v1.Receipt* wire, Receipt* out, ReadError* error) noexcept nogil:
    cdef int64_t sum_minor = 0
    cdef int32_t place
    memset(out.paid_minor, 0, sizeof(out.paid_minor))
    if at_most(error, "payments", wire.payments_count, PAYMENTS_MAX):
        return error.at.code
    for place in range(wire.payments_count):
        if (
            within(error, "type", wire.payments[place].type, 0, pos_v1.PAYMENT_TYPE_OTHER)
            or within(error, "sum_minor", wire.payments[place].sum_minor, 0, amount_minor_max() - sum_minor)
        ):
            return fault(&error.at, "payments", place)
        sum_minor += wire.payments[place].sum_minor
        out.paid_minor[wire.payments[place].type] += wire.payments[place].sum_minor
    return 0

cdef int check_tender(const pos_v1.Tender* wire, ReadError* error) noexcept nogil:
    cdef bint is_card = wire.kind == pos_v1.TENDER_KIND_GIFT_CARD
    return (
        within(error, "kind", wire.kind, pos_v1.TENDER_KIND_GIFT_CARD, pos_v1.TENDER_KIND_STORED_VALUE)
        or (named(error, "number", wire.number) if is_card else named(error, "asset", wire.asset))
        or at_most(error, "pin", wire.pin.size, PIN_BYTES_MAX)
        or within(error, "amount_minor", wire.amount_minor, 0, amount_minor_max())
    )

cdef int check_tenders(const pos_v1.Receipt* wire, Receipt* out, ReadError* error) noexcept nogil:
    cdef int32_t place
    if at_most(error, "tenders", wire.tenders_count, TENDERS_MAX):
        return error.at.code
    for place in range(wire.tenders_count):
        if check_tender(&wire.tenders[place], error):
            return fault(&error.at, "tenders", place)
    out.tenders_count = wire.tenders_count
    return 0

cdef int check_identity(const pos_v1.Identity* wire, ReadError* error) noexcept nogil:
    if wire == NULL:
        return 0
    if wire.kind == pos_v1.TOKEN_KIND_UNSPECIFIED:
        missing(error, "kind")
    elif within(error, "kind", wire.kind, 0, pos_v1.TOKEN_KIND_QR) == 0 and named(error, "value", wire.value) == 0:
        if within(error, "input_method", wire.input_method, 0, pos_v1.INPUT_METHOD_PHONE_CODE) == 0:
            at_most(error, "code", wire.code.size, CODE_BYTES_MAX if wire.kind == pos_v1.TOKEN_KIND_PHONE else 0)
    return fault(&error.at, "identity", -1) if error.at.code else 0

cdef bint is_date(Text text) noexcept nogil:
    """YYYY-MM-DD by its form; which days exist is for whoever looks the receipt up."""
    cdef int32_t place
    if text.size != DATE_BYTES:
        return False
    for place in range(DATE_BYTES):
        if text.data[place] != 45 if place == 4 or place == 7 else not 48 <= text.data[place] <= 57:
            return False
    return True

cdef int check_original(const pos_v1.OriginalReceipt* wire, ReadError* error) noexcept nogil:
    if wire == NULL:
        return 0
    if (
        at_most(error, "store_id", wire.store_id.size, ID_BYTES_MAX)
        or at_most(error, "register_id", wire.register_id.size, ID_BYTES_MAX)
        or within(error, "shift_number", wire.shift_number, 0, INT64_MAX)
        or within(error, "receipt_number", wire.receipt_number, 0, INT64_MAX)
    ):
        return fault(&error.at, "original", -1)
    if wire.date.size and not is_date(wire.date):
        malformed(error, "date", "a date as YYYY-MM-DD")
    elif wire.op_id.size and wire.op_id.size != OP_ID_BYTES:
        malformed(error, "op_id", "16 bytes")
    return fault(&error.at, "original", -1) if error.at.code else 0

cdef int check_fiscal(const pos_v1.FiscalMark* wire, ReadError* error) noexcept nogil:
    if wire != NULL and (
        at_most(error, "drive", wire.drive.size, ID_BYTES_MAX)
        or at_most(error, "document", wire.document.size, ID_BYTES_MAX)
        or at_most(error, "sign", wire.sign.size, ID_BYTES_MAX)
    ):
        return fault(&error.at, "fiscal", -1)
    return 0

cdef int check_money(const pos_v1.Receipt* wire, ReadError* error) noexcept nogil:
    cdef int32_t place
    if wire.currency.size == 0:
        return missing(error, "currency")
    for place in range(wire.currency.size):
        if wire.currency.size != CURRENCY_BYTES or not 65 <= wire.currency.data[place] <= 90:
            return malformed(error, "currency", "three letters of ISO 4217")
    return within(error, "exponent", wire.exponent, 0, EXPONENT_MAX)

cdef int check_place(Text store_id, Text register_id, Text cashier_id, ReadError* error) noexcept nogil:
    return (
        named(error, "store_id", store_id)
        or named(error, "register_id", register_id)
        or at_most(error, "cashier_id", cashier_id.size, ID_BYTES_MAX)
    )

cdef int check_clock(int64_t local_time_us, int64_t utc_offset_minutes, ReadError* error) noexcept nogil:
    return (
        within(error, "local_time_us", local_time_us, 0, local_time_us_max())
        or within(error, "utc_offset_minutes", utc_offset_minutes, -UTC_OFFSET_MINUTES_MAX, UTC_OFFSET_MINUTES_MAX)
    )

cdef int read_fields(const pos_v1.Receipt* wire, Receipt* out, Arena* arena, ReadError* error) noexcept nogil:
    if (
        check_place(wire.store_id, wire.register_id, wire.cashier_id, error)
        or within(error, "shift_number", wire.shift_number, 0, INT64_MAX)
        or within(error, "receipt_number", wire.receipt_number, 0, INT64_MAX)
        or check_clock(wire.local_time_us, wire.utc_offset_minutes, error)
        or at_most(error, "sales_channel", wire.sales_channel.size, ID_BYTES_MAX)
        or check_money(wire, error)
        or check_identity(wire.identity, error)
        or read_lines(wire, out, arena, error)
        or read_coupons(wire, out, arena, error)
        or read_wishes(wire, out, arena, error)
        or read_payments(wire, out, error)
        or check_tenders(wire, out, error)
        or within(error, "mode", wire.mode, 0, pos_v1.MODE_OFFLINE)
        or within(error, "rules_version", wire.rules_version, 0, INT64_MAX)
        or check_original(wire.original, error)
        or check_fiscal(wire.fiscal, error)
        or within(error, "computed_by", wire.computed_by, 0, pos_v1.COMPUTED_BY_NONE)
    ):
        return error.at.code
    out.register_id = wire.register_id
    out.channel = wire.sales_channel
    out.currency = wire.currency
    out.exponent = wire.exponent
    return 0

cdef int read_receipt(const pos_v1.Receipt* wire, Receipt* out, Arena* arena, ReadError* error) noexcept nogil:
    error.at.code = 0
    if wire == NULL:
        return missing(error, "receipt")
    return fault(&error.at, "receipt", -1) if read_fields(wire, out, arena, error) else 0


# --- the other requests ---------------------------------------------------------------------------------------------

cdef int check_currency(const pos_v1.Receipt* wire, Text currency, int64_t exponent, ReadError* error) noexcept nogil:
    error.at.code = 0
    if not text_equal(wire.currency, currency):
        refuse(error, pos_v1.ERROR_REASON_WRONG_CURRENCY, "currency", -1, 0, 0, 0, NULL)
    elif wire.exponent != exponent:
        refuse(error, pos_v1.ERROR_REASON_WRONG_CURRENCY, "exponent", -1, 0, 0, 0, NULL)
    return fault(&error.at, "receipt", -1) if error.at.code else 0

cdef int check_envelope(Text op_id, int64_t register_seq, int64_t op_no, Text calc_token, ReadError* error) noexcept nogil:
    error.at.code = 0
    if op_id.size == 0:
        return missing(error, "op_id")
    if op_id.size != OP_ID_BYTES:
        return malformed(error, "op_id", "16 bytes")
    return (
        within(error, "register_seq", register_seq, 0, INT64_MAX)
        or within(error, "op_no", op_no, 0, OP_NO_MAX)
        or at_most(error, "calc_token", calc_token.size, CALC_TOKEN_BYTES_MAX)
    )

cdef int check_cancel(const pos_v1.CancelReceiptRequest* wire, ReadError* error) noexcept nogil:
    cdef Text no_token
    no_token.size = 0
    return (
        check_envelope(wire.op_id, wire.register_seq, wire.op_no, no_token, error)
        or check_place(wire.store_id, wire.register_id, wire.cashier_id, error)
        or within(error, "shift_number", wire.shift_number, 0, INT64_MAX)
        or within(error, "receipt_number", wire.receipt_number, 0, INT64_MAX)
        or check_clock(wire.local_time_us, wire.utc_offset_minutes, error)
    )

cdef int check_authorize(const pos_v1.AuthorizeCustomerRequest* wire, ReadError* error) noexcept nogil:
    error.at.code = 0
    if check_place(wire.store_id, wire.register_id, wire.cashier_id, error):
        return error.at.code
    if wire.identity == NULL:
        return missing(error, "identity")
    return (
        check_identity(wire.identity, error)
        or check_clock(wire.local_time_us, wire.utc_offset_minutes, error)
        or at_most(error, "sales_channel", wire.sales_channel.size, ID_BYTES_MAX)
    )

cdef int check_reconcile(const pos_v1.ReconcileShiftRequest* wire, ReadError* error) noexcept nogil:
    cdef Text nobody
    nobody.size = 0
    error.at.code = 0
    return (
        check_place(wire.store_id, wire.register_id, nobody, error)
        or within(error, "shift_number", wire.shift_number, 0, INT64_MAX)
        or within(error, "receipts_count", wire.receipts_count, 0, INT32_MAX)
        or within(error, "returns_count", wire.returns_count, 0, INT32_MAX)
        or within(error, "sales_sum_minor", wire.sales_sum_minor, 0, amount_minor_max())
        or within(error, "returns_sum_minor", wire.returns_sum_minor, 0, amount_minor_max())
        or within(error, "last_register_seq", wire.last_register_seq, 0, INT64_MAX)
        or at_most(error, "open_receipt_numbers", wire.open_receipt_numbers_count, LINES_MAX)
    )


# --- Python face ----------------------------------------------------------------------------------------------------

cdef str spelled(Text text):
    return text.data[:text.size].decode()

cdef dict line_as_read(const Line* line):
    return {
        "line_no": line.line_no, "unit": line.unit, "vat_code": line.vat_code, "flags": line.flags, "qty_milli": line.qty_milli,
        "price_minor": line.price_minor, "gross_minor": line.gross_minor, "min_price_minor": line.min_price_minor,
        "cost_minor": line.cost_minor, "external_minor": line.external_minor, "manual_ppm": line.manual_ppm,
        "manual_minor": line.manual_minor, "sku": spelled(line.sku), "group": spelled(line.group),
        "brand": spelled(line.brand), "supplier": spelled(line.supplier), "mark_code": spelled(line.mark_code),
        "sum_mismatch": bool(line.sum_mismatch),
    }

def receipt_as_read(bytes source, str currency = "", int exponent = 0) -> dict:
    """What the core sees of a Receipt's bytes, for tests and tools; `currency` and `exponent` are the store's, when given.

    Raises MalformedMessage and CallRefused.
    """
    cdef Arena arena
    cdef ReadError error
    cdef pos_v1.Receipt wire
    cdef Receipt receipt
    cdef Text store_currency
    cdef const uint8_t* data = source
    cdef bytes expected = currency.encode()
    store_currency.data = expected
    store_currency.size = <int32_t>len(expected)
    arena_open(&arena, ARENA_BYTES)
    try:
        if pos_v1.decode_Receipt(&wire, data, data + len(source), &arena, &error.at):
            raise wire_exception(&error.at)
        if read_receipt(&wire, &receipt, &arena, &error):
            raise edge_exception(&error)
        if currency and check_currency(&wire, store_currency, exponent, &error):
            raise edge_exception(&error)
        return {
            "lines": [line_as_read(&receipt.lines[place]) for place in range(receipt.lines_count)],
            "coupons": [spelled(receipt.coupons[place]) for place in range(receipt.coupons_count)],
            "currency": spelled(receipt.currency),
            "exponent": receipt.exponent,
        }
    finally:
        arena_close(&arena)

cdef union AnyRequest:
    pos_v1.CommitReceiptRequest commit
    pos_v1.CancelReceiptRequest cancel
    pos_v1.AuthorizeCustomerRequest authorize
    pos_v1.ReconcileShiftRequest reconcile

def check_request(str name, bytes source) -> None:
    """Check the fields of a request beside its receipt, for tests and tools. Raises MalformedMessage and CallRefused."""
    cdef Arena arena
    cdef ReadError error
    cdef AnyRequest wire
    cdef const uint8_t* data = source
    cdef const uint8_t* end = data + len(source)
    cdef int refused = 0
    arena_open(&arena, ARENA_BYTES)
    try:
        if name == "CommitReceiptRequest":
            if pos_v1.decode_CommitReceiptRequest(&wire.commit, data, end, &arena, &error.at) == 0:
                refused = check_envelope(
                    wire.commit.op_id, wire.commit.register_seq, wire.commit.op_no, wire.commit.calc_token, &error
                )
        elif name == "CancelReceiptRequest":
            if pos_v1.decode_CancelReceiptRequest(&wire.cancel, data, end, &arena, &error.at) == 0:
                refused = check_cancel(&wire.cancel, &error)
        elif name == "AuthorizeCustomerRequest":
            if pos_v1.decode_AuthorizeCustomerRequest(&wire.authorize, data, end, &arena, &error.at) == 0:
                refused = check_authorize(&wire.authorize, &error)
        elif name == "ReconcileShiftRequest":
            if pos_v1.decode_ReconcileShiftRequest(&wire.reconcile, data, end, &arena, &error.at) == 0:
                refused = check_reconcile(&wire.reconcile, &error)
        else:
            raise KeyError(name)
        if refused:
            raise edge_exception(&error)
        if error.at.code:
            raise wire_exception(&error.at)
    finally:
        arena_close(&arena)
