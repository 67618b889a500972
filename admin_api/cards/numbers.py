"""Card numbers by template: # a random digit, ? the Luhn check digit of the digits before it, anything else itself.

Random, not sequential: the next number cannot be guessed from one's own. Pure but for the digits it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable

DIGIT = "#"
CHECK = "?"
_TEMPLATE = re.compile(r"[0-9A-Z#]+\??")
DIGITS_MIN = 4
NUMBER_CHARS_MIN, NUMBER_CHARS_MAX = 4, 40


def check_template(template: str) -> str:
    """Raises ValueError."""
    if not NUMBER_CHARS_MIN <= len(template) <= NUMBER_CHARS_MAX or not _TEMPLATE.fullmatch(template):
        raise ValueError("4 to 40 of 0-9, A-Z, # for a random digit, and ? for a check digit at the end")
    if template.count(DIGIT) < DIGITS_MIN:
        raise ValueError(f"at least {DIGITS_MIN} random digits: numbers must not be guessed")
    return template


def luhn_digit(digits: str) -> str:
    """The digit that makes the number pass Luhn's check."""
    total = 0
    for place, one in enumerate(reversed(digits)):
        value = int(one) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def number_of(template: str, draw: Callable[[], str]) -> str:
    """A number; ``draw`` gives one digit at a time."""
    made = ""
    for one in template:
        digits = "".join(char for char in made if char.isdigit())
        made += draw() if one == DIGIT else luhn_digit(digits) if one == CHECK else one
    return made


def count_of_numbers(template: str) -> int:
    """How many numbers a template can give."""
    return int(10 ** template.count(DIGIT))
