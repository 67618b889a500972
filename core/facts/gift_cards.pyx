"""Gift cards; see the header for the invariants."""
from typing import NamedTuple

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int32_t, int64_t, uint32_t, uint8_t
from libc.string cimport memcmp, memcpy, memset
from altyn.core.facts.copy cimport CopyRows, Field, field_bool, field_int, field_text
from altyn.core.facts.index cimport Index, Probe, index_add, index_bytes, index_free, index_init, index_next, index_probe
from altyn.core.facts.memory cimport record_at, records_add, records_bytes, records_free, records_init
from altyn.core.facts.texts cimport FACT_ID_BYTES_MAX
from altyn.core.text cimport Text
cimport cython

cdef enum:
    LAST4_BYTES_MAX = 4


class GiftSeriesFact(NamedTuple):
    series_no: int
    series: str
    asset: str
    currency: str
    valid_days: int = 0
    is_blocked: bool = False


class GiftCardFact(NamedTuple):
    number_hash: bytes
    gift_card_id: int
    account_id: int
    series_no: int
    last4: str = ""
    pin_hash: bytes = b""
    is_blocked: bool = False


cdef inline uint32_t _hash_of(const unsigned char* number_hash) noexcept nogil:
    """A keyed hash is random already: four of its bytes are as good as any."""
    cdef uint32_t hash
    memcpy(&hash, number_hash, sizeof(hash))
    return hash


cdef const unsigned char* _hash(bytes value) except NULL:
    if len(value) < GIFT_HASH_BYTES:
        raise ValueError("a hash of " + str(len(value)) + " bytes, at least 16")
    return <const unsigned char*>PyBytes_AS_STRING(value)


@cython.final
cdef class GiftCards:
    def __cinit__(self):
        records_init(&self._cards, sizeof(GiftCard))
        index_init(&self._index)
        self._series = {}

    def __dealloc__(self):
        records_free(&self._cards)
        index_free(&self._index)

    # QUERIES

    cdef GiftCard* _slot(self, const unsigned char* number_hash) noexcept nogil:
        cdef Probe probe = index_probe(&self._index, _hash_of(number_hash))
        cdef uint32_t number
        cdef GiftCard* card
        while index_next(&probe, &number):
            card = <GiftCard*>record_at(&self._cards, number)
            if memcmp(card.number_hash, number_hash, GIFT_HASH_BYTES) == 0:
                return card
        return NULL

    cdef const GiftCard* find(self, const unsigned char* number_hash) noexcept nogil:
        cdef const GiftCard* card = self._slot(number_hash)
        return card if card != NULL and card.flags & GIFT_KNOWN else NULL

    def __len__(self):
        return self._present

    def series(self, int32_t series_no):
        return self._series.get(series_no)

    def card(self, bytes number_hash not None):
        cdef const GiftCard* card = self.find(_hash(number_hash))
        if card == NULL:
            return None
        return GiftCardFact(card.number_hash[:GIFT_HASH_BYTES], card.gift_card_id, card.account_id, card.series_no,
                            card.last4[:card.last4_size].decode(), card.pin_hash[:GIFT_HASH_BYTES] if card.flags & GIFT_HAS_PIN else b"",
                            card.flags & GIFT_BLOCKED != 0)

    @property
    def allocated_bytes(self):
        return records_bytes(&self._cards) + index_bytes(&self._index)

    # COMMANDS

    cdef int _write(self, const GiftCard* read) except -1:
        cdef uint32_t number
        cdef GiftCard* card
        if read.gift_card_id <= 0 or read.account_id <= 0 or read.series_no <= 0:
            raise ValueError("gift_card_id " + str(read.gift_card_id) + ", account_id " + str(read.account_id) + " and series_no "
                             + str(read.series_no) + " must be above 0")
        card = self._slot(read.number_hash)
        if card == NULL:
            records_add(&self._cards, 1, &number)
            card = <GiftCard*>record_at(&self._cards, number)
            index_add(&self._index, _hash_of(read.number_hash), number)
        self._present += not card.flags & GIFT_KNOWN
        card[0] = read[0]
        return 0

    cdef bint _remove(self, const unsigned char* number_hash) noexcept:
        cdef GiftCard* card = self._slot(number_hash)
        if card == NULL or not card.flags & GIFT_KNOWN:
            return False
        card.flags = 0
        self._present -= 1
        return True

    def upsert_series(self, series not None):
        self._series[series.series_no] = series

    def upsert(self, card not None):
        cdef GiftCard read
        cdef bytes last4 = card.last4.encode(), number_hash = card.number_hash, pin_hash = card.pin_hash
        memset(&read, 0, sizeof(read))
        if len(last4) > LAST4_BYTES_MAX:
            raise ValueError("last4 of " + str(len(last4)) + " bytes")
        memcpy(read.number_hash, _hash(number_hash), GIFT_HASH_BYTES)
        memcpy(read.last4, PyBytes_AS_STRING(last4), <size_t>len(last4))
        read.last4_size = <uint8_t>len(last4)
        read.gift_card_id = card.gift_card_id
        read.account_id = card.account_id
        read.series_no = card.series_no
        read.flags = GIFT_KNOWN | (GIFT_BLOCKED if card.is_blocked else 0)
        if pin_hash:
            memcpy(read.pin_hash, _hash(pin_hash), GIFT_HASH_BYTES)
            read.flags |= GIFT_HAS_PIN
        self._write(&read)

    def remove(self, bytes number_hash not None):
        return self._remove(_hash(number_hash))

    def load_series(self, CopyRows rows not None, Py_ssize_t rows_max):
        cdef Field fields[7]
        cdef Text series, asset, currency
        cdef Py_ssize_t count = 0
        while count < rows_max and rows.next_row(fields, 7):
            field_text(fields[1], FACT_ID_BYTES_MAX, &series)
            field_text(fields[2], FACT_ID_BYTES_MAX, &asset)
            field_text(fields[3], FACT_ID_BYTES_MAX, &currency)
            if field_bool(fields[6]):
                self._series.pop(field_int(fields[0]), None)
            else:
                self.upsert_series(GiftSeriesFact(
                    field_int(fields[0]), series.data[:series.size].decode(), asset.data[:asset.size].decode(),
                    currency.data[:currency.size].decode(), field_int(fields[4]), bool(field_bool(fields[5]))))
            count += 1
        return count

    def load(self, CopyRows rows not None, Py_ssize_t rows_max):
        cdef Field fields[8]
        cdef GiftCard read
        cdef Text last4
        cdef Py_ssize_t count = 0
        while count < rows_max and rows.next_row(fields, 8):
            if fields[0].size < GIFT_HASH_BYTES or 0 <= fields[5].size < GIFT_HASH_BYTES:
                raise ValueError("number_hash of " + str(fields[0].size) + " bytes, or pin_hash of " + str(fields[5].size))
            if field_bool(fields[7]):
                self._remove(fields[0].data)
            else:
                memset(&read, 0, sizeof(read))
                field_text(fields[4], LAST4_BYTES_MAX, &last4)
                memcpy(read.number_hash, fields[0].data, GIFT_HASH_BYTES)
                memcpy(read.last4, last4.data, <size_t>last4.size)
                read.last4_size = <uint8_t>last4.size
                read.gift_card_id = field_int(fields[1])
                read.account_id = field_int(fields[2])
                read.series_no = <int32_t>field_int(fields[3])
                read.flags = GIFT_KNOWN | (GIFT_BLOCKED if field_bool(fields[6]) else 0)
                if fields[5].size > 0:
                    memcpy(read.pin_hash, fields[5].data, GIFT_HASH_BYTES)
                    read.flags |= GIFT_HAS_PIN
                self._write(&read)
            count += 1
        return count
