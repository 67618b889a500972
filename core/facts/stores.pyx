"""Stores; see the header for the invariants."""
from typing import NamedTuple

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint32_t
from altyn.core.receipt cimport Place
from altyn.core.text cimport Text, text_equal
from altyn.core.facts.index cimport Probe, hash_bytes, index_add, index_free, index_init, index_next, index_probe
from altyn.core.facts.memory cimport record_at, records_add, records_free, records_init
from altyn.core.facts.texts cimport FACT_ID_BYTES_MAX, Texts
from altyn.core.facts.zones cimport Zones
cimport cython

cdef enum:
    CURRENCY_BYTES = 3
    EXPONENT_MAX = 4


class StoreFact(NamedTuple):
    store_id: str
    zone: str
    region: str = ""
    format: str = ""
    cluster: str = ""
    currency: str = "RUB"
    exponent: int = 2


cdef str _str(Text text):
    return text.data[:text.size].decode("utf-8")


cdef Text _text(bytes encoded) noexcept:
    cdef Text text
    text.data = PyBytes_AS_STRING(encoded)
    text.size = <int32_t>PyBytes_GET_SIZE(encoded)
    return text


@cython.final
cdef class Stores:
    def __cinit__(self, Zones zones not None):
        self.zones = zones
        records_init(&self._stores, sizeof(Store))
        index_init(&self._index)
        self._texts = Texts()

    def __dealloc__(self):
        records_free(&self._stores)
        index_free(&self._index)

    def __len__(self):
        return self._present_count

    # QUERIES

    cdef Store* _slot(self, Text store_id) noexcept nogil:
        cdef Probe probe = index_probe(&self._index, hash_bytes(store_id.data, store_id.size))
        cdef uint32_t number
        cdef Store* store
        while index_next(&probe, &number):
            store = <Store*>record_at(&self._stores, number)
            if text_equal(store.store_id, store_id):
                return store
        return NULL

    cdef const Store* find(self, Text store_id) noexcept nogil:
        cdef Store* store = self._slot(store_id)
        if store == NULL or not store.present:
            return NULL
        return store

    cdef void wall_clock(self, const Store* store, int64_t instant_us, int64_t* wall_us, int64_t* gap_from_wall_us,
                         int64_t* gap_us) noexcept nogil:
        self.zones.wall_clock(store.zone, instant_us, wall_us, gap_from_wall_us, gap_us)

    cdef void place(self, const Store* store, int64_t instant_us, Place* place) noexcept nogil:
        place.store_id = store.store_id
        place.region = store.region
        place.format = store.format
        place.cluster = store.cluster
        self.wall_clock(store, instant_us, &place.wall_us, &place.gap_from_wall_us, &place.gap_us)

    def get(self, str store_id not None):
        cdef bytes encoded = store_id.encode()
        cdef const Store* store = self.find(_text(encoded))
        if store == NULL:
            return None
        return StoreFact(store_id, self.zones.name(store.zone), _str(store.region), _str(store.format),
                         _str(store.cluster), _str(store.currency), store.exponent)

    def wall_clock_at(self, str store_id not None, int64_t instant_us):
        cdef bytes encoded = store_id.encode()
        cdef const Store* store = self.find(_text(encoded))
        if store == NULL:
            raise KeyError(store_id)
        return self.zones.wall_clock_at(store.zone, instant_us)

    # COMMANDS

    cdef int _interned(self, str name, str text, int32_t bytes_max, Text* interned) except -1:
        cdef bytes encoded = text.encode()
        cdef uint32_t number
        if len(encoded) > bytes_max:
            raise ValueError(name + " of " + str(len(encoded)) + " bytes, at most " + str(bytes_max))
        self._texts.intern(_text(encoded), &number)
        interned[0] = self._texts.at(number)
        return 0

    def upsert(self, store not None):
        cdef Store read
        cdef Store* slot
        cdef uint32_t number
        read.zone = self.zones.number(store.zone)
        read.exponent = store.exponent
        read.present = True
        self._interned("store_id", store.store_id, FACT_ID_BYTES_MAX, &read.store_id)
        self._interned("region", store.region, FACT_ID_BYTES_MAX, &read.region)
        self._interned("format", store.format, FACT_ID_BYTES_MAX, &read.format)
        self._interned("cluster", store.cluster, FACT_ID_BYTES_MAX, &read.cluster)
        self._interned("currency", store.currency, CURRENCY_BYTES, &read.currency)
        if read.store_id.size == 0:
            raise ValueError("store_id is empty")
        if not 0 <= read.exponent <= EXPONENT_MAX:
            raise ValueError("exponent is " + str(read.exponent))
        slot = self._slot(read.store_id)
        if slot == NULL:
            records_add(&self._stores, 1, &number)
            slot = <Store*>record_at(&self._stores, number)
            index_add(&self._index, hash_bytes(read.store_id.data, read.store_id.size), number)
        self._present_count += not slot.present
        slot[0] = read

    def remove(self, str store_id not None):
        cdef bytes encoded = store_id.encode()
        cdef Store* store = self._slot(_text(encoded))
        if store == NULL or not store.present:
            return False
        store.present = False
        self._present_count -= 1
        return True
