"""Grants; see the header."""
from typing import NamedTuple

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy
from altyn.core.facts.copy cimport CopyRows, Field, field_bool, field_int, field_text
from altyn.core.facts.index cimport (
    Index, Probe, hash_number, index_add, index_bytes, index_free, index_init, index_next, index_probe,
)
from altyn.core.facts.memory cimport record_at, records_add, records_bytes, records_free, records_init
from altyn.core.facts.texts cimport FACT_ID_BYTES_MAX, Texts
from altyn.core.limits cimport ARENA_BYTES, GRANT_GOODS_MAX, GRANTS_MAX
from altyn.core.receipt cimport GrantFact
from altyn.core.text cimport Text, text_compare, text_equal
from altyn.core.wire.arena cimport Arena, arena_close, arena_open, arena_take
cimport cython

cdef enum:
    COLUMNS = 7
    RUN_OF_UNIT = 4              # numbers in one unit of the pool
    NO_RUN = 255
    GOODS_BYTES_MAX = GRANT_GOODS_MAX * (FACT_ID_BYTES_MAX + 1)


class GrantRow(NamedTuple):
    customer_id: int
    promotion_id: str
    starts_at_us: int | None = None
    ends_at_us: int | None = None
    skus: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


cdef str _str(Text text):
    return text.data[:text.size].decode("utf-8")


cdef Text _text(bytes encoded) noexcept:
    cdef Text text
    text.data = PyBytes_AS_STRING(encoded)
    text.size = <int32_t>PyBytes_GET_SIZE(encoded)
    return text


cdef void insert(GrantFact* facts, int32_t count, GrantFact fact) noexcept nogil:
    """Into `count` facts in ascending order of the promotion's id."""
    while count > 0 and text_compare(facts[count - 1].promotion_id, fact.promotion_id) > 0:
        facts[count] = facts[count - 1]
        count -= 1
    facts[count] = fact


@cython.final
cdef class Grants:
    def __cinit__(self):
        records_init(&self._grants, sizeof(Grant))
        records_init(&self._pool, RUN_OF_UNIT * sizeof(uint32_t))
        index_init(&self._index)
        self._texts = Texts()

    def __dealloc__(self):
        records_free(&self._grants)
        records_free(&self._pool)
        index_free(&self._index)

    def __len__(self):
        return self._present_count

    # QUERIES

    cdef Text text_at(self, const Grant* grant, int32_t number) noexcept nogil:
        return self._texts.at((<const uint32_t*>record_at(&self._pool, grant.goods_at))[number])

    cdef int32_t of_customer(self, int64_t customer_id, int64_t instant_us, void** facts, Arena* arena) noexcept nogil:
        cdef Probe probe = index_probe(&self._index, hash_number(<unsigned long long>customer_id))
        cdef const Grant* grant
        cdef const Grant* found[GRANTS_MAX]
        cdef GrantFact* made
        cdef GrantFact fact
        cdef Text* goods
        cdef uint32_t number
        cdef int32_t count = 0, i, goods_count
        facts[0] = NULL
        while count < GRANTS_MAX and index_next(&probe, &number):
            grant = <const Grant*>record_at(&self._grants, number)
            if grant.customer_id != customer_id or not grant.present or not grant.starts_at_us <= instant_us < grant.ends_at_us:
                continue
            # While the index grows, an entry may come twice.
            i = 0
            while i < count and found[i] != grant:
                i += 1
            if i == count:
                found[count] = grant
                count += 1
        if count == 0:
            return 0
        made = <GrantFact*>arena_take(arena, <size_t>count * sizeof(GrantFact))
        if made == NULL:
            return -1
        for i in range(count):
            grant = found[i]
            goods_count = grant.skus_count + grant.categories_count
            goods = <Text*>arena_take(arena, <size_t>goods_count * sizeof(Text) + 8)
            if goods == NULL:
                return -1
            fact.promotion_id = self._texts.at(grant.promotion)
            fact.skus = goods
            fact.skus_count = grant.skus_count
            fact.categories = goods + grant.skus_count
            fact.categories_count = grant.categories_count
            for number in range(<uint32_t>goods_count):
                goods[number] = self.text_at(grant, <int32_t>number)
            insert(made, i, fact)
        facts[0] = made
        return count

    # COMMANDS

    cdef Grant* _slot(self, int64_t customer_id, Text promotion_id, Grant** free, int32_t* count) noexcept nogil:
        """The customer's grant of the promotion; a place that may be used again, NULL: none; how many are present."""
        cdef Probe probe = index_probe(&self._index, hash_number(<unsigned long long>customer_id))
        cdef uint32_t number
        cdef Grant* grant
        cdef Grant* found = NULL
        cdef Grant* seen[GRANTS_MAX]
        cdef int32_t seen_count = 0, i
        free[0] = NULL
        count[0] = 0
        while index_next(&probe, &number):
            grant = <Grant*>record_at(&self._grants, number)
            if grant.customer_id != customer_id:
                continue
            # While the index grows, an entry may come twice. A customer has no more places than grants.
            i = 0
            while i < seen_count and seen[i] != grant:
                i += 1
            if i < seen_count or seen_count == GRANTS_MAX:
                continue
            seen[seen_count] = grant
            seen_count += 1
            if not grant.present:
                free[0] = grant
            else:
                count[0] += 1
                if text_equal(self._texts.at(grant.promotion), promotion_id):
                    found = grant
        return found

    cdef int32_t _numbers(self, Text lines, uint32_t* numbers, int32_t count) except -1:
        """Text numbers of what is written one a line, behind the `count` that are there already; how many there are then."""
        cdef Text text
        cdef int32_t begin = 0, end
        if lines.size == 0:
            return count
        for end in range(lines.size + 1):
            if end < lines.size and lines.data[end] != c"\n":
                continue
            text.data, text.size = lines.data + begin, end - begin
            begin = end + 1
            if not 0 < text.size <= FACT_ID_BYTES_MAX:
                raise ValueError("a product or category of " + str(text.size) + " bytes")
            if count == GRANT_GOODS_MAX:
                raise ValueError("more than " + str(GRANT_GOODS_MAX) + " products and categories")
            self._texts.intern(text, &numbers[count])
            count += 1
        return count

    cdef int _make_room(self, Grant* grant, int32_t count) except -1:
        """A run that holds so many numbers; the one there was is kept for others. A free run's first bytes name the next."""
        cdef uint8_t size_class = 0
        if grant.goods_size != NO_RUN and count <= RUN_OF_UNIT << grant.goods_size:
            return 0
        while count > RUN_OF_UNIT << size_class:
            size_class += 1
        if grant.goods_size != NO_RUN:
            memcpy(record_at(&self._pool, grant.goods_at), &self._free_runs[grant.goods_size], sizeof(uint32_t))
            self._free_runs[grant.goods_size] = grant.goods_at + 1
            grant.goods_size = NO_RUN
        if self._free_runs[size_class] == 0:
            records_add(&self._pool, <uint32_t>1 << size_class, &grant.goods_at)
        else:
            grant.goods_at = self._free_runs[size_class] - 1
            memcpy(&self._free_runs[size_class], record_at(&self._pool, grant.goods_at), sizeof(uint32_t))
        grant.goods_size = size_class
        return 0

    cdef int _write(self, int64_t customer_id, Text promotion_id, int64_t starts_at_us, int64_t ends_at_us, Text skus,
                    Text categories) except -1:
        cdef uint32_t[GRANT_GOODS_MAX] numbers
        cdef uint32_t number
        cdef Grant* free
        cdef int32_t present, skus_count, count
        cdef Grant* grant = self._slot(customer_id, promotion_id, &free, &present)
        if customer_id <= 0 or not 0 < promotion_id.size <= FACT_ID_BYTES_MAX or starts_at_us >= ends_at_us:
            raise ValueError("customer_id is " + str(customer_id) + ", promotion_id has " + str(promotion_id.size)
                             + " bytes, or the grant ends before it starts")
        skus_count = self._numbers(skus, numbers, 0)
        count = self._numbers(categories, numbers, skus_count)
        if grant == NULL and present >= GRANTS_MAX:
            self.left_out += 1
            return 0
        if grant == NULL and free == NULL:
            records_add(&self._grants, 1, &number)
            grant = <Grant*>record_at(&self._grants, number)
            grant.customer_id = customer_id
            grant.goods_size = NO_RUN
            index_add(&self._index, hash_number(<unsigned long long>customer_id), number)
        elif grant == NULL:
            grant = free
        if count > 0:
            self._make_room(grant, count)
            memcpy(record_at(&self._pool, grant.goods_at), numbers, <size_t>count * sizeof(uint32_t))
        self._texts.intern(promotion_id, &grant.promotion)
        grant.starts_at_us = starts_at_us
        grant.ends_at_us = ends_at_us
        grant.skus_count = <uint8_t>skus_count
        grant.categories_count = <uint8_t>(count - skus_count)
        self._present_count += not grant.present
        grant.present = True
        return 0

    cdef bint _remove(self, int64_t customer_id, Text promotion_id) noexcept:
        cdef Grant* free
        cdef int32_t present
        cdef Grant* grant = self._slot(customer_id, promotion_id, &free, &present)
        if grant == NULL:
            return False
        grant.present = False
        self._present_count -= 1
        return True

    # PYTHON

    @property
    def allocated_bytes(self):
        return (records_bytes(&self._grants) + records_bytes(&self._pool) + index_bytes(&self._index)
                + self._texts.allocated_bytes())

    def upsert(self, grant not None):
        cdef bytes promotion_id = grant.promotion_id.encode()
        cdef bytes skus = "\n".join(grant.skus).encode()
        cdef bytes categories = "\n".join(grant.categories).encode()
        self._write(grant.customer_id, _text(promotion_id), INT64_MIN if grant.starts_at_us is None else grant.starts_at_us,
                    INT64_MAX if grant.ends_at_us is None else grant.ends_at_us, _text(skus), _text(categories))

    def remove(self, int64_t customer_id, str promotion_id not None):
        cdef bytes encoded = promotion_id.encode()
        return self._remove(customer_id, _text(encoded))

    def of(self, int64_t customer_id, int64_t instant_us):
        cdef Arena arena
        cdef void* facts
        cdef const GrantFact* fact
        cdef int32_t count, i, j
        arena_open(&arena, ARENA_BYTES)
        try:
            count = self.of_customer(customer_id, instant_us, &facts, &arena)
            found = []
            for i in range(count):
                fact = &(<const GrantFact*>facts)[i]
                found.append(GrantRow(customer_id, _str(fact.promotion_id), None, None,
                                      tuple([_str(fact.skus[j]) for j in range(fact.skus_count)]),
                                      tuple([_str(fact.categories[j]) for j in range(fact.categories_count)])))
            return found
        finally:
            arena_close(&arena)

    def load(self, CopyRows rows not None, Py_ssize_t rows_max):
        cdef Field fields[COLUMNS]
        cdef Text promotion_id, skus, categories
        cdef int64_t starts_at_us, ends_at_us
        cdef Py_ssize_t count = 0
        while count < rows_max and rows.next_row(fields, COLUMNS):
            field_text(fields[1], FACT_ID_BYTES_MAX, &promotion_id)
            if field_bool(fields[6]):
                self._remove(field_int(fields[0]), promotion_id)
            else:
                field_text(fields[4], GOODS_BYTES_MAX, &skus)
                field_text(fields[5], GOODS_BYTES_MAX, &categories)
                starts_at_us = field_int(fields[2]) if fields[2].size >= 0 else INT64_MIN
                ends_at_us = field_int(fields[3]) if fields[3].size >= 0 else INT64_MAX
                self._write(field_int(fields[0]), promotion_id, starts_at_us, ends_at_us, skus, categories)
            count += 1
        return count
