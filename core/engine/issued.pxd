"""Coupons that a receipt issues: which, until when, and the codes they get."""
from libc.stdint cimport int64_t
from altyn.core.engine.releases cimport Release
from altyn.core.engine.step cimport Engine
cimport altyn.core.wire.generated.journal_v1 as journal_v1
cimport altyn.core.wire.generated.pos_v1 as pos_v1

# What the outcome wants issued, with why it cannot be: fills the case's issues.
cdef int decide_issues(Engine engine, Release release) except -1
# A forecast of them into the reply: no code, no text.
cdef int show_issues(Engine engine, Release release, pos_v1.Outcome* out) except -1
# Decide, and make the codes of a Commit at `seq`: issued changes join the effects.
cdef int issue_coupons(Engine engine, Release release, journal_v1.Effects* effects, int64_t seq) except -1
# They could not be applied: none is told.
cdef void forget_issues(Engine engine) noexcept
# Of a Commit, as the journal keeps it: each with the form of its code, and texts that still say where the code goes.
cdef int write_issued(Engine engine, Release release, pos_v1.Outcome* out) except -1
# The stored form of a Commit's reply into what is told, in place. False: it issued nothing.
cdef bint tell_codes(Engine engine, pos_v1.CommitReceiptResponse* reply) except -1
# The bytes of a stored reply as they were told.
cdef bytes told_reply(Engine engine, bytes stored)
