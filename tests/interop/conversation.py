"""What every client of gRPC is made to ask, and what it must be told: `{case: [code, text, said]}`.

Each client of `clients/` prints this object for the door at its first argument; `INTEROP_TLS` names a folder with
`ca.crt`, `till.crt` and `till.key` when the door speaks TLS. `said` of a call that was answered is what its body must
be to count as "whole"; of a refusal, the reason that its `grpc-status-details-bin` names.
"""

from __future__ import annotations

SERVICE = "/test.Service/"
SMALL, LARGE, LIMIT, MANY = 900, 600_000, 1 << 20, 50
LATE_S = 0.2
KEY = "Bearer r7"

WHOLE = [0, "", "whole"]
EXPECTED = {
    "empty": WHOLE,
    "small": WHOLE,
    "large": WHOLE,
    "later": WHOLE,
    "many": WHOLE,
    "who": [0, "", "r7"],
    "health": [0, "", "SERVING"],
    "refused": [3, "receipt.lines[0].qty_milli: more than 0 %, больше 0", "OUT_OF_RANGE"],
    "unknown": [12, "Method not found!", ""],
    "late": [4, "", ""],
    "left": [1, "", ""],
    "too_large": [8, "", ""],
    "after_all": WHOLE,
}


def body(size: int, seed: int = 0) -> bytes:
    """Bytes that no two places of a message share."""
    return bytes((number * 7 + seed) % 251 for number in range(size))
