"""The server's own operations about earlier purchases: beginning to count, history, being ready, resting, dropping.

Each is one record; what it does is in its effects. History comes in parts of the journal, each applied once because it goes on where the
one before it ended, so whoever brings them may die and begin again. Never here: reading the journal, and who asks for what.
"""
from hashlib import sha256
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from altyn.core.engine.accounts cimport ordered
from altyn.core.engine.numbers cimport Numbers
from altyn.core.engine.calls cimport except_full, text_of
from altyn.core.engine.step cimport Engine, Operation
from altyn.core.ledger.accumulators cimport (
    COUNTING, DROPPED, READY, RESTING, Accumulation, accumulation_of, store_number,
)
from altyn.core.limits cimport ACCUMULATIONS_KEPT_MAX, ACCUMULATOR_CHANGES_MAX
from altyn.core.rules.ruleset cimport Ruleset
from altyn.core.text cimport Text
from altyn.core.wire.arena cimport arena_reset, arena_take
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

from typing import NamedTuple

cdef enum:
    NAME_BYTES_MAX = 1_048_576  # of the names of one record
    RESTS_DAYS = 40             # as long as counters are kept (semantics §6.11.27)

GAP_NUMBERS_MAX = 1_024
# Differences of one part of history, at most: the loop applies them between two calls.
BACKFILL_ROWS_MAX = 1_024
assert BACKFILL_ROWS_MAX * 2 + GAP_NUMBERS_MAX * 3 < ACCUMULATOR_CHANGES_MAX


class Gap(NamedTuple):
    """History that is still to be counted, for `numbers`: the operations after `after_seq`, up to `until_seq`."""

    numbers: tuple[int, ...]
    after_seq: int
    until_seq: int


cdef class Step:
    """A record being made."""
    cdef Engine engine
    cdef journal_v1.Effects* effects
    cdef journal_v1.Accumulate* asked
    cdef list kept             # bytes the effects point into

    def __cinit__(self, Engine engine, int32_t step, int64_t clock_us, int32_t changes_max):
        self.engine = engine
        self.kept = []
        arena_reset(&engine.arena)
        engine.new_case(clock_us)
        self.effects = engine.new_effects()
        self.asked = <journal_v1.Accumulate*>self.taken(sizeof(journal_v1.Accumulate))
        self.asked.step = step
        self.asked.accumulation_nos = <int32_t*>self.taken((<size_t>ACCUMULATIONS_KEPT_MAX + 1) * sizeof(int32_t))
        self.effects.accumulators = <journal_v1.AccumulatorChange*>self.taken(
            (<size_t>changes_max + 1) * sizeof(journal_v1.AccumulatorChange))

    cdef void* taken(self, size_t size) except NULL:
        cdef void* piece = arena_take(&self.engine.arena, size)
        if piece == NULL:
            except_full()
        memset(piece, 0, size)
        return piece

    cdef journal_v1.AccumulatorChange* change(self) noexcept:
        self.effects.accumulators_count += 1
        return &self.effects.accumulators[self.effects.accumulators_count - 1]

    cdef journal_v1.AccumulatorChange* becomes(self, int32_t number, int32_t state) noexcept:
        """The accumulation's new state, which the request names, too."""
        cdef journal_v1.AccumulatorChange* change = self.change()
        change.accumulation_no = number
        change.state = state
        self.asked.accumulation_nos[self.asked.accumulation_nos_count] = number
        self.asked.accumulation_nos_count += 1
        return change

    cdef Text text(self, bytes value):
        self.kept.append(value)
        return text_of(value)

    cdef object done(self):
        """The record. Named by its place in the journal, which no other operation has."""
        cdef Engine engine = self.engine
        cdef journal_v1.Record* record
        cdef Operation operation
        cdef bytes name = sha256(b"accumulate" + engine.tenant_bytes + b" %d" % (engine.last_seq + 1)).digest()
        operation = ordered(pos_v1.OPERATION_KIND_ACCUMULATE, name[:16], name)
        if not engine.is_sound(operation, self.effects):
            raise AssertionError("what is counted can always be")
        record = engine.new_record(operation, self.effects)
        record.request.accumulate = self.asked
        return engine.booked(operation, record, b"").record


def prepare_accumulations(Engine engine, names, Ruleset counting not None, int64_t clock_us):
    """From this record on every operation counts for these names, too; None: all of them are kept already, or as many as fit.

    `counting` measures all that is kept and these. A record takes names of a mebibyte; call again until None. ValueError: `counting`
    does not.
    """
    cdef Numbers numbers = Numbers(counting)
    cdef journal_v1.AccumulatorChange* change
    cdef int32_t number = 0
    cdef Step step
    kept = kept_names(engine)
    wanted = [name.encode() for name in names if name.encode() not in kept]
    known = set(numbers.names)
    if not known.issuperset(wanted) or not known.issuperset(kept):
        raise ValueError("some of what is to be counted is not measured")
    if not wanted:
        return None
    step = Step(engine, journal_v1.ACCUMULATE_STEP_PREPARE, clock_us, <int32_t>min(len(wanted), ACCUMULATIONS_KEPT_MAX))
    size = 0
    for name in wanted:
        number = next_free(engine, number)
        size += len(name)
        if number == 0 or (size > NAME_BYTES_MAX and step.effects.accumulators_count > 0):
            break
        change = step.becomes(number, COUNTING)
        change.name = step.text(name)
        change.from_seq = engine.last_seq + 1
    if step.effects.accumulators_count == 0:
        return None
    record = step.done()
    engine.counting = numbers
    return record


cdef dict kept_names(Engine engine):
    """Of what is counted: name → number."""
    cdef const Accumulation* row
    cdef int32_t number
    cdef dict found = {}
    for number in range(1, ACCUMULATIONS_KEPT_MAX + 1 if engine.book.accumulators.rows != NULL else 1):
        row = accumulation_of(&engine.book.accumulators, number)
        if row != NULL and row.state != DROPPED:
            found[row.name.data[:row.name.size]] = number
    return found


cdef int32_t next_free(Engine engine, int32_t number) noexcept:
    number += 1
    while number <= ACCUMULATIONS_KEPT_MAX and accumulation_of(&engine.book.accumulators, number) != NULL:
        number += 1
    return number if number <= ACCUMULATIONS_KEPT_MAX else 0


def find_gap(Engine engine):
    """The Gap that is to be counted next; None: all history is."""
    cdef const Accumulation* row
    cdef int32_t number
    rows = []
    for number in range(1, ACCUMULATIONS_KEPT_MAX + 1 if engine.book.accumulators.rows != NULL else 1):
        row = accumulation_of(&engine.book.accumulators, number)
        if row != NULL and row.state == COUNTING and row.counted_seq < row.from_seq:
            rows.append((row.counted_seq, row.from_seq, number))
    if not rows:
        return None
    rows.sort()
    after_seq = rows[0][0]
    group = [one for one in rows if one[0] == after_seq][:GAP_NUMBERS_MAX]
    # Never past where another of them was, so that those who meet go on together.
    ends = [one[1] for one in group]
    ends.extend([one[0] for one in rows if one[0] > after_seq])
    ends.sort()
    return Gap(tuple([one[2] for one in group]), after_seq, ends[0])


def backfill_accumulations(Engine engine, gap, int64_t through_seq, rows, int64_t clock_us):
    """One part of history, up to `through_seq`; None: it was counted already, or another part comes first.

    rows: (accumulation_no, account_id, bucket's day, store id or b"", difference), ascending by account_id, at most BACKFILL_ROWS_MAX and
    those of one more operation.
    """
    cdef journal_v1.AccumulatorChange* change
    cdef int32_t number
    cdef int64_t new_stores = 0
    cdef dict stores = {b"": 0}
    cdef Step step
    cdef Text store_id
    now = find_gap(engine)
    if now is None or now.after_seq != gap.after_seq or now.numbers != gap.numbers:
        return None
    if through_seq <= gap.after_seq or through_seq > now.until_seq:
        return None
    if len(rows) > BACKFILL_ROWS_MAX + len(gap.numbers):
        raise ValueError(f"{len(rows)} differences, at most {BACKFILL_ROWS_MAX} and those of one more operation")
    step = Step(engine, journal_v1.ACCUMULATE_STEP_BACKFILL, clock_us, <int32_t>(len(gap.numbers) + 2 * len(rows)))
    step.asked.after_seq = gap.after_seq
    step.asked.through_seq = through_seq
    for number in gap.numbers:
        change = step.becomes(number, COUNTING)
        change.counted_seq = through_seq
    for store in [row[3] for row in rows]:
        if store not in stores:
            store_id = step.text(store)
            stores[store] = store_number(&engine.book.accumulators, store_id)
            if stores[store] == 0:
                new_stores += 1
                stores[store] = <int64_t>engine.book.accumulators.stores_count + new_stores
                change = step.change()
                change.store_no = stores[store]
                change.store_id = store_id
    for number, account_id, day, store, difference in rows:
        change = step.change()
        change.accumulation_no = number
        # History names accounts as they were then.
        change.account_id = engine.book.leads_to(account_id)
        change.day = day
        change.store_no = stores[store]
        change.difference = difference
    return step.done()


def finish_accumulations(Engine engine, int64_t clock_us):
    """Those whose history is counted are ready from this record on; None: there are none."""
    return become(engine, journal_v1.ACCUMULATE_STEP_READY, READY, None, clock_us)


def tend_accumulations(Engine engine, asked, int64_t clock_us):
    """One step with what no release asks for: it rests, is asked for again, or, after 40 days of rest, dropped. None: nothing is to do.

    asked: names that releases in force, or to come, ask for.
    """
    names = {name.encode() for name in asked}
    for step, state in ((journal_v1.ACCUMULATE_STEP_READY, READY), (journal_v1.ACCUMULATE_STEP_REST, RESTING),
                        (journal_v1.ACCUMULATE_STEP_DROP, DROPPED)):
        record = become(engine, step, state, names, clock_us)
        if record is not None:
            return record
    return None


cdef object become(Engine engine, int32_t step_no, int32_t state, asked, int64_t clock_us):
    cdef const Accumulation* row
    cdef int32_t number
    cdef Step step = Step(engine, step_no, clock_us, ACCUMULATIONS_KEPT_MAX)
    for number in range(1, ACCUMULATIONS_KEPT_MAX + 1 if engine.book.accumulators.rows != NULL else 1):
        row = accumulation_of(&engine.book.accumulators, number)
        if row == NULL:
            continue
        name = row.name.data[:row.name.size]
        if asked is None:
            is_due = row.state == COUNTING and row.counted_seq >= row.from_seq
        elif state == READY:
            is_due = row.state == RESTING and name in asked
        elif state == RESTING:
            is_due = row.state == READY and name not in asked
        else:
            is_due = row.state == RESTING and name not in asked and engine.case.instant_us - row.since_us > RESTS_DAYS * 86_400_000_000
        if is_due:
            step.becomes(number, state)
    return step.done() if step.effects.accumulators_count > 0 else None


def are_ready(Engine engine, names):
    """Every one of these numbers can be read."""
    cdef const Accumulation* row
    kept = kept_names(engine)
    for name in names:
        row = accumulation_of(&engine.book.accumulators, kept.get(name.encode(), 0))
        if row == NULL or row.state == COUNTING:
            return False
    return True
