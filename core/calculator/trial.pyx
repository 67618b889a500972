"""Trials: a rule or promotion applied and undone (semantics §6.1.4).

Decides nothing. Invariant: the state after a trial is the state before it, also when it was made inside another one.
Must never leave a trace in the outcome.
"""
from altyn.core.calculator.work cimport CalcGroup


cdef void begin_trial(Work* work, Outer* outer) noexcept nogil:
    """From here on `spread` remembers what it changes."""
    outer.trying = work.trying
    outer.number = work.trial_number
    outer.runs_begin = work.undo_runs_count
    outer.groups_begin = work.undo_groups_count
    outer.runs_top = work.undo_runs_top
    outer.applied_top = work.undo_applied_top
    work.trial_number = work.trials_begun + 1
    work.trials_begun += 1
    work.undo_runs_top = work.runs_count
    work.undo_applied_top = work.applied_count
    work.trying = True


cdef void end_trial(Work* work, const Outer* outer) noexcept nogil:
    """Undo everything since `begin_trial`."""
    cdef CalcGroup* group
    cdef int32_t i
    for i in range(outer.runs_begin, work.undo_runs_count):
        work.runs[work.undo_runs[i].number] = work.undo_runs[i].run
    for i in range(outer.groups_begin, work.undo_groups_count):
        group = &work.groups[work.undo_groups[i].number]
        group.running_minor = work.undo_groups[i].running_minor
        group.last_run = work.undo_groups[i].last_run
        group.saved_by = work.undo_groups[i].saved_by
    work.runs_count = work.undo_runs_top
    work.applied_count = work.undo_applied_top
    work.undo_runs_count = outer.runs_begin
    work.undo_groups_count = outer.groups_begin
    work.trying = outer.trying
    work.trial_number = outer.number
    work.undo_runs_top = outer.runs_top
    work.undo_applied_top = outer.applied_top
