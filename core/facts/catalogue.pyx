"""The catalogue; see the header for the invariants."""
from typing import NamedTuple

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t
from altyn.core.text cimport Text, text_equal
from altyn.core.facts.attributes cimport ATTRIBUTES_BYTES_MAX, AttributeSets
from altyn.core.facts.copy cimport CopyRows, Field, field_bool, field_int, field_text
from altyn.core.facts.index cimport (
    Probe, hash_bytes, index_add, index_bytes, index_expect, index_free, index_init, index_next, index_probe,
)
from altyn.core.facts.memory cimport (
    arena_bytes, arena_copy, arena_free, arena_init, prefetch, record_at, records_add, records_bytes, records_free, records_init,
)
from altyn.core.facts.texts cimport FACT_ID_BYTES_MAX, Texts
cimport cython

cdef enum:
    COLUMNS = 9
    FLAGS_MAX = 127
    MIN_PRICE_MINOR_MAX = 1_000_000_000
    VAT_CODE_MAX = 1_000
    CACHE_LINE_BYTES = 64


class ProductFact(NamedTuple):
    sku: str
    group_id: str = ""
    brand_id: str = ""
    supplier_id: str = ""
    flags: int = 0
    min_price_minor: int = 0
    vat_code: int = 0
    attributes: tuple[str, ...] = ()


cdef str _str(Text text):
    return text.data[:text.size].decode("utf-8")


cdef Text _text(bytes encoded) noexcept:
    cdef Text text
    text.data = PyBytes_AS_STRING(encoded)
    text.size = <int32_t>PyBytes_GET_SIZE(encoded)
    return text


cdef inline const Text* sku_at(const Text* skus, size_t stride, int32_t place) noexcept nogil:
    return <const Text*>(<const char*>skus + <size_t>place * stride)


@cython.final
cdef class Catalogue:
    def __cinit__(self):
        records_init(&self._products, sizeof(Product))
        index_init(&self._index)
        arena_init(&self._skus)
        self._texts = Texts()
        self._attributes = AttributeSets()

    def __dealloc__(self):
        records_free(&self._products)
        index_free(&self._index)
        arena_free(&self._skus)

    def __len__(self):
        return self._present_count

    # QUERIES

    cdef Product* _slot(self, Text sku) noexcept nogil:
        cdef Probe probe = index_probe(&self._index, hash_bytes(sku.data, sku.size))
        cdef uint32_t number
        cdef Product* product
        while index_next(&probe, &number):
            product = <Product*>record_at(&self._products, number)
            if text_equal(product.sku, sku):
                return product
        return NULL

    cdef const Product* find(self, Text sku) noexcept nogil:
        cdef Product* product = self._slot(sku)
        if product == NULL or not product.present:
            return NULL
        return product

    cdef void find_many(self, const Text* skus, size_t stride, int32_t count, const Product** found) noexcept nogil:
        """Step by step for all of them: what one step reads of each was asked for in the step before, and comes meanwhile."""
        cdef uint32_t[FOUND_AT_ONCE] hashes
        cdef const Text* sku
        cdef const Product* product
        cdef Probe probe
        cdef uint32_t number
        cdef int32_t i
        for i in range(count):
            sku = sku_at(skus, stride, i)
            hashes[i] = hash_bytes(sku.data, sku.size)
            index_expect(&self._index, hashes[i])
        for i in range(count):
            probe = index_probe(&self._index, hashes[i])
            found[i] = <const Product*>record_at(&self._products, number) if index_next(&probe, &number) else NULL
            prefetch(found[i])
            prefetch(<const char*>found[i] + CACHE_LINE_BYTES)
        for i in range(count):
            product = found[i]
            if product != NULL:
                prefetch(product.sku.data)
                # Whoever asked for the product reads these next.
                prefetch(product.group.data)
                prefetch(product.brand.data)
        for i in range(count):
            product, sku = found[i], sku_at(skus, stride, i)
            if product != NULL and not (product.present and text_equal(product.sku, sku[0])):
                found[i] = self.find(sku[0])

    def get(self, str sku not None):
        cdef bytes encoded = sku.encode()
        cdef const Product* product = self.find(_text(encoded)) if len(encoded) <= FACT_ID_BYTES_MAX else NULL
        if product == NULL:
            return None
        return ProductFact(sku, _str(product.group), _str(product.brand), _str(product.supplier), product.flags,
                           product.min_price_minor, product.vat_code,
                           tuple([_str(product.attributes[i]) for i in range(product.attributes_count)]))

    @property
    def allocated_bytes(self):
        return (records_bytes(&self._products) + index_bytes(&self._index) + arena_bytes(&self._skus)
                + self._texts.allocated_bytes() + self._attributes.allocated_bytes())

    # COMMANDS

    cdef Product* _slot_to_write(self, Text sku) except NULL:
        """The product's place, made when there was none. Everything in it but `sku` and `present` is to be overwritten."""
        cdef uint32_t number
        cdef Product* product = self._slot(sku)
        if product == NULL:
            records_add(&self._products, 1, &number)
            product = <Product*>record_at(&self._products, number)
            arena_copy(&self._skus, sku, &product.sku)
            index_add(&self._index, hash_bytes(sku.data, sku.size), number)
        return product

    cdef int _interned(self, Text text, Text* interned) except -1:
        cdef uint32_t number
        self._texts.intern(text, &number)
        interned[0] = self._texts.at(number)
        return 0

    cdef int _write(self, Text sku, Text group, Text brand, Text supplier, int64_t flags, int64_t min_price_minor,
                    int64_t vat_code, Text attributes) except -1:
        cdef Product* product
        cdef const Text* pairs
        cdef int32_t pairs_count
        if not 0 < sku.size <= FACT_ID_BYTES_MAX:
            raise ValueError("sku of " + str(sku.size) + " bytes")
        if group.size > FACT_ID_BYTES_MAX or brand.size > FACT_ID_BYTES_MAX or supplier.size > FACT_ID_BYTES_MAX:
            raise ValueError("group_id, brand_id or supplier_id of more than 64 bytes")
        if not 0 <= flags <= FLAGS_MAX:
            raise ValueError("flags is " + str(flags))
        if not 0 <= min_price_minor <= MIN_PRICE_MINOR_MAX:
            raise ValueError("min_price_minor is " + str(min_price_minor))
        if not 0 <= vat_code <= VAT_CODE_MAX:
            raise ValueError("vat_code is " + str(vat_code))
        pairs = self._attributes.keep(attributes, &pairs_count)
        product = self._slot_to_write(sku)
        self._interned(group, &product.group)
        self._interned(brand, &product.brand)
        self._interned(supplier, &product.supplier)
        product.flags = <uint16_t>flags
        product.min_price_minor = min_price_minor
        product.vat_code = <int32_t>vat_code
        product.attributes = pairs
        product.attributes_count = pairs_count
        self._present_count += not product.present
        product.present = True
        return 0

    cdef bint _remove(self, Text sku) noexcept:
        cdef Product* product = self._slot(sku)
        if product == NULL or not product.present:
            return False
        product.present = False
        self._present_count -= 1
        return True

    def upsert(self, product not None):
        sku, group, brand, supplier = [text.encode() for text in product[:4]]
        attributes = "\n".join(product.attributes).encode()
        self._write(_text(sku), _text(group), _text(brand), _text(supplier), product.flags, product.min_price_minor,
                    product.vat_code, _text(attributes))

    def remove(self, str sku not None):
        cdef bytes encoded = sku.encode()
        return self._remove(_text(encoded))

    def load(self, CopyRows rows not None, Py_ssize_t rows_max):
        cdef Field fields[COLUMNS]
        cdef Text texts[4]
        cdef Text attributes
        cdef Py_ssize_t count = 0
        cdef int32_t i
        while count < rows_max and rows.next_row(fields, COLUMNS):
            for i in range(4):
                field_text(fields[i], FACT_ID_BYTES_MAX, &texts[i])
            field_text(fields[8], ATTRIBUTES_BYTES_MAX, &attributes)
            if field_bool(fields[7]):
                self._remove(texts[0])
            else:
                self._write(texts[0], texts[1], texts[2], texts[3], field_int(fields[4]), field_int(fields[5]),
                            field_int(fields[6]), attributes)
            count += 1
        return count
