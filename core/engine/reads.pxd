"""What other compiled modules call. See the body."""
from libc.stdint cimport int64_t
from altyn.core.engine.step cimport Engine

cpdef object calculate_receipt(Engine engine, bytes request, object scope, int64_t clock_us, object known=*)
