"""Opens a ruleset image.

Decides whether bytes are a ruleset. Invariants: nothing is read through a view before magic, format, sizes, section
bounds and the hash hold; afterwards the content is trusted, for only `compile_ruleset` makes such a hash. Must never
change the bytes.
"""
import hashlib
import json
import struct
import sys

from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy
from altyn.core.rules.image cimport (
    ACCUMULATIONS, ASSETS, AccumulationRow, AssetRow, CAPS, CONDITIONS, CapRow, ConditionRow, FILTER, GROUPS, GroupRow, HASHED_FROM, IMAGE_FORMAT,
    GIFTS, GiftRow, ISSUES, IssueRow, LIMITS, LISTS, LimitRow, MESSAGES, MULTIPLIERS, MessageRow, MultiplierRow, NUMBERS, PARTS, PATHS, PAYMENTS, POSTINGS,
    PROMOTIONS, PartRow, PathRow, PaymentRow, PromotionRow, READ_SET, ROUNDINGS, RULES, RoundingRow, RuleRow, SCHEDULES, SECTIONS_COUNT,
    SETS, SET_REWARDS, SLOTS, SPEECHES, SUMMARY, ScheduleRow, SetRewardRow, SetRow, SpeechRow, SummaryRow, SymbolSlot,
    TABLE_FROM, TEXTS, TIERS, TRANSLATIONS, TierRow, TranslationRow,
)

cdef enum:
    STAGE_RATE = 13

cdef extern from *:
    """
    #include <stdlib.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif
    /* Rows begin with a cache line; a large image lies in huge pages, for a receipt reads a few places all over it. */
    static void *altyn_image(size_t size) {
        void *memory = NULL;
        size_t huge = (size_t)1 << 21;
        if (posix_memalign(&memory, size < huge ? 64 : huge, size) != 0) return NULL;
    #if defined(__linux__) && defined(MADV_HUGEPAGE)
        if (size >= huge) madvise(memory, size, MADV_HUGEPAGE);
    #endif
        return memory;
    }
    """
    void* image_memory "altyn_image"(size_t size) noexcept nogil

MAGIC = b"ALTYNRUL"


class RulesetError(ValueError):
    """These bytes are not a whole ruleset image of this format."""


cdef dict row_sizes():
    """Bytes of a row by section; a section that is not here is of bytes."""
    return {
        SUMMARY: sizeof(SummaryRow),
        PATHS: sizeof(PathRow),
        PROMOTIONS: sizeof(PromotionRow),
        RULES: sizeof(RuleRow),
        GROUPS: sizeof(GroupRow),
        CONDITIONS: sizeof(ConditionRow),
        SETS: sizeof(SetRow),
        LISTS: sizeof(int32_t),
        SCHEDULES: sizeof(ScheduleRow),
        SLOTS: sizeof(SymbolSlot),
        FILTER: sizeof(uint64_t),
        POSTINGS: sizeof(int32_t),
        ASSETS: sizeof(AssetRow),
        SET_REWARDS: sizeof(SetRewardRow),
        PARTS: sizeof(PartRow),
        NUMBERS: sizeof(int64_t),
        TIERS: sizeof(TierRow),
        LIMITS: sizeof(LimitRow),
        CAPS: sizeof(CapRow),
        PAYMENTS: sizeof(PaymentRow),
        SPEECHES: sizeof(SpeechRow),
        MESSAGES: sizeof(MessageRow),
        TRANSLATIONS: sizeof(TranslationRow),
        ISSUES: sizeof(IssueRow),
        ROUNDINGS: sizeof(RoundingRow),
        MULTIPLIERS: sizeof(MultiplierRow),
        ACCUMULATIONS: sizeof(AccumulationRow),
        GIFTS: sizeof(GiftRow),
    }


ROW_SIZES = row_sizes()


cdef list section_places(const uint8_t[::1] image):
    """(place, rows) of every section; raises RulesetError when one lies outside the image."""
    cdef int64_t place, count
    cdef int64_t row
    cdef list places = []
    for section in range(SECTIONS_COUNT):
        place, count = struct.unpack_from("<2q", image, TABLE_FROM + 16 * section)
        row = ROW_SIZES.get(section, 1)
        if place < TABLE_FROM or place > len(image) or count < 0 or count > (len(image) - place) // row:
            raise RulesetError(f"section {section} lies outside the image")
        if place & 63:
            raise RulesetError(f"section {section} is not aligned")
        places.append((place, count))
    return places


cdef str verify(const uint8_t[::1] image):
    """The hash in hex; raises RulesetError unless header, size and hash hold."""
    if sys.byteorder != "little":
        raise RulesetError("ruleset images are little-endian")
    if len(image) < TABLE_FROM + 16 * SECTIONS_COUNT:
        raise RulesetError(f"{len(image)} bytes are too few for a ruleset image")
    if bytes(image[:8]) != MAGIC:
        raise RulesetError("no ruleset image: the magic differs")
    version_of_format, zero = struct.unpack_from("<2I", image, 8)
    if version_of_format != IMAGE_FORMAT or zero != 0:
        raise RulesetError(f"image format {version_of_format}, this server reads {IMAGE_FORMAT}")
    digest = hashlib.sha256(image[HASHED_FROM:])
    if digest.digest() != bytes(image[16:HASHED_FROM]):
        raise RulesetError("the image is damaged: its hash differs")
    if struct.unpack_from("<q", image, HASHED_FROM + 8)[0] != len(image):
        raise RulesetError("the image has another size than it says")
    return digest.hexdigest()


cdef class Ruleset:
    """An immutable ruleset over its image. Raises RulesetError for anything that is not a whole image of this
    format."""

    def __init__(self, const uint8_t[::1] image not None):
        self.sha256 = verify(image)
        places = section_places(image)
        self.version = struct.unpack_from("<q", image, HASHED_FROM)[0]
        free(self.rows)
        self.rows = <char*>image_memory(<size_t>len(image))
        if self.rows == NULL:
            raise MemoryError
        self.image_bytes = len(image)
        cdef const uint8_t* given = &image[0]
        with nogil:
            # Megabytes of fresh pages: a thread that opens a release must not hold up the calls.
            memcpy(self.rows, given, <size_t>self.image_bytes)
        cdef const char* base = self.rows
        cdef RulesView* view = &self.view
        cdef list at = [place for place, _ in places]
        view.texts = base + <int64_t>at[TEXTS]
        view.summary = <const SummaryRow*>(base + <int64_t>at[SUMMARY])
        view.paths = <const PathRow*>(base + <int64_t>at[PATHS])
        view.promotions = <const PromotionRow*>(base + <int64_t>at[PROMOTIONS])
        view.rules = <const RuleRow*>(base + <int64_t>at[RULES])
        view.groups = <const GroupRow*>(base + <int64_t>at[GROUPS])
        view.conditions = <const ConditionRow*>(base + <int64_t>at[CONDITIONS])
        view.sets = <const SetRow*>(base + <int64_t>at[SETS])
        view.lists = <const int32_t*>(base + <int64_t>at[LISTS])
        view.schedules = <const ScheduleRow*>(base + <int64_t>at[SCHEDULES])
        view.slots = <const SymbolSlot*>(base + <int64_t>at[SLOTS])
        view.filter = <const uint64_t*>(base + <int64_t>at[FILTER])
        view.postings = <const int32_t*>(base + <int64_t>at[POSTINGS])
        view.assets = <const AssetRow*>(base + <int64_t>at[ASSETS])
        view.set_rewards = <const SetRewardRow*>(base + <int64_t>at[SET_REWARDS])
        view.parts = <const PartRow*>(base + <int64_t>at[PARTS])
        view.numbers = <const int64_t*>(base + <int64_t>at[NUMBERS])
        view.tiers = <const TierRow*>(base + <int64_t>at[TIERS])
        view.limits = <const LimitRow*>(base + <int64_t>at[LIMITS])
        view.caps = <const CapRow*>(base + <int64_t>at[CAPS])
        view.payments = <const PaymentRow*>(base + <int64_t>at[PAYMENTS])
        view.speeches = <const SpeechRow*>(base + <int64_t>at[SPEECHES])
        view.messages = <const MessageRow*>(base + <int64_t>at[MESSAGES])
        view.translations = <const TranslationRow*>(base + <int64_t>at[TRANSLATIONS])
        view.issues = <const IssueRow*>(base + <int64_t>at[ISSUES])
        view.roundings = <const RoundingRow*>(base + <int64_t>at[ROUNDINGS])
        view.multipliers = <const MultiplierRow*>(base + <int64_t>at[MULTIPLIERS])
        view.accumulations = <const AccumulationRow*>(base + <int64_t>at[ACCUMULATIONS])
        view.gifts = <const GiftRow*>(base + <int64_t>at[GIFTS])
        view.promotions_count = <int32_t>places[PROMOTIONS][1]
        view.rates_begin = view.promotions_count
        while view.rates_begin > 0 and view.promotions[view.rates_begin - 1].stage == STAGE_RATE:
            view.rates_begin -= 1
        view.rules_count = <int32_t>places[RULES][1]
        view.assets_count = <int32_t>places[ASSETS][1]
        view.caps_count = <int32_t>places[CAPS][1]
        view.payments_count = <int32_t>places[PAYMENTS][1]
        view.roundings_count = <int32_t>places[ROUNDINGS][1]
        view.accumulations_count = <int32_t>places[ACCUMULATIONS][1]
        place, count = places[READ_SET]
        self._read_set = json.loads(bytes(image[place:place + count]))

    def __dealloc__(self):
        free(self.rows)

    @property
    def promotions_count(self) -> int:
        return self.view.promotions_count

    @property
    def rules_count(self) -> int:
        return self.view.rules_count

    @property
    def read_set(self) -> dict[str, list[str]]:
        """Facts beside the receipt that a decision may read: accumulations (names, by number), assets, attributes (names), balance
        (assets), bases, customer, grants (promotions), limits (ids of limited promotions), payment (assets), segments, series,
        store."""
        return {key: list(names) for key, names in self._read_set.items()}

    @property
    def assets(self) -> list[tuple[str, int, int]]:
        """(id, scale, step in the smallest unit) of every asset, by number."""
        cdef int32_t number
        return [(spelled(self.asset_text(number)), self.view.assets[number].scale, self.view.assets[number].step_points)
                for number in range(self.view.assets_count)]

    def promotion_id(self, ordinal: int) -> str:
        return spelled(self.promotion_text(self._rule(ordinal)))

    def reward_no(self, ordinal: int) -> int:
        return self.view.rules[self._rule(ordinal)].reward_no

    def stage(self, ordinal: int) -> int:
        return self.stage_of(self._rule(ordinal))

    def condition_path(self, path: int) -> str:
        """Text of a path number in a trace, empty for -1."""
        return spelled(self.path_text(path)) if path >= 0 else ""

    cdef int32_t _rule(self, ordinal) except -1:
        if not 0 <= ordinal < self.view.rules_count:
            raise IndexError(f"rule {ordinal} of {self.view.rules_count}")
        return ordinal


cdef str spelled(Text text):
    return text.data[:text.size].decode()
