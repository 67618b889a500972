"""Set rewards: multi_buy, bundle, buy_get, ladder."""

from __future__ import annotations

from altyn.core.rules.condition import ProductSet
from altyn.core.rules.promotion import Bundle, BundlePart, BuyGet, Ladder, MultiBuy, Reward, SetDiscount
from altyn.core.rules.read.forms import Decimal, Fields, Flag, Form, Key, ListOf, MappingOf, Schema, Whole, Word
from altyn.core.rules.read.problems import Code, Reading
from altyn.core.rules.read.products import AMOUNT_MAX, OF, amount, rate
from altyn.core.rules.read.shared import OneOf
from altyn.core.rules.words import AfterLast, Allocate, AllocateTo, BlockUnit, DiscountBy, FreeUnits, UnitOrder

TAKE_MAX = 100
PART_QUANTITY_MAX = 1_000
PARTS_MAX = 16
RUNGS_MAX = 100
APPLICATIONS_MAX = 10_000
PERCENT_MAX = 1_000_000

MAX_APPLICATIONS = Key("max_applications", Whole("a number of applications", 1, APPLICATIONS_MAX))
SHARE_UNITS = Key("share_units", Flag(), False, title="takes units that other set promotions used, too")
DISCOUNTS = {"percent": DiscountBy.PERCENT, "amount": DiscountBy.AMOUNT, "price": DiscountBy.PRICE}


def _discount_keys() -> list[Key]:
    return [
        Key("percent", rate("a rate in percent", 100)),
        Key("amount", amount("an amount", 1)),
        Key("price", amount("a price")),
    ]


def _discount(fields: Fields) -> SetDiscount:
    return next(SetDiscount(by, fields[name]) for name, by in DISCOUNTS.items() if fields[name] is not None)


def _check_multi_buy(fields: Fields, path: str, reading: Reading) -> None:
    if fields["take"] is not None and fields["pay"] is not None and fields["pay"] >= fields["take"]:
        reading.add(f"{path}.pay", Code.CONTRADICTION, "fewer units are paid than taken: pay is below take")


MULTI_BUY: MappingOf[Reward] = MappingOf(
    "multi_buy",
    [
        Key("take", Whole("a number of units", 2, TAKE_MAX), required=True, title="units of a block"),
        Key("pay", Whole("a number of units", 1, TAKE_MAX - 1), required=True, title="units of a block that are paid"),
        OF,
        Key("free", Word({free.name: free for free in FreeUnits}), FreeUnits.BLOCK_CHEAPEST),
        Key("allocate", Word({where.name: where for where in Allocate}), Allocate.SPREAD),
        Key("count_by", Word({by.name: by for by in BlockUnit}), BlockUnit.UNITS),
        MAX_APPLICATIONS,
        SHARE_UNITS,
    ],
    lambda fields, path: MultiBuy(
        path,
        fields["take"],
        fields["pay"],
        fields["of"],
        fields["free"],
        fields["allocate"],
        fields["count_by"],
        fields["max_applications"],
        fields["share_units"],
    ),
    check=_check_multi_buy,
)

PART: MappingOf[BundlePart] = MappingOf(
    "a part",
    [
        Key("quantity", Whole("a number of units", 1, PART_QUANTITY_MAX), 1),
        OF,
        Key("target", Flag(), False, title="gets the discount with allocate_to: TARGETS"),
    ],
    lambda fields, path: BundlePart(fields["quantity"], fields["of"], fields["target"]),
)


class _Parts(ListOf[BundlePart]):
    """At least two parts."""

    def read(self, value: object, path: str, reading: Reading) -> tuple[BundlePart, ...] | None:
        parts = super().read(value, path, reading)
        if parts is not None and len(parts) < 2:
            reading.add(path, Code.EMPTY, "a bundle has at least two parts: of one there is multi_buy")
            return None
        return parts

    def schema(self) -> Schema:
        return {**super().schema(), "minItems": 2}


def _check_bundle(fields: Fields, path: str, reading: Reading) -> None:
    targets = any(part.target for part in fields["parts"] or ())
    if fields["parts"] is not None and fields["allocate_to"] is AllocateTo.TARGETS and not targets:
        reading.add(f"{path}.parts", Code.CONTRADICTION, "allocate_to: TARGETS, and no part has target: true")


BUNDLE: OneOf[Reward] = OneOf(
    "bundle",
    [
        Key("parts", _Parts(PART, "parts", PARTS_MAX, single=False), required=True),
        *_discount_keys(),
        Key("allocate_to", Word({to.name: to for to in AllocateTo}), AllocateTo.ALL),
        MAX_APPLICATIONS,
        SHARE_UNITS,
    ],
    lambda fields, path: Bundle(
        path,
        fields["parts"],
        _discount(fields),
        fields["allocate_to"],
        fields["max_applications"],
        fields["share_units"],
    ),
    one_of=tuple(DISCOUNTS),
    check=_check_bundle,
)


class _QuantityOrAll(Form[int]):
    """A number of units, or ALL, which is 0 here."""

    FORM = Whole("a number of units or ALL", 1, PART_QUANTITY_MAX)

    def read(self, value: object, path: str, reading: Reading) -> int | None:
        return 0 if value == "ALL" else self.FORM.read(value, path, reading)

    def schema(self) -> Schema:
        return {"anyOf": [{"enum": ["ALL"]}, self.FORM.schema()]}


def _side(wanted: str, quantity: Form[int]) -> MappingOf[tuple[int, ProductSet]]:
    return MappingOf(
        wanted, [Key("quantity", quantity, 1), OF], lambda fields, path: (fields["quantity"], fields["of"])
    )


BUY_GET: OneOf[Reward] = OneOf(
    "buy_get",
    [
        Key("buy", _side("buy", Whole("a number of units", 1, PART_QUANTITY_MAX)), required=True),
        Key("get", _side("get", _QuantityOrAll()), required=True),
        *_discount_keys(),
        Key("reusable_qualifiers", Flag(), False),
        MAX_APPLICATIONS,
        SHARE_UNITS,
    ],
    lambda fields, path: BuyGet(
        path,
        fields["buy"][0],
        fields["buy"][1],
        fields["get"][0] or None,
        fields["get"][1],
        _discount(fields),
        fields["reusable_qualifiers"],
        fields["max_applications"],
        fields["share_units"],
    ),
    one_of=tuple(DISCOUNTS),
)


class _LadderForm(MappingOf[Reward]):
    """A rung is a percent of up to four digits after the point, or money of two."""

    def fields(self, value: dict[object, object], path: str, reading: Reading) -> Fields:
        fields = super().fields(value, path, reading)
        by, rungs = fields["by"], fields["rungs"]
        if rungs is None or by is None:
            return fields
        made = []
        for number, rung in enumerate(rungs):
            here = f"{path}.rungs[{number}]"
            if by is DiscountBy.PERCENT:
                if rung > PERCENT_MAX:
                    reading.add(here, Code.OUT_OF_RANGE, "a rate in percent is from 0 to 100")
                made.append(rung)
                continue
            text = str(rung).rjust(3, "0")
            if not text.endswith("00"):
                reading.add(here, Code.TOO_PRECISE, "an amount has at most 2 digits after the point")
            made.append(int(text[:-2]))
        fields["rungs"] = tuple(made)
        if by is not DiscountBy.PRICE and not any(made):
            reading.add(f"{path}.rungs", Code.CONTRADICTION, "every rung is 0: nothing is given")
        return fields


RUNGS = ListOf(Decimal("a rung", 4, 0, AMOUNT_MAX), "rungs", RUNGS_MAX, single=False)
LADDER = _LadderForm(
    "ladder",
    [
        Key("rungs", RUNGS, required=True, title="the first unit gets the first rung, and so on"),
        Key("by", Word(DISCOUNTS), DiscountBy.PERCENT),
        OF,
        Key("after_last", Word({after.name: after for after in AfterLast}), AfterLast.CLAMP),
        Key("order", Word({order.name: order for order in UnitOrder}), UnitOrder.PRICE_DESC),
        SHARE_UNITS,
    ],
    lambda fields, path: Ladder(
        path,
        fields["rungs"],
        fields["by"],
        fields["of"],
        fields["after_last"],
        fields["order"],
        fields["share_units"],
    ),
)
