"""The releases an engine can decide by. See step.pyi for what Python calls."""
cimport cython
from libc.stdint cimport int32_t, int64_t
from altyn.core.engine.numbers cimport Numbers
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text

cdef enum:
    ASSETS_PER_RULESET_MAX = 256
    RELEASES_KEPT = 8
    PAST_RELEASES_MAX = 8

cdef enum:
    FOLLOWS_NOTHING = 0
    FOLLOWS_UNKNOWN = -1

@cython.final
cdef class Release:
    # One published version, ready to calculate with.
    cdef readonly Ruleset ruleset
    cdef readonly int64_t version
    cdef readonly int64_t effective_at_us
    cdef readonly bint emergency
    cdef readonly int64_t follows      # the version that was in force before it, FOLLOWS_NOTHING or FOLLOWS_UNKNOWN
    cdef bytes sha256                  # of the image
    cdef bytes document_sha256
    cdef Numbers numbers               # None: it asks for no earlier purchases
    cdef int32_t asset_nos[ASSETS_PER_RULESET_MAX]
    cdef int32_t asset_scales[ASSETS_PER_RULESET_MAX]

@cython.final
cdef class PastRelease:
    # What was in force in [begin_us, end_us). `release` is None when nothing was.
    cdef int64_t begin_us
    cdef int64_t end_us
    cdef Release release

@cython.final
cdef class Releases:
    cdef:
        readonly Release current
        list held                  # ascending versions, RELEASES_KEPT at most
        list past                  # of PastRelease, PAST_RELEASES_MAX at most; the latest used comes last
        dict brought               # version → Release for returns, None: it cannot be had; PAST_RELEASES_MAX at most, the latest last
        int64_t next_effective_us  # when `current` has to be chosen anew

    cdef list loaded(self)
    # The newest release whose time has come.
    cdef Release in_force(self, int64_t instant_us)
    # What was in force at that time. None: nothing was, or, with `is_missing` set, it is not held.
    cdef Release of_time(self, int64_t time_us, bint* is_missing)
    # The release that decided a sale, whether or not it was in force for long. None: it cannot be had, or, with `is_missing` set, it is
    # not held.
    cdef Release of_sale(self, int64_t version, Text document_sha256, bint* is_missing)
    # The release a token names, unless an emergency release has come since.
    cdef Release of_version(self, int64_t version, int64_t clock_us)
