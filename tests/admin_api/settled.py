"""What differs from run to run, made the same, so that examples can be compared."""

from __future__ import annotations

import re
from typing import Any

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+\d\d:\d\d)")
RANDOM = re.compile(r"(?<![0-9a-f])([0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{16})(?![0-9a-f])")
_DIGITS = re.compile(r"^[0-9]{6}$")
_CODE = re.compile(r"SP-[0-9A-Z]{9}|2900\d{9}")
_QR = re.compile(r"\bA1[0-9A-Z]{32}\b")
_GIFT = re.compile(r"9900\d{17},\d{4}")
SETTLED = {
    "codes": ["9h67j-xazjp", "p2zga-9pdzc"],
    "lag_s": 0.0,
    "last4": "1234",
    "password": "zWcf2b3LJ0xQ8mVt1sKe",
    "present": "zWcf2b3LJ0xQ8mVt1sKe",
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "uri": "otpauth://totp/Altyn:anna?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Altyn&digits=6&period=30",
}


def settled(value: Any) -> Any:
    """A value with what differs from run to run made the same: moments, keys, hashes, random numbers."""
    if isinstance(value, dict):
        return {_settled_text(key): _settled_of(key, one) for key, one in value.items()}
    if isinstance(value, list):
        return [settled(one) for one in value]
    return _settled_text(value) if isinstance(value, str) else value


def _settled_of(key: str, value: Any) -> Any:
    return SETTLED[key] if key in SETTLED and not isinstance(value, dict) else settled(value)


def _settled_text(text: str) -> str:
    text = _DIGITS.sub("123456", _MOMENT.sub("2027-01-15T08:00:00Z", text))
    text = RANDOM.sub(lambda found: ("0123456789abcdef" * 4)[: len(found[0])], text)
    text = _QR.sub("A10000000JCW02VHP020GC4GY5R98YE3NQ", text)
    text = _GIFT.sub("990012345678901234567,4711", text)
    return _CODE.sub(lambda found: "SP-7K0Z3QH8M" if found[0][0] == "S" else "2900123456782", text)
