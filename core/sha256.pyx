# cython: overflowcheck=False
"""SHA-256 and HMAC-SHA-256 for keys, contents and the journal's chain.

A receipt is hashed a dozen times, mostly over few bytes: a library call each would cost more than the hashing. The processor's
own instructions are used where it has them, told once at import; the portable rounds give the same everywhere. Invariants: the
values are in every journal, so they are those of the standard and nothing else; no function allocates or fails.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>

    static const uint32_t sha256_constants[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    };

    static inline uint32_t sha256_turned(uint32_t x, int n) { return (x >> n) | (x << (32 - n)); }

    static void sha256_blocks_portable(uint32_t *words, const uint8_t *data, size_t blocks) {
        uint32_t w[64], s[8], one, two;
        int i;
        for (; blocks > 0; blocks--, data += 64) {
            for (i = 0; i < 16; i++)
                w[i] = (uint32_t)data[4 * i] << 24 | (uint32_t)data[4 * i + 1] << 16 | (uint32_t)data[4 * i + 2] << 8 | data[4 * i + 3];
            for (; i < 64; i++) {
                one = sha256_turned(w[i - 15], 7) ^ sha256_turned(w[i - 15], 18) ^ (w[i - 15] >> 3);
                two = sha256_turned(w[i - 2], 17) ^ sha256_turned(w[i - 2], 19) ^ (w[i - 2] >> 10);
                w[i] = w[i - 16] + one + w[i - 7] + two;
            }
            memcpy(s, words, sizeof(s));
            for (i = 0; i < 64; i++) {
                one = s[7] + (sha256_turned(s[4], 6) ^ sha256_turned(s[4], 11) ^ sha256_turned(s[4], 25))
                    + ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha256_constants[i] + w[i];
                two = (sha256_turned(s[0], 2) ^ sha256_turned(s[0], 13) ^ sha256_turned(s[0], 22))
                    + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
                s[7] = s[6]; s[6] = s[5]; s[5] = s[4]; s[4] = s[3] + one;
                s[3] = s[2]; s[2] = s[1]; s[1] = s[0]; s[0] = one + two;
            }
            for (i = 0; i < 8; i++)
                words[i] += s[i];
        }
    }

    #if defined(__x86_64__) && defined(__GNUC__)
    #include <cpuid.h>
    #include <immintrin.h>

    /* The instructions keep the state as two vectors, a b e f and c d g h from the top, and do four rounds with two of them. */
    __attribute__((target("sha,sse4.1,ssse3")))
    static void sha256_blocks_quick(uint32_t *words, const uint8_t *data, size_t blocks) {
        const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
        __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)words), 0xB1);
        __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)words + 1), 0x1B);
        __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xF0);
        for (; blocks > 0; blocks--, data += 64) {
            const __m128i abef_before = abef, cdgh_before = cdgh;
            __m128i w[4], fed;
            int i;
            #pragma GCC unroll 16
            for (i = 0; i < 16; i++) {
                if (i < 4) {
                    w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)data + i), big_endian);
                } else {
                    fed = _mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]), _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
                    w[i & 3] = _mm_sha256msg2_epu32(fed, w[(i + 3) & 3]);
                }
                fed = _mm_add_epi32(w[i & 3], _mm_loadu_si128((const __m128i *)sha256_constants + i));
                cdgh = _mm_sha256rnds2_epu32(cdgh, abef, fed);
                abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(fed, 0x0E));
            }
            abef = _mm_add_epi32(abef, abef_before);
            cdgh = _mm_add_epi32(cdgh, cdgh_before);
        }
        low = _mm_shuffle_epi32(abef, 0x1B);
        high = _mm_shuffle_epi32(cdgh, 0xB1);
        _mm_storeu_si128((__m128i *)words, _mm_blend_epi16(low, high, 0xF0));
        _mm_storeu_si128((__m128i *)words + 1, _mm_alignr_epi8(high, low, 8));
    }

    static int sha256_has_instructions(void) {
        unsigned a, b, c, d;
        int has_sse = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1);
        return has_sse && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
    }
    #else
    #define sha256_blocks_quick sha256_blocks_portable
    static int sha256_has_instructions(void) { return 0; }
    #endif
    """
    void sha256_blocks_portable(uint32_t* words, const uint8_t* data, size_t blocks) noexcept nogil
    void sha256_blocks_quick(uint32_t* words, const uint8_t* data, size_t blocks) noexcept nogil
    bint sha256_has_instructions() noexcept nogil

ctypedef void (*Blocks)(uint32_t* words, const uint8_t* data, size_t blocks) noexcept nogil

HAS_INSTRUCTIONS = bool(sha256_has_instructions())

cdef Blocks take_blocks = sha256_blocks_quick if sha256_has_instructions() else sha256_blocks_portable

cdef uint32_t[8] FIRST_WORDS = [
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
]


cdef inline void put_number(uint8_t* out, uint64_t value) noexcept nogil:
    cdef int i
    for i in range(8):
        out[i] = <uint8_t>(value >> (56 - 8 * i))


cdef void sha256_start(Sha256* state) noexcept nogil:
    memcpy(state.words, FIRST_WORDS, sizeof(FIRST_WORDS))
    state.size = 0


cdef void sha256_take(Sha256* state, const void* data, size_t size) noexcept nogil:
    cdef const uint8_t* p = <const uint8_t*>data
    cdef size_t held = state.size & 63
    cdef size_t part
    state.size += size
    if held > 0:
        part = SHA256_BLOCK_BYTES - held
        if size < part:
            memcpy(state.rest + held, p, size)
            return
        memcpy(state.rest + held, p, part)
        take_blocks(state.words, state.rest, 1)
        p += part
        size -= part
    if size >= SHA256_BLOCK_BYTES:
        take_blocks(state.words, p, size >> 6)
        p += size & ~<size_t>63
        size &= 63
    memcpy(state.rest, p, size)


cdef void sha256_take_number(Sha256* state, uint64_t value) noexcept nogil:
    cdef uint8_t number[8]
    put_number(number, value)
    sha256_take(state, number, 8)


cdef void sha256_end(Sha256* state, uint8_t* out) noexcept nogil:
    cdef size_t held = state.size & 63
    cdef int i
    state.rest[held] = 0x80
    held += 1
    if held > SHA256_BLOCK_BYTES - 8:
        memset(state.rest + held, 0, SHA256_BLOCK_BYTES - held)
        take_blocks(state.words, state.rest, 1)
        held = 0
    memset(state.rest + held, 0, SHA256_BLOCK_BYTES - 8 - held)
    put_number(state.rest + SHA256_BLOCK_BYTES - 8, state.size << 3)
    take_blocks(state.words, state.rest, 1)
    for i in range(8):
        out[4 * i] = <uint8_t>(state.words[i] >> 24)
        out[4 * i + 1] = <uint8_t>(state.words[i] >> 16)
        out[4 * i + 2] = <uint8_t>(state.words[i] >> 8)
        out[4 * i + 3] = <uint8_t>state.words[i]


cdef void hmac_key(HmacKey* key, const void* data, size_t size) noexcept nogil:
    cdef uint8_t block[SHA256_BLOCK_BYTES]
    cdef int i
    memset(block, 0, SHA256_BLOCK_BYTES)
    sha256_start(&key.inner)
    sha256_start(&key.outer)
    if size <= SHA256_BLOCK_BYTES:
        memcpy(block, data, size)
    else:
        sha256_take(&key.inner, data, size)
        sha256_end(&key.inner, block)
        sha256_start(&key.inner)
    for i in range(SHA256_BLOCK_BYTES):
        block[i] ^= 0x36
    sha256_take(&key.inner, block, SHA256_BLOCK_BYTES)
    for i in range(SHA256_BLOCK_BYTES):
        block[i] ^= 0x36 ^ 0x5C
    sha256_take(&key.outer, block, SHA256_BLOCK_BYTES)


cdef void hmac_end(const HmacKey* key, Sha256* state, uint8_t* out) noexcept nogil:
    cdef uint8_t inner[SHA256_BYTES]
    sha256_end(state, inner)
    state[0] = key.outer
    sha256_take(state, inner, SHA256_BYTES)
    sha256_end(state, out)


def sha256(*pieces, bint portable=False):
    """32 bytes. `portable`: by the rounds that need no special instructions."""
    global take_blocks
    cdef Sha256 state
    cdef uint8_t out[SHA256_BYTES]
    cdef Blocks usual = take_blocks
    cdef bytes piece
    for piece in pieces:
        if piece is None:
            raise TypeError("pieces are bytes")
    if portable:
        take_blocks = sha256_blocks_portable
    sha256_start(&state)
    for piece in pieces:
        sha256_take(&state, PyBytes_AS_STRING(piece), len(piece))
    sha256_end(&state, out)
    take_blocks = usual
    return PyBytes_FromStringAndSize(<char*>out, SHA256_BYTES)


def hmac_sha256(bytes key not None, *pieces):
    """32 bytes."""
    cdef HmacKey prepared
    cdef Sha256 state
    cdef uint8_t out[SHA256_BYTES]
    cdef bytes piece
    hmac_key(&prepared, PyBytes_AS_STRING(key), len(key))
    state = prepared.inner
    for piece in pieces:
        if piece is None:
            raise TypeError("pieces are bytes")
        sha256_take(&state, PyBytes_AS_STRING(piece), len(piece))
    hmac_end(&prepared, &state, out)
    return PyBytes_FromStringAndSize(<char*>out, SHA256_BYTES)
