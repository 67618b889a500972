"""Tiers that are over, written down: a record for many accounts, as lots end. Decides nothing that reading a tier does not."""
from hashlib import sha256
from libc.stdint cimport int64_t, uint32_t

from altyn.core.engine.accounts cimport ordered
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.engine.tiers cimport is_over, open_changes, programme_day, put_change
from altyn.core.facts.tiers cimport TierTerms
from altyn.core.ledger.tiers cimport TierRow
from altyn.core.limits cimport TIER_CHANGES_MAX
from altyn.core.wire.arena cimport arena_reset
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1


cdef class TierSweep:
    """Walks round the book's rows, turn by turn: writes down tiers that are over, and forgets who has none and bought nothing lately."""
    cdef Engine engine
    cdef uint32_t cursor

    def __init__(self, Engine engine not None):
        self.engine = engine

    def end_tiers(self, int64_t clock_us, int scanned_max):
        """Look at `scanned_max` more rows at most; the record of up to TIER_CHANGES_MAX changes, or None."""
        cdef Engine engine = self.engine
        cdef TierTerms terms = engine.tiers
        cdef journal_v1.Effects* effects
        cdef Operation operation
        cdef TierRow row
        cdef int64_t today
        if terms.count == 0 or engine.book.tiers.count == 0:
            return None
        arena_reset(&engine.arena)
        engine.new_case(clock_us)
        today = programme_day(engine, engine.case.instant_us)
        effects = engine.new_effects()
        open_changes(engine, effects, TIER_CHANGES_MAX)
        while scanned_max > 0 and self.cursor < engine.book.tiers.count and effects.tiers_count < TIER_CHANGES_MAX:
            row = engine.book.tiers.rows[self.cursor]
            if is_over(terms, &row, today):
                put_change(effects, &row)
            self.cursor += 1
            scanned_max -= 1
        if self.cursor >= engine.book.tiers.count:
            self.cursor = 0
        if effects.tiers_count == 0:
            return None
        # Named by its place in the journal, which no other operation has.
        name = sha256(b"tier" + engine.tenant_bytes + b" %d" % (engine.last_seq + 1)).digest()
        operation = ordered(pos_v1.OPERATION_KIND_TIER, name[:16], name)
        if not engine.is_sound(operation, effects):
            raise AssertionError("a tier that is over can always end")
        return engine.booked(operation, engine.new_record(operation, effects), b"").record
