"""Marks on units: exclusivity and what earlier promotions gave on (semantics §6.2, §6.11.10).

Decides which units and receipts are closed to a promotion. Invariants: a promotion's own rules do not close units to
one another, for marks count from its end on; a trial closes nothing. Must never change an amount.
"""
from libc.stdint cimport uint32_t
from libc.string cimport memset
from altyn.core.calculator.work cimport AT_PRICE, DISCOUNTED, GAVE, Note, PENDING, QUALIFIED, SHUT_ALL, SHUT_STAGE
from altyn.core.rules.image cimport EXCLUSIVE_ALL, EXCLUSIVE_RECEIPT, EXCLUSIVE_STAGE, SKIP_DISCOUNTED


cdef void keep_notes(Work* work) noexcept nogil:
    """From here on every run has a note."""
    if not work.noted:
        memset(work.notes, 0, <size_t>work.runs_count * sizeof(Note))
        work.noted = True


cdef inline void mark(Work* work, int32_t number) noexcept nogil:
    work.notes[number].marks |= GAVE
    if not work.trying or work.settling:
        work.notes[number].marks |= PENDING
        work.notes[number].pending_by = work.rule


cdef void mark_unit(Work* work, int32_t number) noexcept nogil:
    """The rule being applied gave on the units of this run, or they were its targets beside such ones."""
    if work.noted:
        mark(work, number)


cdef void mark_qualifier(Work* work, int32_t number) noexcept nogil:
    if work.noted:
        work.notes[number].marks |= QUALIFIED


cdef void mark_group(Work* work, const CalcGroup* group) noexcept nogil:
    """The rule being applied gave in this calc group: all units open to it are marked, also those it took nothing from.

    A unit of running price 0 is marked too, which is of no matter: nothing can be taken from it.
    """
    cdef int32_t number = group.first_run
    if not work.noted:
        return
    while number >= 0:
        if not work.notes[number].marks & (work.shut | AT_PRICE):
            mark(work, number)
        number = work.runs[number].next


cdef void open_to(Work* work, const PromotionRow* promotion) noexcept nogil:
    """Which marks close a unit to this promotion."""
    work.shut = SHUT_STAGE | SHUT_ALL
    if promotion.flags & SKIP_DISCOUNTED:
        work.shut |= DISCOUNTED


cdef void settle_marks(Work* work) noexcept nogil:
    """What the promotions applied since the last call gave on counts for the later ones."""
    cdef const PromotionRow* promotion
    cdef Note* note
    cdef uint32_t marks
    cdef int32_t i
    for i in range(work.runs_count):
        note = &work.notes[i]
        if not note.marks & PENDING:
            continue
        promotion = &work.rules.promotions[work.rules.rules[note.pending_by].promotion]
        marks = DISCOUNTED
        if promotion.flags & EXCLUSIVE_STAGE:
            marks |= SHUT_STAGE
        elif promotion.flags & EXCLUSIVE_ALL:
            marks |= SHUT_ALL
        if promotion.flags & EXCLUSIVE_RECEIPT:
            if marks & SHUT_STAGE and work.stage_shut_by < 0:
                work.stage_shut_by = note.pending_by
            elif marks & SHUT_ALL and work.all_shut_by < 0:
                work.all_shut_by = note.pending_by
        if marks & ~note.marks & (SHUT_STAGE | SHUT_ALL):
            note.marked_by = note.pending_by
        note.marks = (note.marks | marks) & ~<uint32_t>PENDING


cdef void reopen_stage(Work* work) noexcept nogil:
    """A new stage begins: what was closed for the stage is open again."""
    cdef int32_t i
    work.stage_shut_by = -1
    if work.noted:
        for i in range(work.runs_count):
            work.notes[i].marks &= ~<uint32_t>SHUT_STAGE
