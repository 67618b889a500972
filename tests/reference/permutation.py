"""The keyed permutation and the codes made with it, in plain Python from the published definitions.

SipHash-2-4-128 (Aumasson and Bernstein), a Feistel network over it, and a code as docs/decisions/0037 writes it. It
shares nothing with the core but the description.
"""

import hashlib
import hmac

WORD = (1 << 64) - 1
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SERIAL_ROUNDS = 10


def _rotate(x: int, bits: int) -> int:
    return (x << bits | x >> (64 - bits)) & WORD


def _rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        v[0] = (v[0] + v[1]) & WORD
        v[1] = _rotate(v[1], 13) ^ v[0]
        v[0] = _rotate(v[0], 32)
        v[2] = (v[2] + v[3]) & WORD
        v[3] = _rotate(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & WORD
        v[3] = _rotate(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & WORD
        v[1] = _rotate(v[1], 17) ^ v[2]
        v[2] = _rotate(v[2], 32)


def siphash(key: bytes, message: bytes) -> bytes:
    """SipHash-2-4 with 16 bytes of result."""
    low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [
        low ^ 0x736F6D6570736575,
        high ^ 0x646F72616E646F6D ^ 0xEE,
        low ^ 0x6C7967656E657261,
        high ^ 0x7465646279746573,
    ]
    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 255])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xEE
    _rounds(v, 4)
    first = v[0] ^ v[1] ^ v[2] ^ v[3]
    v[1] ^= 0xDD
    _rounds(v, 4)
    return first.to_bytes(8, "little") + (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")


def permute(key: bytes, bits: int, rounds: int, value: int) -> int:
    """Even rounds change the low half, odd ones the high half, by a hash of (round, bits, the other half)."""
    low_bits = bits // 2
    low, high = value % 2**low_bits, value >> low_bits
    for turn in range(rounds):
        other = high if turn % 2 == 0 else low
        noise = int.from_bytes(siphash(key, bytes([turn, bits]) + other.to_bytes(8, "little"))[:8], "little")
        if turn % 2 == 0:
            low ^= noise % 2**low_bits
        else:
            high ^= noise % 2 ** (bits - low_bits)
    return high << low_bits | low


def series_key(pepper: bytes, tenant: str, series_no: int) -> bytes:
    message = b"coupon-series:" + series_no.to_bytes(8, "big") + tenant.encode()
    return hmac.new(pepper, message, hashlib.sha256).digest()[:16]


def check_symbol(text: str) -> str:
    total = 0
    for one in text:
        if one in SYMBOLS:
            total = (3 * total + SYMBOLS.index(one) + 1) % 31
    return SYMBOLS[total]


def serial_code(pepper: bytes, tenant: str, series_no: int, template: str, serial: int) -> str:
    """The code of a serial: its permuted number in the template's places, the first symbol being the highest."""
    count = template.count("#")
    value = permute(series_key(pepper, tenant, series_no), 5 * count, SERIAL_ROUNDS, serial)
    symbols = iter(SYMBOLS[value >> 5 * (count - 1 - place) & 31] for place in range(count))
    code = ""
    for one in template:
        code += next(symbols) if one == "#" else check_symbol(code) if one == "?" else one
    return code
