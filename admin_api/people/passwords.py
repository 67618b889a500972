"""Passwords: Argon2id, a few at a time, in threads.

Verifying one costs 64 MiB for a moment, so no more than ``AT_ONCE_MAX`` are worked on, and few wait. Whoever has no
password is verified against a hash that nobody knows, so that a login's existence cannot be told by time.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from altyn.admin_api.edge.problems import Busy, Refusal

AT_ONCE_MAX = 2
WAITING_MAX = 32
CHARS_MIN = 12
CHARS_MAX = 128
GIVEN_BYTES = 15
# RFC 9106, section 4, the second recommended set: 64 MiB, three passes, four lanes.
HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
_threads = ThreadPoolExecutor(AT_ONCE_MAX, "passwords")

Found = TypeVar("Found")


class PasswordWeak(Refusal):
    """Too short, too long, or made of the login's name."""

    status_code = 422
    reason = "PASSWORD_WEAK"


def check_strength(password: str, person_id: str) -> None:
    """Raises PasswordWeak."""
    if not CHARS_MIN <= len(password) <= CHARS_MAX:
        raise PasswordWeak(f"a password has {CHARS_MIN} to {CHARS_MAX} characters", path="password")
    if len(set(password)) < CHARS_MIN // 2 or person_id in password.lower():
        raise PasswordWeak("take more different characters, and not your login", path="password")


def new_password() -> str:
    """One to be given to somebody, who changes it: 120 random bits."""
    return secrets.token_urlsafe(GIVEN_BYTES)


async def hash_password(password: str) -> str:
    """Raises Busy."""
    return await _in_turn(lambda: HASHER.hash(password))


async def is_right(password_hash: str | None, password: str) -> bool:
    """Takes as long for somebody without a password. Raises Busy."""
    return await _in_turn(lambda: _verify(password_hash, password))


async def _in_turn(work: Callable[[], Found]) -> Found:
    if _threads._work_queue.qsize() >= WAITING_MAX:
        raise Busy("too many sign in at once", retry_after_s=1)
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


def _verify(password_hash: str | None, password: str) -> bool:
    try:
        return HASHER.verify(password_hash or _nobody(), password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return HASHER.hash(secrets.token_hex(32))
