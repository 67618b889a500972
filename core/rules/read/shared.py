"""Forms that several kinds of documents and rewards share: ids, points in their asset's scale, expiry, "one of"."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from altyn.core.rules.promotion import Expiry
from altyn.core.rules.read.forms import Check, Decimal, Fields, Key, MappingOf, Moment, Schema, T, Text, Whole
from altyn.core.rules.read.problems import Code, Reading
from altyn.core.rules.read.products import AMOUNT_MAX

SCALE_MAX = 4
SCALE_DEFAULT = 2
PRIORITY_MAX = 1_000_000
PRIORITY_DEFAULT = 100
EXPIRY_DAYS_MAX = 36_500
EXPIRY_MONTHS_MAX = 1_200
EXPIRY_YEARS_MAX = 100
ID_PATTERN = "[a-z0-9][a-z0-9._-]{0,63}"
ID_SHAPE = "small letters, digits, '.', '_', '-', at most 64, a letter or digit first"
PRIORITY = Whole("a priority", 0, PRIORITY_MAX)


def identifier(wanted: str) -> Text:
    return Text(wanted, bytes_max=64, pattern=ID_PATTERN, shape=ID_SHAPE)


def points_number(least: int) -> Decimal:
    """A number of points as ten-thousandths, for `in_scale`."""
    return Decimal("a number of points", SCALE_MAX, least, AMOUNT_MAX)


def in_scale(number: int | None, asset: str | None, path: str, reading: Reading) -> int | None:
    """Ten-thousandths of a point → the asset's smallest unit; more digits than the asset has are a problem."""
    if number is None or asset is None:
        return None
    cut = SCALE_MAX - reading.scales.get(asset, SCALE_DEFAULT)
    text = str(number).rjust(SCALE_MAX + 1, "0")
    if cut and text[-cut:].strip("0"):
        reading.add(path, Code.TOO_PRECISE, f'points of "{asset}" have {SCALE_MAX - cut} digits after the point')
        return None
    return int(text[: len(text) - cut])


class OneOf(MappingOf[T]):
    """A mapping that needs exactly one of some of its keys."""

    def __init__(
        self,
        wanted: str,
        keys: Sequence[Key],
        build: Callable[[Fields, str], T],
        *,
        one_of: Sequence[str],
        check: Check | None = None,
    ) -> None:
        super().__init__(wanted, keys, build, check=check)
        self.one_of = tuple(one_of)

    def fields(self, value: dict[object, object], path: str, reading: Reading) -> Fields:
        given = [name for name in self.one_of if name in value]
        if len(given) > 1:
            reading.add(path, Code.CONTRADICTION, f"give {' or '.join(given)}, not both")
        elif not given:
            reading.add(path, Code.REQUIRED, f"give one of {', '.join(self.one_of)}")
        return super().fields(value, path, reading)

    def schema(self) -> Schema:
        return {**super().schema(), "oneOf": [{"required": [name]} for name in self.one_of]}


def _one_expiry(fields: Fields, path: str, reading: Reading) -> None:
    if sum(value is not None for value in fields.values()) > 1:
        reading.add(path, Code.CONTRADICTION, "give one of days, date, end_of_month, end_of_year")


EXPIRY: MappingOf[Expiry] = MappingOf(
    "expires",
    [
        Key("days", Whole("a number of days", 0, EXPIRY_DAYS_MAX)),
        Key("date", Moment(time_allowed=False)),
        Key("end_of_month", Whole("a number of months", 0, EXPIRY_MONTHS_MAX)),
        Key("end_of_year", Whole("a number of years", 0, EXPIRY_YEARS_MAX)),
    ],
    lambda fields, path: Expiry(
        fields["days"], fields["date"] and fields["date"][0], fields["end_of_month"], fields["end_of_year"]
    ),
    check=_one_expiry,
    some=True,
)
