"""Earlier receipts from plain Python values, for `evaluate`.

Decides nothing about what counts. Every error names the field.
"""
import re

cimport cython
from libc.stdint cimport INT64_MIN, int32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from altyn.core.accumulations cimport Accumulations, EarlierLine, EarlierReceipt
from altyn.core.limits cimport LINES_MAX, QTY_MILLI_MAX, amount_minor_max
from altyn.core.plain_lines cimport Texts, attributes_of, flags_of, number, unit_of
from altyn.core.text cimport Text

from altyn.core.plain_lines import ReceiptError
from altyn.core.rules.read.dates import day_number

HISTORY_MAX = 1_000
GAVE_MAX = 1_000
RECEIPT_KEYS = ("date", "store", "lines", "gave")
STORE_KEYS = ("store_id", "region", "format", "cluster")
LINE_KEYS = ("sku", "group_id", "brand_id", "supplier_id", "attributes", "unit", "qty_milli", "paid_minor", "flags")
DATE = re.compile("([0-9]{4})-([0-9]{2})-([0-9]{2})")


cdef object mapping_of(object value, str path, tuple known):
    if not isinstance(value, dict):
        raise ReceiptError(path, "BAD_FORMAT", f"a mapping is needed, of {', '.join(known)}")
    for key in value:
        if key not in known:
            raise ReceiptError(f"{path}.{key}", "BAD_FORMAT", f"unknown key; known are {', '.join(known)}")
    return value


cdef list list_of(dict row, str path, str key, int limit):
    rows = row.get(key) or []
    if not isinstance(rows, list):
        raise ReceiptError(f"{path}.{key}", "BAD_FORMAT", "a list is needed")
    if len(rows) > limit:
        raise ReceiptError(f"{path}.{key}", "TOO_LARGE", f"{len(rows)} entries, at most {limit}")
    return rows


cdef int64_t day_of(dict row, str path) except -1:
    """A date as text, or as a reader of YAML gives it."""
    match = DATE.fullmatch(str(row.get("date", "")))
    day = day_number(*map(int, match.groups())) if match else None
    if day is None:
        raise ReceiptError(f"{path}.date", "BAD_FORMAT", f"{row.get('date')!r} is no date like 2026-10-01")
    return day


cdef int fill_line(EarlierLine* line, object given, str path, Texts texts) except -1:
    row = mapping_of(given, path, LINE_KEYS)
    for kind, key in enumerate(LINE_KEYS[:4]):
        line.texts[kind] = texts.add(row.get(key, ""), f"{path}.{key}")
    line.attributes = attributes_of(row, f"{path}.", texts, &line.attributes_count)
    line.unit = unit_of(row, f"{path}.")
    line.flags = flags_of(row, f"{path}.")
    line.qty_milli = number(row, f"{path}.", "qty_milli", 1, QTY_MILLI_MAX)
    line.paid_minor = number(row, f"{path}.", "paid_minor", 0, amount_minor_max())
    return 0


cdef int fill_lines(EarlierReceipt* receipt, list rows, str path, Texts texts) except -1:
    if not rows:
        raise ReceiptError(f"{path}.lines", "FIELD_REQUIRED", "a receipt of which nothing is left does not belong here")
    receipt.lines = <EarlierLine*>calloc(len(rows), sizeof(EarlierLine))
    if receipt.lines == NULL:
        raise MemoryError
    quantity = paid = 0
    for position, row in enumerate(rows):
        fill_line(&receipt.lines[position], row, f"{path}.lines[{position}]", texts)
        quantity += receipt.lines[position].qty_milli
        paid += receipt.lines[position].paid_minor
    if quantity > QTY_MILLI_MAX or paid > amount_minor_max():
        raise ReceiptError(f"{path}.lines", "OUT_OF_RANGE", "more than a receipt may hold")
    receipt.lines_count = <int32_t>len(rows)
    return 0


cdef int fill_gave(EarlierReceipt* receipt, list names, str path, Texts texts) except -1:
    receipt.gave = <Text*>calloc(len(names) + 1, sizeof(Text))
    if receipt.gave == NULL:
        raise MemoryError
    for position, name in enumerate(names):
        receipt.gave[position] = texts.add(name, f"{path}.gave[{position}]")
    receipt.gave_count = <int32_t>len(names)
    return 0


cdef int take_row(Accumulations kept, object given, str path, int32_t times) except -1:
    """Take one receipt in, or out."""
    cdef EarlierReceipt receipt
    cdef Texts texts = Texts()
    row = mapping_of(given, path, RECEIPT_KEYS)
    store = mapping_of(row.get("store") or {}, f"{path}.store", STORE_KEYS)
    memset(&receipt, 0, sizeof(EarlierReceipt))
    try:
        receipt.day = day_of(row, path)
        for kind, key in enumerate(STORE_KEYS):
            receipt.store[kind] = texts.add(store.get(key, ""), f"{path}.store.{key}")
        fill_lines(&receipt, list_of(row, path, "lines", LINES_MAX), path, texts)
        fill_gave(&receipt, list_of(row, path, "gave", GAVE_MAX), path, texts)
        return kept.take(&receipt, times)
    finally:
        free(receipt.lines)
        free(receipt.gave)


cdef int fill_accumulations(Ruleset ruleset, list history, int64_t day, bytes store_id, int64_t* values) except -1:
    cdef Accumulations kept = Accumulations(ruleset)
    for position, row in enumerate(history):
        take_row(kept, row, f"history[{position}]", 1)
    return kept.read(day, store_id, values)


@cython.final
cdef class History:
    """A customer's earlier receipts, one by one: what `altyn evaluate` reads at once."""
    cdef Accumulations kept

    def __init__(self, Ruleset ruleset not None):
        self.kept = Accumulations(ruleset)

    def take_in(self, receipt: dict) -> None:
        take_row(self.kept, receipt, "receipt", 1)

    def take_out(self, receipt: dict) -> None:
        """A receipt as it was taken in."""
        take_row(self.kept, receipt, "receipt", -1)

    def values(self, day: int, store_id: str = "") -> list[int | None]:
        """Of every accumulation, for a receipt of this business date and store; None: there is no such date."""
        cdef int32_t count = self.kept.ruleset.view.accumulations_count, i
        cdef int64_t* found = <int64_t*>calloc(count + 1, sizeof(int64_t))
        if found == NULL:
            raise MemoryError
        try:
            self.kept.read(day, store_id.encode(), found)
            return [None if found[i] == INT64_MIN else found[i] for i in range(count)]
        finally:
            free(found)
