"""The demonstration's coupon codes, made one by one: who gets one comes to the till with it.

Derived from the installation's pepper, as the registers' keys are, so that a second loading makes the same codes and
changes nothing. Demonstrations only: real codes are drawn by the back office and told once.
"""

from __future__ import annotations

from hmac import digest
from itertools import count

from altyn.admin_api.coupons import schemas
from altyn.admin_api.coupons.service import import_codes, put_series
from altyn.admin_api.edge.bulk import Bulk
from altyn.admin_api.edge.call import Call
from altyn.core.facts.coupon_codes import ALPHABET, code_of

#: Codes by series; the series' names are those of 55-unique-coupons.yaml.
CODES_COUNT = {"slip-2": 300, "anniversary": 300}
TITLES = {"slip-2": "Printed on slips", "anniversary": "Sent for the anniversary"}
TEMPLATES = {"slip-2": "S-##########?", "anniversary": "A-##########?"}


def codes_of(pepper: bytes, series: str) -> tuple[str, ...]:
    """The same codes at every loading of one installation."""

    def one(number: int) -> str:
        drawn = iter(digest(pepper, f"demo coupon\0{series}\0{number}".encode(), "sha256"))
        return code_of(TEMPLATES[series], lambda: ALPHABET[next(drawn) % len(ALPHABET)])

    made: dict[str, None] = {}
    for number in count():
        if len(made) == CODES_COUNT[series]:
            break
        made.setdefault(one(number))
    return tuple(made)


async def load_coupons(call: Call, pepper: bytes) -> dict[str, tuple[str, ...]]:
    """The series and their codes through the back office's own service; codes by series. Raises Refusal."""
    loaded = {}
    for series in CODES_COUNT:
        asked = schemas.SeriesIn(
            title=TITLES[series],
            kind=schemas.Kind.UNIQUE,
            template=TEMPLATES[series],
            starts_at=call.now.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0),
        )
        await put_series(call, series=series, asked=asked)
        codes = loaded[series] = codes_of(pepper, series)
        found: Bulk[schemas.CodeIn] = Bulk({code: schemas.CodeIn(code=code) for code in codes})
        await import_codes(call, pepper, series=series, title=TITLES[series], found=found, all_or_nothing=True)
    return loaded
