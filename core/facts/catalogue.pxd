"""The catalogue in memory: what a receipt line leaves out, by SKU.

Invariants: a `Product*` and its texts stay valid as long as the catalogue; their contents change only by `upsert`, `remove`
and `load`, which run between calls, never during one. A removed product is not found. Nothing here knows versions or time.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint16_t
from altyn.core.text cimport Text
from altyn.core.facts.attributes cimport AttributeSets
from altyn.core.facts.copy cimport CopyRows
from altyn.core.facts.index cimport Index
from altyn.core.facts.memory cimport Arena, Records
from altyn.core.facts.texts cimport Texts

cdef enum:
    FOUND_AT_ONCE = 32

cdef struct Product:
    Text sku
    Text group                   # size 0: none
    Text brand
    Text supplier
    int64_t min_price_minor      # 0: none; per 1.000 of measure
    int32_t vat_code
    uint16_t flags               # altyn.core.receipt.Flag
    uint16_t present             # 0: removed; such a product is never given out
    const Text* attributes       # name=value, in ascending order
    int32_t attributes_count

@cython.final
cdef class Catalogue:
    cdef Records _products
    cdef Index _index
    cdef Arena _skus
    cdef Texts _texts
    cdef AttributeSets _attributes
    cdef Py_ssize_t _present_count

    # QUERIES
    cdef const Product* find(self, Text sku) noexcept nogil      # NULL: not in the catalogue
    # The same for as many SKUs as FOUND_AT_ONCE: `stride` bytes lie between the begins of two of them.
    cdef void find_many(self, const Text* skus, size_t stride, int32_t count, const Product** found) noexcept nogil

    # COMMANDS
    cdef Product* _slot(self, Text sku) noexcept nogil           # removed ones too
    cdef Product* _slot_to_write(self, Text sku) except NULL
    cdef int _interned(self, Text text, Text* interned) except -1
    cdef int _write(self, Text sku, Text group, Text brand, Text supplier, int64_t flags, int64_t min_price_minor,
                    int64_t vat_code, Text attributes) except -1
    cdef bint _remove(self, Text sku) noexcept
