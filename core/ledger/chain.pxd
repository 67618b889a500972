"""The hash that chains a shard's journal rows."""

cpdef bytes chain_hash(bytes previous, long long seq, long long epoch, bytes body)
