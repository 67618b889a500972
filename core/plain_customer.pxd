"""Reading a customer as plain Python values into what a decision may read of it."""
from libc.stdint cimport int64_t
from altyn.core.plain_lines cimport Texts
from altyn.core.receipt cimport Holdings

# Everything about the customer but what the book knows. `wall_us` is the store's clock, `instant_us` the same moment, None when no
# grant has an end. ReceiptError names the field.
cdef int fill_customer(Holdings* holdings, dict customer, int64_t wall_us, object instant_us, Texts texts) except -1
