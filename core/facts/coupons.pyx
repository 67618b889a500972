"""Coupons; see the header for the invariants.

Codes lie in pages of open addressing, 24 bytes a slot, filled to seven eighths and grown by an eighth: at most 31 bytes a code.
"""
from typing import NamedTuple

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint16_t, uint32_t, uint64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy
from altyn.core.text cimport Text, text_equal
from altyn.core.facts.copy cimport CopyRows, Field, field_bool, field_int, field_text
from altyn.core.facts.memory cimport arena_bytes, arena_copy, arena_free, arena_init
from altyn.core.facts.serial_codes cimport is_serial_template
from altyn.core.facts.serials cimport SERIAL_BLOCKED, SERIAL_UNKNOWN, SHAPES_MAX, RangeState, Serials
from altyn.core.facts.texts cimport FACT_ID_BYTES_MAX
from altyn.core.limits cimport SERIES_NO_MAX
cimport cython

# CouponKind, CodeResult and the limits, for Python.
globals().update(
    COUPON_SHARED=COUPON_SHARED, COUPON_UNIQUE=COUPON_UNIQUE, CODE_UNKNOWN=CODE_UNKNOWN, CODE_FOUND=CODE_FOUND,
    CODE_BLOCKED=CODE_BLOCKED, SHAPES_MAX=SHAPES_MAX, CODE_TOO_EARLY=CODE_TOO_EARLY, CODE_TOO_LATE=CODE_TOO_LATE, SERIES_NO_MAX=SERIES_NO_MAX,
    NEVER_US=INT64_MAX,
)

cdef enum:
    SLOT_EMPTY = 0
    SLOT_REMOVED = 1
    SLOT_OPEN = 2
    SLOT_BLOCKED = 3
    PAGE_SLOTS_MIN = 8
    CODE_ID_BITS = 40
    USES_MAX = 1_000_000_000
    GRACE_DAYS_MAX = 3_650


class SeriesFact(NamedTuple):
    series_no: int
    series: str
    kind: int
    is_blocked: bool
    starts_at_us: int
    ends_at_us: int
    uses_max: int
    template: str = ""
    is_serial: bool = False
    keeps_used: bool = False
    grace_days: int = 0


class CodeFact(NamedTuple):
    code_hash: bytes
    code_id: int
    series_no: int
    is_blocked: bool = False


class CodeResolution(NamedTuple):
    result: int
    series_no: int
    code_id: int


cdef inline CodePage* _page_of(CodePage* pages, const unsigned char* code_hash) noexcept nogil:
    return &pages[((<uint32_t>code_hash[0] << 4) | (code_hash[1] >> 4)) & (CODE_PAGES - 1)]


cdef inline uint32_t _home(const CodePage* page, const unsigned char* code_hash) noexcept nogil:
    """A keyed hash is random already: four of its bytes, scaled to the page."""
    cdef uint32_t bits
    memcpy(&bits, code_hash + 4, sizeof(bits))
    return <uint32_t>((<uint64_t>bits * page.capacity) >> 32)


cdef void _place(CodePage* page, const CodeSlot* slot) noexcept nogil:
    """Into the first empty slot from its home on; there is one."""
    cdef uint32_t at = _home(page, slot.code_hash)
    while page.slots[at].state != SLOT_EMPTY:
        at = at + 1 if at + 1 < page.capacity else 0
    page.slots[at] = slot[0]
    page.used += 1


cdef int _grow(CodePage* page) except -1:
    """A page larger by an eighth; removed codes are left behind."""
    cdef CodePage larger
    cdef uint32_t i
    if page.capacity > 0x40000000:
        raise OverflowError("a page of more than 2^30 coupon codes")
    larger.capacity = page.capacity + (page.capacity >> 3) + PAGE_SLOTS_MIN
    larger.used = 0
    larger.slots = <CodeSlot*>calloc(larger.capacity, sizeof(CodeSlot))
    if larger.slots == NULL:
        raise MemoryError()
    for i in range(page.capacity):
        if page.slots[i].state > SLOT_REMOVED:
            _place(&larger, &page.slots[i])
    free(page.slots)
    page[0] = larger
    return 0


cdef inline int64_t _code_id(const CodeSlot* slot) noexcept nogil:
    return (<int64_t>slot.id_high << 32) | slot.id_low


cdef const unsigned char* _hash(bytes code_hash) except NULL:
    if len(code_hash) < CODE_HASH_BYTES:
        raise ValueError("code_hash of " + str(len(code_hash)) + " bytes, at least 16")
    return <const unsigned char*>PyBytes_AS_STRING(code_hash)


@cython.final
cdef class Coupons:
    def __cinit__(self):
        arena_init(&self._names)
        self._numbers = {}
        self.serials = Serials()
        self._pages = <CodePage*>calloc(CODE_PAGES, sizeof(CodePage))
        # Pages nobody writes to cost only address space.
        self._series = <CouponSeries*>calloc(SERIES_NO_MAX + 1, sizeof(CouponSeries))
        if self._pages == NULL or self._series == NULL:
            raise MemoryError()

    def __dealloc__(self):
        cdef int32_t i
        if self._pages != NULL:
            for i in range(CODE_PAGES):
                free(self._pages[i].slots)
        free(self._pages)
        free(self._series)
        arena_free(&self._names)

    # QUERIES

    cdef CodeSlot* _slot(self, const unsigned char* code_hash) noexcept nogil:
        """The slot of a code, a removed one too; NULL when there is none."""
        cdef const CodePage* page = _page_of(self._pages, code_hash)
        cdef uint32_t at
        if page.capacity == 0:
            return NULL
        at = _home(page, code_hash)
        while page.slots[at].state != SLOT_EMPTY:  # there always is an empty one
            if memcmp(page.slots[at].code_hash, code_hash, CODE_HASH_BYTES) == 0:
                return &page.slots[at]
            at = at + 1 if at + 1 < page.capacity else 0
        return NULL

    cdef const CouponSeries* find_series(self, int32_t series_no) noexcept nogil:
        if not 0 < series_no <= SERIES_NO_MAX or self._series[series_no].series.size == 0:
            return NULL
        return &self._series[series_no]

    cdef const CouponSeries* find_named(self, Text series) except? NULL:
        cdef const CouponSeries* found = self.find_series(self._numbers.get(series.data[:series.size], 0))
        return found if found != NULL and text_equal(found.series, series) else NULL

    cdef void _resolve(self, Resolution* found, int32_t series_no, int64_t code_id, bint is_blocked, int64_t instant_us) noexcept nogil:
        """What a code that there is is worth; unknown when its series is not there."""
        cdef const CouponSeries* series = self.find_series(series_no)
        if series == NULL:
            return
        found.code_id = code_id
        found.series_no = series_no
        if series.is_blocked or is_blocked:
            found.result = CODE_BLOCKED
        elif instant_us < series.starts_at_us:
            found.result = CODE_TOO_EARLY
        elif instant_us >= series.ends_at_us:
            found.result = CODE_TOO_LATE
        else:
            found.result = CODE_FOUND

    cdef Resolution resolve_code(self, const unsigned char* code_hash, int64_t instant_us) noexcept nogil:
        cdef Resolution found = [0, 0, CODE_UNKNOWN]
        cdef const CodeSlot* slot = self._slot(code_hash)
        if slot != NULL and slot.state != SLOT_REMOVED:
            self._resolve(&found, slot.series_no, _code_id(slot), slot.state == SLOT_BLOCKED, instant_us)
        return found

    cdef Resolution resolve_serial(self, int32_t series_no, int64_t serial, int64_t instant_us) noexcept nogil:
        cdef Resolution found = [0, 0, CODE_UNKNOWN]
        cdef RangeState state = self.serials.state_of(series_no, serial)
        if state != SERIAL_UNKNOWN:
            self._resolve(&found, series_no, serial, state == SERIAL_BLOCKED, instant_us)
        return found

    # COMMANDS

    cdef int _write_series(self, CouponSeries read) except -1:
        cdef CouponSeries* series
        if not 0 < read.series_no <= SERIES_NO_MAX:
            raise ValueError("series_no is " + str(read.series_no))
        if not 0 < read.series.size <= FACT_ID_BYTES_MAX:
            raise ValueError("series of " + str(read.series.size) + " bytes")
        if read.kind != COUPON_SHARED and read.kind != COUPON_UNIQUE:
            raise ValueError("coupon kind is " + str(read.kind))
        if read.starts_at_us >= read.ends_at_us or not 0 <= read.uses_max <= USES_MAX:
            raise ValueError("a series that ends before it starts, or uses_max of " + str(read.uses_max))
        if not 0 <= read.grace_days <= GRACE_DAYS_MAX:
            raise ValueError("a series with grace_days of " + str(read.grace_days))
        if read.is_serial and (read.kind != COUPON_UNIQUE or read.uses_max != 1 or not is_serial_template(read.template)):
            raise ValueError("a serial series is of unique codes for one use, with 8 to 12 # in its template")
        series = &self._series[read.series_no]
        if text_equal(series.series, read.series):
            read.series = series.series
        else:
            arena_copy(&self._names, read.series, &read.series)
        if text_equal(series.template, read.template):
            read.template = series.template
        else:
            arena_copy(&self._names, read.template, &read.template)
        if series.series.size > 0 and series.is_serial:
            self.serials.remove_form(series.template, read.series_no)
        if read.is_serial:
            self.serials.add_form(read.template, read.series_no)
        self._numbers[read.series.data[:read.series.size]] = read.series_no
        self._series_present += series.series.size == 0
        series[0] = read
        return 0

    cdef bint _remove_series(self, int32_t series_no) except -1:
        if self.find_series(series_no) == NULL:
            return False
        if self._series[series_no].is_serial:
            self.serials.remove_form(self._series[series_no].template, series_no)
        self._series[series_no].series.size = 0
        self._series_present -= 1
        return True

    cdef int _write_code(self, const unsigned char* code_hash, int64_t code_id, int64_t series_no, bint is_blocked) except -1:
        cdef CodeSlot* slot
        cdef CodeSlot added
        cdef CodePage* page
        cdef uint8_t state = SLOT_BLOCKED if is_blocked else SLOT_OPEN
        if code_id <= 0 or code_id >> CODE_ID_BITS != 0 or not 0 < series_no <= SERIES_NO_MAX:
            raise ValueError("code_id is " + str(code_id) + ", series_no " + str(series_no))
        added.id_low = <uint32_t>(code_id & 0xFFFFFFFFLL)
        added.id_high = <uint8_t>(code_id >> 32)
        added.series_no = <uint16_t>series_no
        added.state = state
        memcpy(added.code_hash, code_hash, CODE_HASH_BYTES)
        slot = self._slot(code_hash)
        if slot != NULL:
            self._codes_present += slot.state == SLOT_REMOVED
            slot[0] = added
            return 0
        page = _page_of(self._pages, code_hash)
        if (page.used + 1) * <uint64_t>8 > page.capacity * <uint64_t>7:
            _grow(page)
        _place(page, &added)
        self._codes_present += 1
        return 0

    cdef bint _remove_code(self, const unsigned char* code_hash) noexcept:
        cdef CodeSlot* slot = self._slot(code_hash)
        if slot == NULL or slot.state == SLOT_REMOVED:
            return False
        slot.state = SLOT_REMOVED
        self._codes_present -= 1
        return True

    # PYTHON

    @property
    def codes_count(self):
        return self._codes_present

    @property
    def series_count(self):
        return self._series_present

    @property
    def allocated_bytes(self):
        cdef size_t slots_count = 0
        cdef int32_t i
        for i in range(CODE_PAGES):
            slots_count += self._pages[i].capacity
        return (slots_count * sizeof(CodeSlot) + CODE_PAGES * sizeof(CodePage)
                + (SERIES_NO_MAX + 1) * sizeof(CouponSeries) + arena_bytes(&self._names) + self.serials.allocated_bytes)

    def resolve(self, bytes code_hash not None, int64_t instant_us):
        cdef Resolution found = self.resolve_code(_hash(code_hash), instant_us)
        return CodeResolution(found.result, found.series_no, found.code_id)

    def series(self, int32_t series_no):
        cdef const CouponSeries* series = self.find_series(series_no)
        if series == NULL:
            return None
        return SeriesFact(series_no, series.series.data[:series.series.size].decode("utf-8"), series.kind, bool(series.is_blocked),
                          series.starts_at_us, series.ends_at_us, series.uses_max,
                          series.template.data[:series.template.size].decode("utf-8"), bool(series.is_serial),
                          bool(series.keeps_used), series.grace_days)

    def upsert_series(self, series not None):
        cdef bytes name = series.series.encode(), template = series.template.encode()
        cdef CouponSeries read
        read.series.data = PyBytes_AS_STRING(name)
        read.series.size = <int32_t>PyBytes_GET_SIZE(name)
        read.template.data = PyBytes_AS_STRING(template)
        read.template.size = <int32_t>PyBytes_GET_SIZE(template)
        read.series_no = series.series_no
        read.kind = series.kind
        read.is_blocked = bool(series.is_blocked)
        read.starts_at_us = series.starts_at_us
        read.ends_at_us = series.ends_at_us
        read.uses_max = series.uses_max
        read.is_serial = bool(series.is_serial)
        read.keeps_used = bool(series.keeps_used)
        read.grace_days = series.grace_days
        self._write_series(read)

    def remove_series(self, int32_t series_no):
        return self._remove_series(series_no)

    def resolve_range(self, int32_t series_no, int64_t serial, int64_t instant_us):
        cdef Resolution found = [0, 0, CODE_UNKNOWN]
        if 0 < series_no <= SERIES_NO_MAX:
            found = self.resolve_serial(series_no, serial, instant_us)
        return CodeResolution(found.result, found.series_no, found.code_id)

    def series_of_form(self, bytes code not None):
        cdef Text text = [PyBytes_AS_STRING(code), <int32_t>PyBytes_GET_SIZE(code)]
        return self.serials.series_of(text)

    def upsert_range(self, int64_t series_no, int64_t first, int64_t last, bint is_blocked=False):
        self.serials.write_range(series_no, first, last, is_blocked)

    def remove_range(self, int64_t series_no, int64_t first):
        return self.serials.remove_range(series_no, first)

    def upsert_code(self, code not None):
        cdef bytes code_hash = code.code_hash
        self._write_code(_hash(code_hash), code.code_id, code.series_no, code.is_blocked)

    def remove_code(self, bytes code_hash not None):
        return self._remove_code(_hash(code_hash))

    def load_series(self, CopyRows rows not None, Py_ssize_t rows_max):
        cdef Field fields[12]
        cdef CouponSeries read
        cdef int64_t number, kind, uses, grace
        cdef Py_ssize_t count = 0
        while count < rows_max and rows.next_row(fields, 12):
            number = field_int(fields[0])
            if not 0 < number <= SERIES_NO_MAX:
                raise ValueError("series_no is " + str(number))
            if field_bool(fields[11]):
                self._remove_series(<int32_t>number)
            else:
                kind = field_int(fields[2])
                uses = field_int(fields[6])
                field_text(fields[1], FACT_ID_BYTES_MAX, &read.series)
                field_text(fields[7], FACT_ID_BYTES_MAX, &read.template)
                read.series_no = <int32_t>number
                read.kind = <uint8_t>kind if 0 <= kind <= 255 else 255
                read.is_blocked = field_bool(fields[3])
                read.starts_at_us = field_int(fields[4])
                read.ends_at_us = field_int(fields[5]) if fields[5].size >= 0 else INT64_MAX
                read.uses_max = <int32_t>uses if 0 <= uses <= USES_MAX else -1
                read.is_serial = field_bool(fields[8])
                read.keeps_used = field_bool(fields[9])
                grace = field_int(fields[10])
                read.grace_days = <int32_t>grace if 0 <= grace <= GRACE_DAYS_MAX else -1
                self._write_series(read)
            count += 1
        return count

    def load_codes(self, CopyRows rows not None, Py_ssize_t rows_max):
        cdef Field fields[5]
        cdef Py_ssize_t count = 0
        while count < rows_max and rows.next_row(fields, 5):
            if fields[0].size < CODE_HASH_BYTES:
                raise ValueError("code_hash of " + str(fields[0].size) + " bytes")
            if field_bool(fields[4]):
                self._remove_code(fields[0].data)
            else:
                self._write_code(fields[0].data, field_int(fields[1]), field_int(fields[2]), field_bool(fields[3]))
            count += 1
        return count

    def load_ranges(self, CopyRows rows not None, Py_ssize_t rows_max):
        return self.serials.load(rows, rows_max)
