"""What this register may let customers spend while the server does not answer (docs/register/offline.md).

The server gives an allowance with every AuthorizeCustomer; the last one stands until its time is over. What is spent by
it is counted here as the server will count it, by the day the allowance was given, and noted on the disk before it is
used: a crash may spend less than was allowed, never more. An allowance that cannot be read is none.

Never here: what a receipt costs, or how many points pay for how much of it; that is the till's to tell.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from altyn.pos.v1 import pos_service_pb2, receipt_pb2

DAY_US = 86_400_000_000
#: An allowance that ends so much later is worth writing down.
RENEWED_US = 600_000_000
TOKEN_CHARS, TOKEN_MARK = 34, "A1"  # of a virtual card


class Allowance:
    """The allowance in its file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read what is there; nothing is written yet. Raises OSError when the file is there and cannot be read."""
        self.path = Path(path)
        self._given = pos_service_pb2.OfflineAllowance()
        self._day = -1
        self._receipts_count = 0
        self._sum_minor = 0
        if self.path.exists():
            self._read(self.path.read_text("utf-8"))

    @property
    def given(self) -> pos_service_pb2.OfflineAllowance:
        """As the server gave it; empty when it never gave one."""
        return self._given

    def left_minor(self, now_us: int) -> int:
        """What one more receipt may spend at this instant; 0: nothing."""
        given = self._given
        if now_us >= given.valid_until_us or self._receipts_count >= given.receipts_max:
            return 0
        return max(min(given.receipt_sum_max_minor, given.sum_max_minor - self._sum_minor), 0)

    def take(self, given: pos_service_pb2.OfflineAllowance, now_us: int) -> None:
        """The server's word, of this instant: it replaces the one before, unless that is as good. What was spent today
        stays spent. Raises OSError.
        """
        if now_us // DAY_US == self._day and self._is_as_good(given):
            return
        if now_us // DAY_US != self._day:
            self._day, self._receipts_count, self._sum_minor = now_us // DAY_US, 0, 0
        self._given = given
        self._write()

    def spend(self, receipt: receipt_pb2.Receipt, sum_minor: int, now_us: int) -> bool:
        """Let the receipt spend points worth ``sum_minor`` without a Reserve: it becomes an offline receipt that brings
        the allowance. False: it may not, and is as it was. Raises OSError, TypeError.
        """
        if type(sum_minor) is not int:
            raise TypeError(f"sum_minor: {sum_minor!r} is not a whole number")
        if not 0 < sum_minor <= self.left_minor(now_us) or not self._covers(wish.asset for wish in receipt.points):
            return False
        if _is_for_a_reserve(receipt.identity):
            return False
        self._receipts_count += 1
        self._sum_minor += sum_minor
        self._write()
        receipt.mode = receipt_pb2.MODE_OFFLINE
        receipt.offline_allowance = self._given.signed
        return True

    def _is_as_good(self, given: pos_service_pb2.OfflineAllowance) -> bool:
        """So that a busy till does not write to its disk for every customer."""
        newer = pos_service_pb2.OfflineAllowance.FromString(given.SerializeToString())
        newer.signed, newer.valid_until_us = self._given.signed, self._given.valid_until_us
        return newer == self._given and given.valid_until_us - self._given.valid_until_us < RENEWED_US

    def _covers(self, assets: Iterable[str]) -> bool:
        return not self._given.assets or set(assets) <= set(self._given.assets)

    def _read(self, text: str) -> None:
        try:
            kept: dict[str, Any] = json.loads(text)
            given = pos_service_pb2.OfflineAllowance.FromString(bytes.fromhex(kept["given"]))
            counts = (int(kept["day"]), int(kept["receipts_count"]), int(kept["sum_minor"]))
        except (ValueError, KeyError, TypeError, DecodeError):
            return
        self._given = given
        self._day, self._receipts_count, self._sum_minor = counts

    def _write(self) -> None:
        """Replace the file in one step."""
        kept = {
            "given": self._given.SerializeToString().hex(),
            "day": self._day,
            "receipts_count": self._receipts_count,
            "sum_minor": self._sum_minor,
        }
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _is_for_a_reserve(identity: receipt_pb2.Identity) -> bool:
    """A token of a virtual card, of whatever kind the till says it is, or a one-time code: the server must see them."""
    is_token = len(identity.value) == TOKEN_CHARS and identity.value[:2].upper() == TOKEN_MARK
    return is_token or identity.kind == receipt_pb2.TOKEN_KIND_QR or identity.code != ""
