"""The 16-byte keys by which operations, receipts and registers are found again (semantics §6.8)."""

cpdef bytes register_key(str tenant, str store_id, str register_id)
cpdef bytes receipt_key(str tenant, str store_id, str register_id, long long shift_number, long long receipt_number)
cpdef bytes natural_key(bytes receipt_key, int kind, int op_no)
