"""Lines of a receipt from plain Python values, for `evaluate`.

Decides nothing about amounts but what the contract says of a line's gross. Every error names the field.
"""
import re

from cpython.bytearray cimport PyByteArray_AS_STRING
from altyn.core.limits cimport ATTRIBUTES_MAX, LINE_NO_MAX, PRICE_MINOR_MAX, QTY_MILLI_MAX, VAT_CODE_MAX, amount_minor_max
from altyn.core.money cimport price_times

UNITS = {"PIECE": 0, "KG": 1, "L": 2, "M": 3, "UNSPECIFIED": 0, "": 0, 0: 0, 1: 0, 2: 1, 3: 2, 4: 3}
ATTRIBUTE_NAME = re.compile("[a-z0-9_-]{1,64}")
FLAGS = ("no_discount", "no_redeem", "no_accrual", "no_threshold", "marked", "gift", "excise")


class ReceiptError(ValueError):
    """A receipt, store or customer that cannot be calculated. `path` names the field, `code` is an altyn.pos.v1
    reason."""

    def __init__(self, path, code, message):
        super().__init__(f"{path}: {message}")
        self.path = path
        self.code = code
        self.message = message


cdef object number(dict row, str path, str key, object low, object high, object default=None):
    value = row.get(key, default)
    if value is None:
        raise ReceiptError(f"{path}{key}", "FIELD_REQUIRED", "this number is missing")
    if isinstance(value, str) and value.lstrip("-").isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ReceiptError(f"{path}{key}", "BAD_FORMAT", f"a whole number is needed, not {value!r}")
    if not low <= value <= high:
        raise ReceiptError(f"{path}{key}", "OUT_OF_RANGE", f"{value} is not in {low}…{high}")
    return value


cdef class Texts:
    """Keeps the bytes that Text spans point into."""

    def __cinit__(self):
        self._kept = []

    cdef void* room(self, size_t size) except NULL:
        """Zeroed memory, kept as long."""
        cdef bytearray room = bytearray(size)
        self._kept.append(room)
        return PyByteArray_AS_STRING(room)

    cdef Text* some(self, int count) except NULL:
        return <Text*>self.room(<size_t>count * sizeof(Text))

    cdef Text add(self, object value, str path) except *:
        cdef Text text
        if not isinstance(value, str):
            raise ReceiptError(path, "BAD_FORMAT", f"a text is needed, not {value!r}")
        cdef bytes spelled = (<str>value).encode()
        self._kept.append(spelled)
        text.data = spelled
        text.size = <int32_t>len(spelled)
        return text


cdef int64_t external_sum(dict row, str path) except -1:
    total = 0
    for position, given in enumerate(row.get("external_discounts") or ()):
        total += number(given, f"{path}external_discounts[{position}].", "amount_minor", 0, amount_minor_max())
    if total > amount_minor_max():
        raise ReceiptError(f"{path}external_discounts", "OUT_OF_RANGE", "their sum is too large")
    return total


cdef int fill_gross(Line* line, dict row, str path) except -1:
    """The register's own gross within one minor unit, else it is refused (semantics §6.1.3)."""
    computed = price_times(line.price_minor, line.qty_milli)
    given = row.get("gross_minor")
    line.gross_minor = computed
    if given is not None:
        given = number(row, path, "gross_minor", 0, amount_minor_max())
        if abs(given - computed) > 1:
            raise ReceiptError(f"{path}gross_minor", "SUM_MISMATCH",
                               f"{given} differs from price × quantity, {computed}")
        line.gross_minor = given
    return 0


cdef Text* attributes_of(dict row, str path, Texts texts, int32_t* count) except? NULL:
    """Pairs `name=value` of a mapping, as the catalogue would have them; NULL: none."""
    given = row.get("attributes") or {}
    if not isinstance(given, dict):
        raise ReceiptError(f"{path}attributes", "BAD_FORMAT", "attributes stand by name: {colour: red}")
    if len(given) > ATTRIBUTES_MAX:
        raise ReceiptError(f"{path}attributes", "TOO_LARGE", f"{len(given)} attributes, at most {ATTRIBUTES_MAX}")
    count[0] = <int32_t>len(given)
    cdef Text* pairs = texts.some(ATTRIBUTES_MAX) if given else NULL
    for position, (name, value) in enumerate(sorted(given.items())):
        if not isinstance(name, str) or not ATTRIBUTE_NAME.fullmatch(name):
            raise ReceiptError(f"{path}attributes.{name}", "BAD_FORMAT", "a name is 1 to 64 of a-z, 0-9, _ and -")
        if not isinstance(value, str) or not 0 < len(value.encode()) <= 64:
            raise ReceiptError(f"{path}attributes.{name}", "BAD_FORMAT", "a value is a text of 1 to 64 bytes")
        pairs[position] = texts.add(f"{name}={value}", path)
    return pairs


cdef int32_t unit_of(dict row, str path) except -1:
    unit = row.get("unit", 0)
    unit = unit.removeprefix("UNIT_") if isinstance(unit, str) else unit
    if unit not in UNITS:
        raise ReceiptError(f"{path}unit", "BAD_FORMAT", f"{unit!r} is none of PIECE, KG, L, M")
    return UNITS[unit]


cdef int32_t flags_of(dict row, str path) except -1:
    flags = row.get("flags") or {}
    if not isinstance(flags, dict):
        raise ReceiptError(f"{path}flags", "BAD_FORMAT", "a mapping is needed, of flags that are true")
    unknown = set(flags) - set(FLAGS)
    if unknown:
        raise ReceiptError(f"{path}flags.{min(unknown)}", "BAD_FORMAT", "there is no such flag")
    return sum(1 << bit for bit, name in enumerate(FLAGS) if flags.get(name))


cdef int fill_line(Line* line, dict row, str path, Texts texts) except -1:
    line.unit = unit_of(row, path)
    line.line_no = number(row, path, "line_no", 1, LINE_NO_MAX)
    line.vat_code = number(row, path, "vat_code", 0, VAT_CODE_MAX, 0)
    line.qty_milli = number(row, path, "qty_milli", 1, QTY_MILLI_MAX)
    line.price_minor = number(row, path, "price_minor", 0, PRICE_MINOR_MAX)
    line.min_price_minor = number(row, path, "min_price_minor", 0, PRICE_MINOR_MAX, 0)
    cost = row.get("cost_minor")
    line.cost_minor = -1 if cost is None else number(row, path, "cost_minor", 0, PRICE_MINOR_MAX)
    line.flags = flags_of(row, path)
    line.external_minor = external_sum(row, path)
    manual = row.get("manual_discount") or {}
    line.manual_ppm = number(manual, f"{path}manual_discount.", "percent_ppm", 0, 1_000_000) \
        if "percent_ppm" in manual else -1
    line.manual_minor = number(manual, f"{path}manual_discount.", "amount_minor", 0, amount_minor_max()) \
        if "amount_minor" in manual else -1
    line.sku = texts.add(row.get("sku", ""), f"{path}sku")
    line.group = texts.add(row.get("group_id", ""), f"{path}group_id")
    line.brand = texts.add(row.get("brand_id", ""), f"{path}brand_id")
    line.supplier = texts.add(row.get("supplier_id", ""), f"{path}supplier_id")
    line.mark_code = texts.add(row.get("mark_code", ""), f"{path}mark_code")
    line.attributes = NULL
    line.attributes = attributes_of(row, path, texts, &line.attributes_count)
    line.sum_mismatch = False
    line.no_split = bool(row.get("no_split")) or line.mark_code.size > 0
    return fill_gross(line, row, path)


cdef int fill_lines(Receipt* receipt, list rows, Texts texts) except -1:
    numbers = set()
    attributes = {}
    quantity = total = 0
    for position, row in enumerate(rows):
        path = f"lines[{position}]."
        if not isinstance(row, dict):
            raise ReceiptError(f"lines[{position}]", "BAD_FORMAT", "a line is a mapping")
        fill_line(&receipt.lines[position], row, path, texts)
        if receipt.lines[position].line_no in numbers:
            raise ReceiptError(f"{path}line_no", "DUPLICATE_LINE", f"{receipt.lines[position].line_no} is used twice")
        numbers.add(receipt.lines[position].line_no)
        own = row.get("attributes") or {}
        if attributes.setdefault(row.get("sku", ""), own) != own:
            raise ReceiptError(f"{path}attributes", "BAD_FORMAT", "lines of one sku have the same attributes")
        quantity += receipt.lines[position].qty_milli
        total += receipt.lines[position].gross_minor
    if quantity > QTY_MILLI_MAX:
        raise ReceiptError("lines", "OUT_OF_RANGE", f"{quantity} thousandths of a unit, at most {QTY_MILLI_MAX}")
    if total > amount_minor_max():
        raise ReceiptError("lines", "OUT_OF_RANGE", "the receipt's amount is too large")
    return 0
