"""Keyed hashes of what a person presents, made of wire bytes; the same values as altyn.core.engine.identity."""
from libc.stdint cimport uint8_t
from altyn.core.sha256 cimport HmacKey
from altyn.core.text cimport Text

# 32 bytes into `out`; the key is the pepper's.
cdef int card_hash(const HmacKey* key, Text number, uint8_t* out) except -1
cdef int phone_hash(const HmacKey* key, Text phone, uint8_t* out) except -1
