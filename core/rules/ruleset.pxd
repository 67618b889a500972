"""A verified ruleset image: pointer views over bytes that never change."""
cimport cython
from libc.stdint cimport int32_t, int64_t
from altyn.core.rules.image cimport RulesView
from altyn.core.text cimport Text

@cython.final
cdef class Ruleset:
    cdef RulesView view                 # for the calculator and for whoever writes replies
    cdef char* rows                     # a copy of the image, placed for the caches
    cdef readonly int64_t version
    cdef readonly str sha256            # hex; names the revision
    cdef dict _read_set
    cdef readonly int64_t image_bytes

    cdef int32_t _rule(self, ordinal) except -1

    cdef inline Text promotion_text(self, int32_t rule) noexcept nogil:
        """Id of the promotion a rule belongs to."""
        cdef Text text
        cdef int32_t promotion = self.view.rules[rule].promotion
        text.data = self.view.texts + self.view.promotions[promotion].id_begin
        text.size = self.view.promotions[promotion].id_size
        return text

    cdef inline Text path_text(self, int32_t path) noexcept nogil:
        """Place of a condition in its document; `path` is RuleTrace.condition."""
        cdef Text text
        text.data = self.view.texts + self.view.paths[path].begin
        text.size = self.view.paths[path].size
        return text

    cdef inline Text asset_text(self, int32_t asset) noexcept nogil:
        cdef Text text
        text.data = self.view.texts + self.view.assets[asset].id_begin
        text.size = self.view.assets[asset].id_size
        return text

    cdef inline Text cap_text(self, int32_t cap) noexcept nogil:
        """Id of the limit document of a cap."""
        cdef Text text
        text.data = self.view.texts + self.view.caps[cap].id_begin
        text.size = self.view.caps[cap].id_size
        return text

    cdef inline Text rounding_text(self, int32_t rounding) noexcept nogil:
        """Id of a rounding document."""
        cdef Text text
        text.data = self.view.texts + self.view.roundings[rounding].id_begin
        text.size = self.view.roundings[rounding].id_size
        return text

    cdef inline int32_t stage_of(self, int32_t rule) noexcept nogil:
        return self.view.promotions[self.view.rules[rule].promotion].stage
