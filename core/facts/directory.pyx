"""The directory; see the header for the invariants."""
from typing import NamedTuple

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint8_t
from libc.string cimport memcmp, memcpy, memmove, memset
from altyn.core.text cimport Text, text_compare
from altyn.core.facts.copy cimport CopyRows, Field, field_bool, field_int, field_text
from altyn.core.facts.index cimport (
    Index, Probe, hash_number, index_add, index_bytes, index_free, index_init, index_next, index_probe,
)
from altyn.core.facts.memory cimport record_at, records_add, records_bytes, records_free, records_init
from altyn.core.facts.texts cimport FACT_ID_BYTES_MAX, Texts
from altyn.core.limits cimport FAVOURITES_MAX
cimport cython

# CardState and the limits, for Python.
globals().update(
    CARD_ABSENT=CARD_ABSENT, CARD_NEW=CARD_NEW, CARD_ACTIVE=CARD_ACTIVE, CARD_BLOCKED=CARD_BLOCKED,
    CARD_CLOSED=CARD_CLOSED, CARD_FINISHED=CARD_FINISHED, SEGMENTS_MAX=SEGMENTS_MAX, PHONE_NOT_UNIQUE=PHONE_NOT_UNIQUE,
)

cdef enum:
    # Bits of Customer.state.
    KNOWN = 1                    # a customer's row came, and no tombstone after it
    HAS_PHONE = 2
    RUN_OF_UNIT = 4              # segment numbers in one unit of the pool
    SIZE_CLASSES = 9             # runs of 4, 8, … 1024 numbers
    NO_RUN = 255
    LAST4_BYTES_MAX = 4
    NUMBERS_MAX = 65_536         # distinct segments, and distinct card types


class CardFact(NamedTuple):
    number_hash: bytes
    card_id: int
    account_id: int
    customer_id: int
    card_type: str
    state: int
    last4: str
    virtual: bool = False


class CustomerFact(NamedTuple):
    customer_id: int
    account_id: int
    phone_hash: bytes = b""
    birthday_mmdd: int = 0
    favourites: tuple[str, ...] = ()


cdef str _str(Text text):
    return text.data[:text.size].decode("utf-8")


cdef Text _text(bytes encoded) noexcept:
    cdef Text text
    text.data = PyBytes_AS_STRING(encoded)
    text.size = <int32_t>PyBytes_GET_SIZE(encoded)
    return text


cdef inline uint32_t _hash_identity(const unsigned char* identity_hash) noexcept nogil:
    """A keyed hash is random already: four of its bytes are as good as any."""
    cdef uint32_t hash
    memcpy(&hash, identity_hash, sizeof(hash))
    return hash


cdef const unsigned char* _identity(bytes identity_hash) except NULL:
    if len(identity_hash) < IDENTITY_HASH_BYTES:
        raise ValueError("an identity hash of " + str(len(identity_hash)) + " bytes, at least 16")
    return <const unsigned char*>PyBytes_AS_STRING(identity_hash)


@cython.final
cdef class Directory:
    def __cinit__(self):
        records_init(&self._cards, sizeof(Card))
        records_init(&self._customers, sizeof(Customer))
        records_init(&self._pool, RUN_OF_UNIT * sizeof(uint16_t))
        index_init(&self._cards_index)
        index_init(&self._virtual_index)
        index_init(&self._customers_index)
        index_init(&self._phones_index)
        self._card_types = Texts()
        self._segments = Texts()
        self._categories = Texts()

    def __dealloc__(self):
        records_free(&self._cards)
        records_free(&self._customers)
        records_free(&self._pool)
        index_free(&self._cards_index)
        index_free(&self._virtual_index)
        index_free(&self._customers_index)
        index_free(&self._phones_index)

    # QUERIES

    cdef Card* _card_slot(self, const unsigned char* number_hash, uint32_t* number) noexcept nogil:
        cdef Probe probe = index_probe(&self._cards_index, _hash_identity(number_hash))
        cdef Card* card
        while index_next(&probe, number):
            card = <Card*>record_at(&self._cards, number[0])
            if memcmp(card.number_hash, number_hash, IDENTITY_HASH_BYTES) == 0:
                return card
        return NULL

    cdef const Card* find_card(self, const unsigned char* number_hash) noexcept nogil:
        cdef uint32_t number
        cdef Card* card = self._card_slot(number_hash, &number)
        if card == NULL or card.state == CARD_ABSENT:
            return NULL
        return card

    cdef const Card* find_virtual(self, int64_t card_id) noexcept nogil:
        cdef Probe probe = index_probe(&self._virtual_index, hash_number(<unsigned long long>card_id))
        cdef uint32_t number
        cdef const Card* card
        while index_next(&probe, &number):
            card = <const Card*>record_at(&self._cards, number)
            if card.card_id == card_id and is_virtual(card) and card.state != CARD_ABSENT:
                return card
        return NULL

    cdef Customer* _customer_slot(self, int64_t customer_id, uint32_t* number) noexcept nogil:
        cdef Probe probe = index_probe(&self._customers_index, hash_number(<unsigned long long>customer_id))
        cdef Customer* customer
        while index_next(&probe, number):
            customer = <Customer*>record_at(&self._customers, number[0])
            if customer.customer_id == customer_id:
                return customer
        return NULL

    cdef const Customer* find_customer(self, int64_t customer_id) noexcept nogil:
        cdef uint32_t number
        cdef Customer* customer = self._customer_slot(customer_id, &number)
        if customer == NULL or not customer.state & KNOWN:
            return NULL
        return customer

    cdef int64_t find_phone(self, const unsigned char* phone_hash) noexcept nogil:
        cdef Probe probe = index_probe(&self._phones_index, _hash_identity(phone_hash))
        cdef uint32_t number
        cdef const Customer* customer
        cdef int64_t found = 0
        while index_next(&probe, &number):
            customer = <const Customer*>record_at(&self._customers, number)
            # The index also holds phones that customers had before: their records say so.
            if customer.state != (KNOWN | HAS_PHONE) or customer.customer_id == found:
                continue
            if memcmp(customer.phone_hash, phone_hash, IDENTITY_HASH_BYTES) == 0:
                if found != 0:
                    return PHONE_NOT_UNIQUE
                found = customer.customer_id
        return found

    cdef Text card_type(self, const Card* card) noexcept nogil:
        return self._card_types.at(card.card_type)

    cdef Text last4(self, const Card* card) noexcept nogil:
        cdef Text text
        text.data = <const char*>card.last4
        text.size = card.marks & LAST4_MARKS
        return text

    cdef int32_t segments_of(self, const Customer* customer, Text* texts) noexcept nogil:
        cdef const uint16_t* run = self._run(customer)
        cdef int32_t i
        for i in range(customer.segments_count):
            texts[i] = self._segments.at(run[i])
        return customer.segments_count

    cdef int32_t favourites_of(self, const Customer* customer, Text* texts) noexcept nogil:
        cdef const uint16_t* run
        cdef int32_t i
        if customer.favourites_count == 0:
            return 0
        run = <const uint16_t*>record_at(&self._pool, customer.favourites_at)
        for i in range(customer.favourites_count):
            texts[i] = self._categories.at(run[i])
        return customer.favourites_count

    # COMMANDS: cards

    cdef int _write_card(self, Card read) except -1:
        cdef uint32_t number
        cdef Card* card
        if read.card_id <= 0 or read.account_id <= 0 or read.customer_id < 0:
            raise ValueError("card_id " + str(read.card_id) + ", account_id " + str(read.account_id) + " and customer_id "
                             + str(read.customer_id) + " must be above 0 (customer_id 0: anonymous)")
        if not CARD_NEW <= read.state <= CARD_FINISHED:
            raise ValueError("card state is " + str(read.state))
        card = self._card_slot(read.number_hash, &number)
        if card == NULL:
            records_add(&self._cards, 1, &number)
            card = <Card*>record_at(&self._cards, number)
            memcpy(card.number_hash, read.number_hash, IDENTITY_HASH_BYTES)
            index_add(&self._cards_index, _hash_identity(read.number_hash), number)
        self._cards_present += card.state == CARD_ABSENT
        if is_virtual(&read) and not (is_virtual(card) and card.card_id == read.card_id):
            # It may be there already, from a time before: the record tells what a card is now.
            index_add(&self._virtual_index, hash_number(<unsigned long long>read.card_id), number)
        card[0] = read
        return 0

    cdef bint _remove_card(self, const unsigned char* number_hash) noexcept:
        cdef uint32_t number
        cdef Card* card = self._card_slot(number_hash, &number)
        if card == NULL or card.state == CARD_ABSENT:
            return False
        card.state = CARD_ABSENT
        self._cards_present -= 1
        return True

    cdef int _fill_card(self, Card* card, const unsigned char* number_hash, int64_t state, Text card_type, Text last4, bint virtual) except -1:
        cdef uint32_t number
        if card_type.size > FACT_ID_BYTES_MAX or last4.size > LAST4_BYTES_MAX:
            raise ValueError("card_type of " + str(card_type.size) + " bytes or last4 of " + str(last4.size))
        self._card_types.intern(card_type, &number)
        if number >= NUMBERS_MAX:
            raise ValueError("more than 65536 card types")
        memcpy(card.number_hash, number_hash, IDENTITY_HASH_BYTES)
        card.state = <uint8_t>state if 0 <= state <= 255 else 255
        card.card_type = <uint16_t>number
        memset(card.last4, 0, LAST4_BYTES_MAX)
        memcpy(card.last4, last4.data, <size_t>last4.size)
        card.marks = <uint8_t>last4.size | <uint8_t>(CARD_VIRTUAL if virtual else 0)
        return 0

    # COMMANDS: customers and phones

    cdef Customer* _customer_to_write(self, int64_t customer_id, uint32_t* number) except NULL:
        cdef Customer* customer = self._customer_slot(customer_id, number)
        if customer_id <= 0:
            raise ValueError("customer_id is " + str(customer_id))
        if customer == NULL:
            records_add(&self._customers, 1, number)
            customer = <Customer*>record_at(&self._customers, number[0])
            customer.customer_id = customer_id
            customer.segments_size = customer.favourites_size = NO_RUN
            index_add(&self._customers_index, hash_number(<unsigned long long>customer_id), number[0])
        return customer

    cdef int _write_customer(self, int64_t customer_id, int64_t account_id, const unsigned char* phone_hash, int64_t birthday_mmdd,
                             Text favourites) except -1:
        """`phone_hash` NULL: none; `favourites` are written one a line."""
        cdef uint32_t number
        cdef Customer* customer
        if account_id <= 0:
            raise ValueError("account_id is " + str(account_id))
        if birthday_mmdd != 0 and not (1 <= birthday_mmdd // 100 <= 12 and 1 <= birthday_mmdd % 100 <= 31):
            raise ValueError("birthday_mmdd is " + str(birthday_mmdd))
        customer = self._customer_to_write(customer_id, &number)
        self._set_favourites(customer, favourites)
        customer.birthday_mmdd = <uint16_t>birthday_mmdd
        self._customers_present += not customer.state & KNOWN
        customer.account_id = account_id
        customer.state = KNOWN
        if phone_hash != NULL:
            memcpy(customer.phone_hash, phone_hash, IDENTITY_HASH_BYTES)
            customer.state = KNOWN | HAS_PHONE
            self._index_phone(phone_hash, number)
        return 0

    cdef int _index_phone(self, const unsigned char* phone_hash, uint32_t customer_number) except -1:
        """A customer who returns to a former phone is in the index already."""
        cdef Probe probe = index_probe(&self._phones_index, _hash_identity(phone_hash))
        cdef uint32_t number
        while index_next(&probe, &number):
            if number == customer_number:
                return 0
        index_add(&self._phones_index, _hash_identity(phone_hash), customer_number)
        return 0

    cdef bint _remove_customer(self, int64_t customer_id) noexcept:
        cdef uint32_t number
        cdef Customer* customer = self._customer_slot(customer_id, &number)
        if customer == NULL or not customer.state & KNOWN:
            return False
        customer.state = 0
        memset(customer.phone_hash, 0, IDENTITY_HASH_BYTES)
        customer.birthday_mmdd = customer.favourites_count = 0
        self._customers_present -= 1
        return True

    cdef int _set_favourites(self, Customer* customer, Text favourites) except -1:
        """All at once; the run is kept for the next ones of the customer. Further ones than there is room for are counted."""
        cdef uint32_t[FAVOURITES_MAX] numbers
        cdef uint16_t* run
        cdef Text text
        cdef int32_t count = 0, begin = 0, end, i
        cdef uint8_t size_class = 0
        customer.favourites_count = 0
        for end in range(favourites.size + 1):
            if favourites.size == 0 or end < favourites.size and favourites.data[end] != c"\n":
                continue
            text.data, text.size = favourites.data + begin, end - begin
            begin = end + 1
            if not 0 < text.size <= FACT_ID_BYTES_MAX:
                raise ValueError("a favourite of " + str(text.size) + " bytes")
            if count == FAVOURITES_MAX or (self._categories.count() >= NUMBERS_MAX and self._categories.find(text) < 0):
                self.favourites_left_out += 1
                continue
            self._categories.intern(text, &numbers[count])
            count += 1
        if count > 0 and (customer.favourites_size == NO_RUN or count > RUN_OF_UNIT << customer.favourites_size):
            while count > RUN_OF_UNIT << size_class:
                size_class += 1
            if customer.favourites_size != NO_RUN:
                self._give_run(customer.favourites_at, customer.favourites_size)
                customer.favourites_size = NO_RUN
            self._take_run(size_class, &customer.favourites_at)
            customer.favourites_size = size_class
        if count > 0:
            run = <uint16_t*>record_at(&self._pool, customer.favourites_at)
            for i in range(count):
                run[i] = <uint16_t>numbers[i]
        customer.favourites_count = <uint8_t>count
        return 0

    # Runs of the pool. A free run's first bytes name the next one.

    cdef int _take_run(self, uint8_t size_class, uint32_t* unit) except -1:
        assert size_class < SIZE_CLASSES
        if self._free_runs[size_class] == 0:
            records_add(&self._pool, <uint32_t>1 << size_class, unit)
            return 0
        unit[0] = self._free_runs[size_class] - 1
        memcpy(&self._free_runs[size_class], record_at(&self._pool, unit[0]), sizeof(uint32_t))
        return 0

    cdef void _give_run(self, uint32_t unit, uint8_t size_class) noexcept:
        memcpy(record_at(&self._pool, unit), &self._free_runs[size_class], sizeof(uint32_t))
        self._free_runs[size_class] = unit + 1

    # COMMANDS: segments. A customer's numbers lie in one run of the pool, in order of their texts.

    cdef uint16_t* _run(self, const Customer* customer) noexcept nogil:
        return <uint16_t*>record_at(&self._pool, customer.segments_at) if customer.segments_count > 0 else NULL

    cdef int32_t _place_in_run(self, const Customer* customer, Text segment) noexcept nogil:
        """Where the segment is, or −1 − where it would be."""
        cdef const uint16_t* run = self._run(customer)
        cdef int32_t low = 0
        cdef int32_t high = customer.segments_count
        cdef int32_t middle
        cdef int order
        while low < high:
            middle = (low + high) >> 1
            order = text_compare(self._segments.at(run[middle]), segment)
            if order == 0:
                return middle
            if order < 0:
                low = middle + 1
            else:
                high = middle
        return -1 - low

    cdef int _grow_run(self, Customer* customer) except -1:
        """Move the customer's run to one of the next size class; the old one is kept for others."""
        cdef uint8_t size_class = 0 if customer.segments_size == NO_RUN else customer.segments_size + 1
        cdef uint32_t unit
        self._take_run(size_class, &unit)
        if customer.segments_size != NO_RUN:
            memcpy(record_at(&self._pool, unit), record_at(&self._pool, customer.segments_at),
                   customer.segments_count * sizeof(uint16_t))
            self._give_run(customer.segments_at, customer.segments_size)
        customer.segments_at = unit
        customer.segments_size = size_class
        return 0

    cdef int _add_segment(self, int64_t customer_id, Text segment) except -1:
        cdef uint32_t customer_number, segment_number
        cdef Customer* customer
        cdef uint16_t* run
        cdef int32_t place
        if not 0 < segment.size <= FACT_ID_BYTES_MAX:
            raise ValueError("segment of " + str(segment.size) + " bytes")
        customer = self._customer_to_write(customer_id, &customer_number)
        place = -1 - self._place_in_run(customer, segment)
        if place < 0:
            return 0
        if customer.segments_count == SEGMENTS_MAX or (self._segments.count() >= NUMBERS_MAX and self._segments.find(segment) < 0):
            self.memberships_left_out += 1
            return 0
        self._segments.intern(segment, &segment_number)
        if customer.segments_size == NO_RUN or customer.segments_count == RUN_OF_UNIT << customer.segments_size:
            self._grow_run(customer)
        run = <uint16_t*>record_at(&self._pool, customer.segments_at)
        memmove(run + place + 1, run + place, (<size_t>(customer.segments_count - place)) * sizeof(uint16_t))
        run[place] = <uint16_t>segment_number
        customer.segments_count += 1
        return 0

    cdef int _remove_segment(self, int64_t customer_id, Text segment) noexcept:
        cdef uint32_t number
        cdef Customer* customer = self._customer_slot(customer_id, &number)
        cdef uint16_t* run
        cdef int32_t place
        if customer == NULL:
            return 0
        place = self._place_in_run(customer, segment)
        if place < 0:
            return 0
        run = self._run(customer)
        customer.segments_count -= 1
        memmove(run + place, run + place + 1, (<size_t>(customer.segments_count - place)) * sizeof(uint16_t))
        return 1

    # PYTHON

    @property
    def cards_count(self):
        return self._cards_present

    @property
    def customers_count(self):
        return self._customers_present

    @property
    def allocated_bytes(self):
        return (records_bytes(&self._cards) + records_bytes(&self._customers) + records_bytes(&self._pool)
                + index_bytes(&self._cards_index) + index_bytes(&self._virtual_index) + index_bytes(&self._customers_index) + index_bytes(&self._phones_index)
                + self._card_types.allocated_bytes() + self._segments.allocated_bytes() + self._categories.allocated_bytes())

    def upsert_card(self, card not None):
        cdef Card read
        cdef bytes card_type = card.card_type.encode()
        cdef bytes last4 = card.last4.encode()
        cdef bytes number_hash = card.number_hash
        self._fill_card(&read, _identity(number_hash), card.state, _text(card_type), _text(last4), card.virtual)
        read.card_id = card.card_id
        read.account_id = card.account_id
        read.customer_id = card.customer_id
        self._write_card(read)

    def remove_card(self, bytes number_hash not None):
        return self._remove_card(_identity(number_hash))

    def card(self, bytes number_hash not None):
        cdef const Card* card = self.find_card(_identity(number_hash))
        if card == NULL:
            return None
        return CardFact(card.number_hash[:IDENTITY_HASH_BYTES], card.card_id, card.account_id, card.customer_id,
                        _str(self.card_type(card)), card.state, _str(self.last4(card)), is_virtual(card))

    def upsert_customer(self, customer not None):
        cdef bytes phone_hash = customer.phone_hash
        cdef bytes favourites = "\n".join(customer.favourites).encode()
        self._write_customer(customer.customer_id, customer.account_id, _identity(phone_hash) if phone_hash else NULL,
                             customer.birthday_mmdd, _text(favourites))

    def remove_customer(self, int64_t customer_id):
        return self._remove_customer(customer_id)

    def customer(self, int64_t customer_id):
        cdef const Customer* customer = self.find_customer(customer_id)
        if customer == NULL:
            return None
        phone_hash = customer.phone_hash[:IDENTITY_HASH_BYTES] if customer.state & HAS_PHONE else b""
        cdef Text texts[FAVOURITES_MAX]
        count = self.favourites_of(customer, texts)
        return CustomerFact(customer_id, customer.account_id, phone_hash, customer.birthday_mmdd,
                            tuple([_str(texts[i]) for i in range(count)]))

    def customer_by_phone(self, bytes phone_hash not None):
        return self.find_phone(_identity(phone_hash))

    def add_segment(self, int64_t customer_id, str segment not None):
        cdef bytes encoded = segment.encode()
        self._add_segment(customer_id, _text(encoded))

    def remove_segment(self, int64_t customer_id, str segment not None):
        cdef bytes encoded = segment.encode()
        self._remove_segment(customer_id, _text(encoded))

    def segments(self, int64_t customer_id):
        cdef Text texts[SEGMENTS_MAX]
        cdef const Customer* customer = self.find_customer(customer_id)
        cdef int32_t count = self.segments_of(customer, texts) if customer != NULL else 0
        return [_str(texts[i]) for i in range(count)]

    def load_cards(self, CopyRows rows not None, Py_ssize_t rows_max):
        cdef Field fields[9]
        cdef Text card_type, last4
        cdef Card read
        cdef Py_ssize_t count = 0
        while count < rows_max and rows.next_row(fields, 9):
            if fields[0].size < IDENTITY_HASH_BYTES:
                raise ValueError("number_hash of " + str(fields[0].size) + " bytes")
            if field_bool(fields[7]):
                self._remove_card(fields[0].data)
            else:
                field_text(fields[4], FACT_ID_BYTES_MAX, &card_type)
                field_text(fields[6], LAST4_BYTES_MAX, &last4)
                self._fill_card(&read, fields[0].data, field_int(fields[5]), card_type, last4, field_bool(fields[8]))
                read.card_id = field_int(fields[1])
                read.account_id = field_int(fields[2])
                read.customer_id = field_int(fields[3]) if fields[3].size >= 0 else 0
                self._write_card(read)
            count += 1
        return count

    def load_customers(self, CopyRows rows not None, Py_ssize_t rows_max):
        cdef Field fields[6]
        cdef const unsigned char* phone_hash
        cdef Text favourites
        cdef Py_ssize_t count = 0
        while count < rows_max and rows.next_row(fields, 6):
            if field_bool(fields[3]):
                self._remove_customer(field_int(fields[0]))
            else:
                if 0 <= fields[2].size < IDENTITY_HASH_BYTES:
                    raise ValueError("phone_hash of " + str(fields[2].size) + " bytes")
                phone_hash = fields[2].data if fields[2].size > 0 else NULL
                field_text(fields[5], FAVOURITES_MAX * (FACT_ID_BYTES_MAX + 1), &favourites)
                self._write_customer(field_int(fields[0]), field_int(fields[1]), phone_hash, field_int(fields[4]), favourites)
            count += 1
        return count

    def load_segments(self, CopyRows rows not None, Py_ssize_t rows_max):
        cdef Field fields[3]
        cdef Text segment
        cdef Py_ssize_t count = 0
        while count < rows_max and rows.next_row(fields, 3):
            field_text(fields[1], FACT_ID_BYTES_MAX, &segment)
            if field_bool(fields[2]):
                self._remove_segment(field_int(fields[0]), segment)
            else:
                self._add_segment(field_int(fields[0]), segment)
            count += 1
        return count
