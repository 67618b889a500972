"""Product sets and choices of values: `of`, `except`, and the attributes of stores and customers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from altyn.core.rules.condition import ALL_GOODS, Attribute, Choice, Member, ProductSet
from altyn.core.rules.read.forms import Decimal, Fields, Form, Key, ListOf, MappingOf, Named, Schema, Text, UniqueOf
from altyn.core.rules.read.problems import Code, Reading, shown

VALUES_MAX = 10_000
ATTRIBUTES_MAX = 16  # of a product
ATTRIBUTE_BYTES_MAX = 64
EXCEPT_MAX = 64
EXCEPT_DEPTH_MAX = 8
# A receipt is below 2**53 kopecks (semantics §6.1.7), so no amount needs to be larger.
AMOUNT_MAX = 2**53 - 1


def amount(wanted: str, least: int = 0) -> Decimal:
    """Money in minor units."""
    return Decimal(wanted, 2, least, AMOUNT_MAX)


def rate(wanted: str, most_percent: int) -> Decimal:
    """Percent with up to four digits after the point → millionths."""
    return Decimal(wanted, 4, 1, most_percent * 10_000)


def _check_price(fields: Fields, path: str, reading: Reading) -> None:
    low, high = fields["from"], fields["to"]
    if low is not None and high is not None and low > high:
        reading.add(path, Code.CONTRADICTION, "from is above to: no price is inside")


UNIT_PRICE: MappingOf[tuple[int | None, int | None]] = MappingOf(
    "unit_price",
    [Key("from", amount("a price")), Key("to", amount("a price"))],
    lambda fields, path: (fields["from"], fields["to"]),
    check=_check_price,
    some=True,
)


class _Attributes(Form[Mapping[str, tuple[str, ...]]]):
    """Names of attributes of the catalogue, each with a value or a list of values."""

    NAME = re.compile("[a-z0-9_-]{1,64}")

    def __init__(self) -> None:
        self.values = UniqueOf(Text("an attribute's value", bytes_max=ATTRIBUTE_BYTES_MAX), "values", VALUES_MAX)

    def read(self, value: object, path: str, reading: Reading) -> Mapping[str, tuple[str, ...]] | None:
        if not isinstance(value, dict):
            reading.add(path, Code.WRONG_TYPE, "attributes stand by name: {colour: red}")
            return None
        if not value:
            reading.add(path, Code.EMPTY, "attribute is empty: name one, as in {colour: red}, or leave the key out")
            return None
        if len(value) > ATTRIBUTES_MAX:
            reading.add(path, Code.TOO_LARGE, f"{len(value)} attributes; a product has at most {ATTRIBUTES_MAX}")
            return None
        before = reading.count
        made: dict[str, tuple[str, ...]] = {}
        for name, values in value.items():
            here = f"{path}.{shown(name)}"
            if not isinstance(name, str) or not self.NAME.fullmatch(name):
                reading.add(here, Code.BAD_FORMAT, "an attribute's name is 1 to 64 of a-z, 0-9, _ and -")
            elif (read := self.values.read(values, here, reading)) is not None:
                made[name] = read
        return None if reading.count > before else dict(sorted(made.items()))

    def schema(self) -> Schema:
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^{self.NAME.pattern}$"},
            "additionalProperties": self.values.schema(),
            "minProperties": 1,
            "maxProperties": ATTRIBUTES_MAX,
        }


class Only(Form[bool]):
    """`true`: what it means to leave the key out needs no word."""

    def read(self, value: object, path: str, reading: Reading) -> bool | None:
        if value is True:
            return True
        reading.add(path, Code.WRONG_TYPE, f"write true, or leave the key out, not {shown(value)!r}")
        return None

    def schema(self) -> Schema:
        return {"type": "boolean", "enum": [True]}


class _Excepted(Form[tuple[ProductSet, ...]]):
    """A product set or a list of them; depth is bounded before going deeper."""

    def __init__(self) -> None:
        self.sets = ListOf(_SELF, "product sets", EXCEPT_MAX)

    def read(self, value: object, path: str, reading: Reading) -> tuple[ProductSet, ...] | None:
        if path.count(".except") > EXCEPT_DEPTH_MAX:
            reading.add(path, Code.TOO_DEEP, f"except stands at most {EXCEPT_DEPTH_MAX} deep")
            return None
        return self.sets.read(value, path, reading)

    def schema(self) -> Schema:
        return self.sets.schema()


def _check_set(fields: Fields, path: str, reading: Reading) -> None:
    for excepted in fields["except"] or ():
        if excepted.is_all or _covers(excepted, fields):
            reading.add(f"{path}.except", Code.CONTRADICTION, "everything is left out: nothing remains in the set")
            return


def _covers(excepted: ProductSet, fields: Fields) -> bool:
    """True when what is left out surely holds the whole set: one attribute, all values of which are left out."""
    if excepted.excepted or excepted.price_from_minor is not None or excepted.price_to_minor is not None:
        return False
    if (excepted.favourite and not fields["favourite"]) or (excepted.personal and not fields["personal"]):
        return False
    mine = _members(fields)
    return all(member in mine and set(mine[member]) <= set(values) for member, values in excepted.members.items())


def _members(fields: Fields) -> dict[Member, tuple[str, ...]]:
    members: dict[Member, tuple[str, ...]] = {
        attribute: fields[attribute.value] for attribute in Attribute if fields[attribute.value]
    }
    return {**members, **(fields["attribute"] or {})}


def _set_of(fields: Fields, path: str) -> ProductSet:
    low, high = fields["unit_price"]
    return ProductSet(_members(fields), low, high, fields["except"], fields["favourite"], fields["personal"])


_SELF: Form[ProductSet] = Named("product_set", lambda: PRODUCT_SET)
PRODUCT_SET: MappingOf[ProductSet] = MappingOf(
    "a product set",
    [
        *(Key(a.value, UniqueOf(Text(f"a {a.value}"), "values", VALUES_MAX)) for a in Attribute),
        Key("attribute", _Attributes(), title="attributes of the catalogue, by name"),
        Key("favourite", Only(), False, title="of the customer's favourite categories"),
        Key("personal", Only(), False, title="goods granted to the customer in this promotion"),
        Key("unit_price", UNIT_PRICE, (None, None)),
        Key("except", _Excepted(), ()),
    ],
    _set_of,
    check=_check_set,
)

EXCEPTED: Form[tuple[ProductSet, ...]] = _Excepted()
OF = Key("of", _SELF, ALL_GOODS, title="a product set; all goods when left out")


class ChoiceOf(Form[Choice]):
    """A value, a list of values, or ``{any_of: […]}`` / ``{none_of: […]}``."""

    def __init__(self, form: Form[str]) -> None:
        self.values = UniqueOf(form, "values", VALUES_MAX)
        self.mapping: MappingOf[Choice] = MappingOf(
            "a choice",
            [Key("any_of", self.values), Key("none_of", self.values, ())],
            lambda fields, path: Choice(fields["any_of"], fields["none_of"]),
            check=self._check,
            some=True,
        )

    def read(self, value: object, path: str, reading: Reading) -> Choice | None:
        if isinstance(value, dict):
            return self.mapping.read(value, path, reading)
        values = self.values.read(value, path, reading)
        return None if values is None else Choice(values)

    def schema(self) -> Schema:
        return {"anyOf": [*self.values.schema()["anyOf"], self.mapping.schema()]}

    @staticmethod
    def _check(fields: Fields, path: str, reading: Reading) -> None:
        if fields["any_of"] and fields["none_of"] and set(fields["any_of"]) <= set(fields["none_of"]):
            reading.add(path, Code.CONTRADICTION, "none_of leaves out every value of any_of: nothing can match")
