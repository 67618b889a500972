"""The releases an engine can decide by: what is in force, what tokens may still name, what late receipts were sold under.

`held` are the releases handed over as they were published, at most RELEASES_KEPT. Each knows which version it follows, so a time is
answered for only as far back as that chain is whole; `past` holds what was brought for other times, with the time it is true for, at
most PAST_RELEASES_MAX, and forgets what has not been used for longest; `brought` does so by version, for returns of what a release
sold. Invariant: neither decides what is in force now. Never here: fetching, compiling, a clock.
"""
cimport cython
from libc.stdint cimport INT64_MAX, int32_t, int64_t
from altyn.core.engine.numbers cimport Numbers
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.sha256 cimport SHA256_BYTES
from altyn.core.text cimport Text

from altyn.core.engine.types import CallRefused


def version_of(Release release):
    return release.version


cdef str string(Text text):
    return text.data[:text.size].decode()


@cython.final
cdef class Release:
    """A ruleset with the numbers of its assets."""

    def __cinit__(self, Ruleset ruleset not None, bytes document_sha256 not None, dict assets, int64_t effective_at_us, bint emergency,
                  int64_t follows):
        cdef int32_t i
        if len(document_sha256) != SHA256_BYTES:
            raise ValueError(f"a document's SHA-256 has {SHA256_BYTES} bytes")
        if ruleset.view.assets_count > ASSETS_PER_RULESET_MAX:
            raise ValueError(f"a ruleset names at most {ASSETS_PER_RULESET_MAX} assets")
        self.ruleset = ruleset
        self.version = ruleset.version
        self.effective_at_us = effective_at_us
        self.emergency = emergency
        self.follows = follows
        self.sha256 = bytes.fromhex(ruleset.sha256)
        self.document_sha256 = document_sha256
        self.numbers = Numbers(ruleset) if ruleset.view.accumulations_count > 0 else None
        for i in range(ruleset.view.assets_count):
            name = string(ruleset.asset_text(i))
            if name not in assets:
                raise ValueError(f"asset {name} has no number")
            self.asset_nos[i] = assets[name].asset_no
            self.asset_scales[i] = assets[name].scale


@cython.final
cdef class PastRelease:
    """What was in force in a time that the releases held do not tell of."""


@cython.final
cdef class Releases:
    """`current` is None until `in_force` has found one."""

    def __cinit__(self):
        self.held = []
        self.past = []
        self.brought = {}
        self.next_effective_us = INT64_MAX

    # QUERIES

    @property
    def past_count(self):
        return len(self.loaded())

    @property
    def past_bytes(self):
        """Of their images."""
        cdef Release release
        return sum([release.ruleset.image_bytes for release in self.loaded()])

    cdef list loaded(self):
        """Releases that are held for late receipts and returns alone."""
        cdef PastRelease past
        return [one for one in [past.release for past in self.past] + list(self.brought.values()) if one is not None]

    # COMMANDS

    def take(self, Ruleset ruleset, bytes document_sha256, dict assets, int64_t effective_at_us, bint emergency, follows):
        """A release joins. `follows` is None when it follows the newest one held before it."""
        cdef Release release, other
        cdef PastRelease past
        cdef list kept = [other for other in self.held if other.version != ruleset.version]
        if follows is None:
            follows = max([other.version for other in kept if other.version < ruleset.version], default=FOLLOWS_NOTHING)
        release = Release(ruleset, document_sha256, assets, effective_at_us, emergency, follows)
        kept.append(release)
        kept.sort(key=version_of)
        while len(kept) > RELEASES_KEPT and kept[0] is not self.current:
            del kept[0]
        self.held = kept
        self.past = [past for past in self.past if past.end_us <= effective_at_us]
        self.next_effective_us = 0

    def take_past(self, Ruleset ruleset, bytes document_sha256, dict assets, int64_t begin_us, int64_t end_us):
        """What was in force in [begin_us, end_us) is known from now on; None: nothing that can be taken."""
        cdef PastRelease other
        cdef PastRelease past = PastRelease()
        past.begin_us = begin_us
        past.end_us = end_us
        if ruleset is not None:
            past.release = Release(ruleset, document_sha256, assets, begin_us, False, FOLLOWS_UNKNOWN)
        kept = [other for other in self.past if other.end_us <= begin_us or other.begin_us >= end_us]
        while len(kept) >= PAST_RELEASES_MAX:
            del kept[0]
        self.past = kept + [past]

    def take_version(self, int64_t version, Ruleset ruleset, bytes document_sha256, dict assets):
        """A release that decided a sale; None: it cannot be had."""
        cdef Release release = None
        if ruleset is not None:
            release = Release(ruleset, document_sha256, assets, 0, False, FOLLOWS_UNKNOWN)
        self.brought.pop(version, None)
        while len(self.brought) >= PAST_RELEASES_MAX:
            del self.brought[next(iter(self.brought))]
        self.brought[version] = release

    cdef Release in_force(self, int64_t instant_us):
        cdef Release release
        if instant_us >= self.next_effective_us:
            self.next_effective_us = INT64_MAX
            for release in self.held:
                if release.effective_at_us <= instant_us:
                    self.current = release
            for release in self.held:
                if release.effective_at_us > instant_us and (self.current is None or release.version > self.current.version):
                    self.next_effective_us = min(self.next_effective_us, release.effective_at_us)
        if self.current is None:
            raise CallRefused("UNAVAILABLE", "NOT_READY", "", "no rules are in force yet; send the same op_id again")
        return self.current

    cdef Release of_time(self, int64_t time_us, bint* is_missing):
        cdef Release release
        cdef PastRelease past
        cdef int64_t expected = 0
        is_missing[0] = False
        for release in reversed(self.held):
            if expected != 0 and release.version != expected:
                break
            if release.effective_at_us <= time_us:
                return release
            if release.follows == FOLLOWS_NOTHING:
                return None
            expected = release.follows
        for past in self.past:
            if past.begin_us <= time_us < past.end_us:
                self.past.remove(past)
                self.past.append(past)
                return past.release
        is_missing[0] = True
        return None

    cdef Release of_sale(self, int64_t version, Text document_sha256, bint* is_missing):
        cdef Release release = None, one
        cdef PastRelease past
        for one in self.held:
            if one.version == version:
                release = one
        for past in self.past:
            if past.release is not None and past.release.version == version:
                release = past.release
        is_missing[0] = release is None and version not in self.brought
        if release is None and not is_missing[0]:
            release = self.brought.pop(version)
            self.brought[version] = release
        if release is not None and document_sha256.size > 0 and release.document_sha256 != document_sha256.data[:document_sha256.size]:
            return None
        return release

    cdef Release of_version(self, int64_t version, int64_t clock_us):
        cdef Release release, found = None
        for release in self.held:
            if release.version == version:
                found = release
            elif release.version > version and release.emergency and release.effective_at_us <= clock_us:
                return None
        return found
