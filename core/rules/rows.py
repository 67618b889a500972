"""Rows of conditions and product sets, with everything they share: texts, symbols, lists.

Decides when two things are one: equal texts, symbols, paths, lists and product sets are written once. Invariant: a
row refers only to rows that exist when the image is complete. Must never sort what a document ordered, except lists
of symbols.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from altyn.core.rules.accumulations import ACCUMULATION_ROW, Accumulation
from altyn.core.rules.condition import (
    THIS,
    AllOf,
    AnyOf,
    Attribute,
    Balance,
    Birthday,
    Choice,
    Condition,
    CouponIs,
    CustomerIs,
    Historic,
    NoneOf,
    PaymentIs,
    Personal,
    ProductSet,
    PurchaseNumber,
    Purchases,
    Quantity,
    ReceiptSum,
    RegisterIs,
    Schedule,
    SeriesIs,
    StoreIs,
    Turnover,
)
from altyn.core.rules.gate import ATTRIBUTE, COLUMNS, COUPON, FAVOURITES, GRANT, SERIES, SYMBOL_KINDS
from altyn.core.rules.words import AccumulationMeasure, PurchaseCount, SumBase

CONDITION_ROW = struct.Struct("<4i2q6iq")
SET_ROW = struct.Struct("<8i2q2iIi")
SCHEDULE_ROW = struct.Struct("<4q2i2I")

NO_NUMBER = -(1 << 63)
NO_LIST = (-1, -1)
ONE = -2
DEPTH_MAX = 8
TEXT_BYTES_MAX = 255
ALL_GOODS, HAS_PRICE, HAS_EXCEPTED, ONLY_COLUMN, HAS_ATTRIBUTES = 1, 2, 4, 8, 16
NO_COLUMN = 4
PURCHASES_IS, TURNOVER_IS, PURCHASE_NUMBER_IS, VALIDITY_IS = 16, 17, 18, 19
STORE_KINDS = tuple(SYMBOL_KINDS[f"store.{name}"] for name in ("id", "region", "format", "cluster"))
COUNTED_AS = {
    PurchaseCount.RECEIPTS: AccumulationMeasure.RECEIPTS,
    PurchaseCount.UNITS: AccumulationMeasure.UNITS,
    PurchaseCount.WEIGHT: AccumulationMeasure.WEIGHT,
}
NESTED_KINDS: dict[type, int] = {AllOf: 0, AnyOf: 1, NoneOf: 2}


def first_column(columns: list[tuple[int, int]]) -> int:
    """The given column with the fewest symbols."""
    given = [(place, begin, end) for place, (begin, end) in enumerate(columns) if (begin, end) != NO_LIST]
    return min(((1 if end == ONE else end - begin, place) for place, begin, end in given), default=(0, NO_COLUMN))[1]


class ImageError(ValueError):
    """A value that no image can hold."""

    def __init__(self, path: str, code: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.code = code
        self.message = message


class RowWriter:
    """Collects rows. `assets` are the numbers of all known assets. `owner` and `knows_net` are of the document being
    written, `names_coupon`, `reads_balance` and `reads_birthday` are set while its conditions are."""

    def __init__(self, assets: Mapping[str, int]) -> None:
        self.assets = assets
        self.texts = bytearray()
        self.text_places: dict[bytes, tuple[int, int]] = {}
        self.symbols: dict[tuple[int, bytes], int] = {}
        self.path_numbers: dict[str, int] = {}
        self.path_places: list[tuple[int, int]] = []
        self.conditions: list[bytes] = []
        self.sets: list[bytes] = [SET_ROW.pack(*NO_LIST * 4, NO_NUMBER, NO_NUMBER, *NO_LIST, ALL_GOODS, NO_COLUMN)]
        self.set_numbers: dict[object, int] = {}
        self.lists: list[int] = []
        self.list_places: dict[tuple[int, ...], tuple[int, int]] = {}
        self.schedules: list[bytes] = []
        self.postings: dict[int, list[int]] = {}
        self.always: list[int] = []
        self.bases = 0
        self.reads_card = False
        self.owner = ""
        self.knows_net = False
        self.names_coupon = False
        self.reads_balance = False
        self.reads_birthday = False
        self.balances: set[str] = set()
        self.accumulations: list[bytes] = []
        self.accumulation_numbers: dict[str, int] = {}
        # Promotions whose first use is asked for: where it is asked, and which.
        self.first_uses: list[tuple[str, str]] = []

    def text(self, text: str | bytes) -> tuple[int, int]:
        spelled = text if isinstance(text, bytes) else text.encode()
        place = self.text_places.get(spelled)
        if place is None:
            place = self.text_places[spelled] = (len(self.texts), len(spelled))
            self.texts += spelled
        return place

    def symbol(self, kind: int, text: str) -> int:
        spelled = text.encode()
        if len(spelled) > TEXT_BYTES_MAX:
            message = f"a name of {len(spelled)} bytes, at most {TEXT_BYTES_MAX}"
            raise ImageError(f"{self.owner}:", "TEXT_TOO_LONG", message)
        return self.symbols.setdefault((kind, spelled), len(self.symbols) + 1)

    def path(self, path: str) -> int:
        number = self.path_numbers.get(path)
        if number is None:
            number = self.path_numbers[path] = len(self.path_places)
            self.path_places.append(self.text(path))
        return number

    def numbers(self, numbers: tuple[int, ...]) -> tuple[int, int]:
        place = self.list_places.get(numbers)
        if place is None:
            place = self.list_places[numbers] = (len(self.lists), len(self.lists) + len(numbers))
            self.lists.extend(numbers)
        return place

    def any_of(self, kind: int, texts: tuple[str, ...]) -> tuple[int, int]:
        """A sorted list of symbols; a single one is written in place."""
        if len(texts) == 1:
            return self.symbol(kind, texts[0]), ONE
        return self.numbers(tuple(sorted({self.symbol(kind, text) for text in texts})))

    def products(self, products: ProductSet, depth: int = 0) -> int:
        if products.is_all:
            return 0
        key = set_key(products, self.owner)
        number = self.set_numbers.get(key)
        if number is not None:
            return number
        if depth > DEPTH_MAX:
            message = f"except is nested deeper than {DEPTH_MAX}"
            raise ImageError(f"{self.owner}:", "TOO_DEEP", message)
        columns = [NO_LIST] * 4
        wanted: list[int] = []
        for member, texts in products.members.items():
            if isinstance(member, Attribute):
                columns[COLUMNS[member]] = self.any_of(COLUMNS[member], texts)
            else:
                wanted += self.any_of(ATTRIBUTE, tuple(f"{member}={text}" for text in texts))
        if products.favourite:
            wanted += self.any_of(ATTRIBUTE, (FAVOURITES,))
        if products.personal:
            wanted += self.any_of(GRANT, (self.owner,))
        low = NO_NUMBER if products.price_from_minor is None else products.price_from_minor
        high = (1 << 63) - 1 if products.price_to_minor is None else products.price_to_minor
        priced = products.price_from_minor is not None or products.price_to_minor is not None
        left_out = tuple(self.products(child, depth + 1) for child in products.excepted)
        excepted = NO_LIST
        if wanted:
            begin, _ = self.numbers((*left_out, len(wanted) // 2, *wanted))
            excepted = begin, begin + len(left_out)
        elif left_out:
            excepted = self.numbers(left_out)
        flags = (HAS_PRICE if priced else 0) | (HAS_EXCEPTED if left_out else 0) | (HAS_ATTRIBUTES if wanted else 0)
        first = first_column(columns)
        if first != NO_COLUMN and flags == 0 and columns.count(NO_LIST) == len(columns) - 1:
            flags = ONLY_COLUMN
        flat = [number for column in columns for number in column]
        self.sets.append(SET_ROW.pack(*flat, low, high, *excepted, flags, first))
        number = self.set_numbers[key] = len(self.sets) - 1
        return number

    def condition(self, condition: Condition, depth: int = 0) -> int:
        """Write a condition with all below it; the number of its root."""
        if depth > DEPTH_MAX:
            message = f"conditions are nested deeper than {DEPTH_MAX}"
            raise ImageError(f"{self.owner}:{condition.path}", "TOO_DEEP", message)
        number = len(self.conditions)
        if isinstance(condition, AllOf | AnyOf | NoneOf):
            self.conditions.append(b"")
            for child in condition.conditions:
                self.condition(child, depth + 1)
            self.conditions[number] = self.row(number, NESTED_KINDS[type(condition)], condition.path)
        elif isinstance(condition, Schedule):
            self.conditions.append(self.row(number, 3, condition.path, self.schedule(condition)))
        elif isinstance(condition, StoreIs):
            kind = SYMBOL_KINDS[f"store.{condition.attribute}"]
            self.conditions.append(self.row(number, 4, condition.path, kind, choice=(kind, condition.choice)))
        elif isinstance(condition, CustomerIs):
            self.conditions.append(self.customer(number, condition))
        elif isinstance(condition, CouponIs):
            self.names_coupon = True
            self.conditions.append(self.row(number, 7, condition.path, self.symbol(COUPON, condition.code)))
        elif isinstance(condition, SeriesIs):
            self.names_coupon = True
            self.conditions.append(self.row(number, 10, condition.path, self.symbol(SERIES, condition.series)))
        elif isinstance(condition, Birthday):
            self.reads_birthday = True
            self.conditions.append(self.row(number, 14, condition.path, 0, -condition.before, condition.after + 1))
        elif isinstance(condition, Personal):
            self.conditions.append(self.row(number, 15, condition.path, self.symbol(GRANT, self.owner)))
        elif isinstance(condition, Balance):
            self.reads_balance = True
            self.balances.add(condition.asset)
            asset, low, high = self.assets[condition.asset], condition.from_points, condition.below_points
            self.conditions.append(self.row(number, 11, condition.path, asset, low, high))
        elif isinstance(condition, PaymentIs):
            types = sum(1 << number for number in condition.types)
            self.conditions.append(self.row(number, 12, condition.path, types, condition.from_ppm))
        elif isinstance(condition, RegisterIs):
            kind = SYMBOL_KINDS[f"register.{condition.attribute}"]
            self.conditions.append(self.row(number, 13, condition.path, kind, choice=(kind, condition.choice)))
        elif isinstance(condition, Historic):
            self.conditions.append(self.historic(number, condition))
        else:
            self.conditions.append(self.threshold(number, condition))
        return number

    def row(
        self,
        number: int,
        kind: int,
        path: str,
        subject: int = 0,
        low: int | None = None,
        high: int | None = None,
        choice: tuple[int, Choice | None] = (0, None),
        option: int = 0,
        numbers: tuple[int, ...] = (),
    ) -> bytes:
        end = max(len(self.conditions), number + 1)
        any_of, none_of = self.numbers(numbers) if numbers else NO_LIST, NO_LIST
        of_kind, wanted = choice
        if wanted is not None:
            any_of = NO_LIST if wanted.any_of is None else self.any_of(of_kind, wanted.any_of)
            none_of = self.any_of(of_kind, wanted.none_of) if wanted.none_of else NO_LIST
        lowest = NO_NUMBER if low is None else low
        highest = NO_NUMBER if high is None else high
        return CONDITION_ROW.pack(kind, end, self.path(path), subject, lowest, highest, *any_of, *none_of, option, 0, 0)

    def customer(self, number: int, condition: CustomerIs) -> bytes:
        self.reads_card = True
        if condition.attribute == "has_card":
            return self.row(number, 6, condition.path, int(bool(condition.flag)))
        kind = SYMBOL_KINDS[f"customer.{condition.attribute}"]
        return self.row(number, 5, condition.path, kind, choice=(kind, condition.choice))

    def threshold(self, number: int, condition: ReceiptSum | Quantity) -> bytes:
        of = self.products(condition.of)
        if isinstance(condition, Quantity):
            low, high = condition.from_milli, condition.below_milli
            return self.row(number, 9, condition.path, of, low, high, option=condition.count_by)
        self.base(condition.base, condition.path)
        low, high = condition.from_minor, condition.below_minor
        return self.row(number, 8, condition.path, of, low, high, option=condition.base)

    def historic(self, number: int, condition: Historic) -> bytes:
        """A condition on earlier purchases; its subject is an accumulation."""
        path, earlier = condition.path, condition.earlier
        if isinstance(condition, Purchases):
            subject = self.accumulation(Accumulation(COUNTED_AS[condition.count_by], earlier))
            edges = condition.from_milli, condition.below_milli
            return self.row(number, PURCHASES_IS, path, subject, *edges, option=condition.count_by)
        if isinstance(condition, Turnover):
            subject = self.accumulation(Accumulation(AccumulationMeasure.SUM, earlier))
            edges = condition.from_minor, condition.below_minor
            return self.row(number, TURNOVER_IS, path, subject, *edges, option=int(condition.include_current))
        if isinstance(condition, PurchaseNumber):
            subject = self.accumulation(Accumulation(AccumulationMeasure.RECEIPTS, earlier))
            return self.row(number, PURCHASE_NUMBER_IS, path, subject, condition.every, numbers=condition.numbers)
        if condition.first_use is None:
            made = Accumulation(AccumulationMeasure.REACHED, earlier, sum_minor=condition.reached_minor or 0)
        else:
            used = self.owner if condition.first_use == THIS else condition.first_use
            self.first_uses.append((f"{self.owner}:{path}.after.first_use", used))
            made = Accumulation(AccumulationMeasure.FIRST_USE, earlier, promotion=used)
        starts = int(condition.first_use == THIS)
        return self.row(number, VALIDITY_IS, path, self.accumulation(made), 0, condition.days, option=starts)

    def accumulation(self, made: Accumulation) -> int:
        """Its number; what is measured alike is one accumulation."""
        number = self.accumulation_numbers.setdefault(made.name, len(self.accumulations))
        if number < len(self.accumulations):
            return number
        stores: list[int] = []
        at = dict(made.earlier.at)
        for name, kind in zip(("id", "region", "format", "cluster"), STORE_KINDS, strict=True):
            choice = at.get(name, Choice())
            stores += NO_LIST if choice.any_of is None else self.any_of(kind, choice.any_of)
            stores += self.any_of(kind, choice.none_of) if choice.none_of else NO_LIST
        earlier = made.earlier
        row = (made.measure, earlier.window, earlier.days, self.products(earlier.of), int(earlier.same_store))
        self.accumulations.append(ACCUMULATION_ROW.pack(made.sum_minor, *row, *stores, *self.text(made.promotion), 0))
        return number

    def base(self, base: SumBase, path: str) -> int:
        """Note that a base is read; raises ImageError where it is not known yet."""
        if base == SumBase.NET and not self.knows_net:
            message = "base NET is known only after the discounts: rules of stage accrual"
            raise ImageError(f"{self.owner}:{path}", "BASE_NOT_AVAILABLE", message)
        self.bases |= 1 << base
        return base

    def schedule(self, schedule: Schedule) -> int:
        moments = (schedule.from_wall_us, schedule.to_wall_us, schedule.from_date, schedule.to_date)
        flat = tuple(minute for window in schedule.windows for minute in window)
        self.schedules.append(
            SCHEDULE_ROW.pack(
                *(NO_NUMBER if moment is None else moment for moment in moments),
                *(self.numbers(flat) if flat else (0, 0)),
                sum(1 << day for day in set(schedule.weekdays)),
                sum(1 << day for day in set(schedule.days_of_month)),
            )
        )
        return len(self.schedules) - 1


def set_key(products: ProductSet, owner: str) -> object:
    """Equal for product sets that are written alike, and of one promotion where grants are asked for."""
    return (
        # A value of Attribute is no name an attribute of the catalogue is told apart by: it keeps its type.
        tuple(products.members.items()),
        products.price_from_minor,
        products.price_to_minor,
        tuple(set_key(child, owner) for child in products.excepted),
        products.favourite,
        products.personal and owner,
    )
