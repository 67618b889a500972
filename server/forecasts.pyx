"""CalculateReceipt of the call table, compiled: most calls of a till are forecasts, and nearly all are answered at once.

Invariants: it changes nothing and waits for nothing; what must read the journal first is handed on. Never here: what a
price depends on, sockets.
"""

cimport cython

from altyn.core.engine.reads cimport calculate_receipt
from altyn.core.engine.step cimport Engine


@cython.final
cdef class Forecasts:
    """`ask(request, scope, lookup)` answers what the engine cannot without the journal."""

    cdef Engine engine
    cdef object clock
    cdef object ask

    def __init__(self, Engine engine not None, clock, ask):
        self.engine = engine
        self.clock = clock
        self.ask = ask

    def calculate_receipt(self, bytes request not None, scope):
        """Reply bytes, or what `ask` makes of the call. CallRefused."""
        reply = calculate_receipt(self.engine, request, scope, self.clock(), None)
        return reply if type(reply) is bytes else self.ask(request, scope, reply)
