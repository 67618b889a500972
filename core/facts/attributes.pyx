"""Attributes of products; see the header."""
from libc.stdint cimport int32_t, uint32_t
from libc.string cimport memchr
from altyn.core.facts.memory cimport record_at, records_add, records_bytes, records_free, records_init
from altyn.core.facts.texts cimport Texts
from altyn.core.limits cimport ATTRIBUTES_MAX
from altyn.core.text cimport Text, text_compare
cimport cython

cdef struct AttributeSet:
    uint32_t pairs               # number of the first
    int32_t count


cdef int32_t split(Text spelled, Text* pairs) except -1:
    """How many lines there are; each is name=value and comes after the one before it."""
    cdef int32_t count = 0, begin = 0, end
    for end in range(spelled.size + 1):
        if end < spelled.size and spelled.data[end] != c"\n":
            continue
        if count == ATTRIBUTES_MAX:
            raise ValueError("more than " + str(ATTRIBUTES_MAX) + " attributes")
        pairs[count].data = spelled.data + begin
        pairs[count].size = end - begin
        if not 3 <= end - begin <= ATTRIBUTE_BYTES_MAX or memchr(pairs[count].data, c"=", <size_t>(end - begin)) == NULL:
            raise ValueError("an attribute is no name=value of at most " + str(ATTRIBUTE_BYTES_MAX) + " bytes")
        if count > 0 and text_compare(pairs[count - 1], pairs[count]) >= 0:
            raise ValueError("attributes are not in ascending order")
        count += 1
        begin = end + 1
    return count


@cython.final
cdef class AttributeSets:
    def __cinit__(self):
        records_init(&self._sets, sizeof(AttributeSet))
        records_init(&self._pairs, sizeof(Text))
        self._spelled = Texts()
        self._add(self._spelled.at(0))

    def __dealloc__(self):
        records_free(&self._sets)
        records_free(&self._pairs)

    cdef const Text* keep(self, Text spelled, int32_t* count) except? NULL:
        cdef uint32_t number
        cdef const AttributeSet* found
        cdef Text[ATTRIBUTES_MAX] checked
        count[0] = 0
        if spelled.size == 0:
            return NULL
        if self._spelled.find(spelled) < 0:
            split(spelled, checked)
        self._spelled.intern(spelled, &number)
        if number == self._sets.count:
            self._add(self._spelled.at(number))
        found = <const AttributeSet*>record_at(&self._sets, number)
        count[0] = found.count
        return <const Text*>record_at(&self._pairs, found.pairs)

    cdef int _add(self, Text spelled) except -1:
        """A set with the number of its spelling; both only grow."""
        cdef uint32_t number, pairs = 0
        cdef Text[ATTRIBUTES_MAX] found
        cdef int32_t count = split(spelled, found) if spelled.size > 0 else 0, i
        if count > 0:
            records_add(&self._pairs, <uint32_t>count, &pairs)
        for i in range(count):
            (<Text*>record_at(&self._pairs, pairs + <uint32_t>i))[0] = found[i]
        records_add(&self._sets, 1, &number)
        (<AttributeSet*>record_at(&self._sets, number))[0] = AttributeSet(pairs, count)
        return 0

    cdef size_t allocated_bytes(self) noexcept nogil:
        return self._spelled.allocated_bytes() + records_bytes(&self._sets) + records_bytes(&self._pairs)
