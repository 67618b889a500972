"""The hash that chains a shard's journal rows. It is in every row: it may never answer differently."""
from hashlib import sha256

# What stands before the first row.
ORIGIN = bytes(32)


cpdef bytes chain_hash(bytes previous, long long seq, long long epoch, bytes body):
    """SHA-256(previous ‖ seq ‖ epoch ‖ body), the numbers as 8 bytes big-endian; `previous` is the hash of seq − 1."""
    if len(previous) != 32:
        raise ValueError("previous must be 32 bytes")
    return sha256(b"%b%b%b%b" % (previous, (<object>seq).to_bytes(8, "big"), (<object>epoch).to_bytes(8, "big"), body)).digest()
