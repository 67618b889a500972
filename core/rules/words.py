"""The words a document may choose among; their numbers are those of ruleset images and must not change."""

from __future__ import annotations

from enum import IntEnum


class Stage(IntEnum):
    """Lanes of the calculation; numbers are those of altyn.pos.v1.Stage."""

    PRICE = 1
    ITEM = 2
    SET = 3
    RECEIPT = 4
    COUPON = 5
    CARD = 6
    EXTERNAL = 7
    CAP = 8
    POINTS = 9
    ROUNDING = 10
    ACCRUAL = 11
    MESSAGE = 12
    RATE = 13  # looked at with what it multiplies


class GroupMode(IntEnum):
    CASCADE = 0
    BEST = 1
    ADD = 2
    FIRST = 3
    MIN = 4
    OPTIMAL = 5


class GroupScope(IntEnum):
    RECEIPT = 0
    LINE = 1


class SumBase(IntEnum):
    GROSS = 0
    STAGE_ENTRY = 1
    RUNNING = 2
    NET = 3


class CountBy(IntEnum):
    UNITS = 0
    WEIGHT = 1


class PurchaseCount(IntEnum):
    """What earlier purchases are counted in."""

    RECEIPTS = 0
    UNITS = 1
    WEIGHT = 2


class PurchaseWindow(IntEnum):
    """Which business dates count; calendar windows have the numbers of LimitWindow."""

    DAYS = 1
    WEEK = 2
    MONTH = 3
    YEAR = 4
    ALWAYS = 5


class AccumulationMeasure(IntEnum):
    """What is made of earlier receipts."""

    RECEIPTS = 0
    UNITS = 1  # thousandths
    WEIGHT = 2  # thousandths
    SUM = 3  # minor units
    FIRST_USE = 4  # a business date: of the first receipt in which a promotion gave something
    REACHED = 5  # a business date: of the receipt with which the sum was reached


class AmountSpread(IntEnum):
    UNIT = 0
    LINE = 1
    RECEIPT = 2


class DiscountBy(IntEnum):
    """What the number of a set reward or of a rung is."""

    PERCENT = 0  # millionths
    AMOUNT = 1  # minor units off
    PRICE = 2  # minor units left to pay


class FreeUnits(IntEnum):
    BLOCK_CHEAPEST = 0
    GLOBAL_CHEAPEST = 1


class Allocate(IntEnum):
    SPREAD = 0
    ON_FREE = 1


class BlockUnit(IntEnum):
    UNITS = 0
    LINES = 1


class AllocateTo(IntEnum):
    ALL = 0
    TARGETS = 1


class AfterLast(IntEnum):
    CLAMP = 0
    REPEAT = 1


class UnitOrder(IntEnum):
    PRICE_DESC = 0
    PRICE_ASC = 1
    SCAN = 2


class Channel(IntEnum):
    """Where a message is shown; numbers are those of altyn.pos.v1.Channel."""

    SLIP = 1
    CASHIER = 2
    CUSTOMER_DISPLAY = 3


class ExclusiveOver(IntEnum):
    STAGE = 1
    ALL = 2


class OnReturn(IntEnum):
    """What a return does to what a promotion gave; numbers are those of altyn.journal.v1.ReturnPolicy."""

    KEEP = 0
    READJUDICATE = 1
    FORBID_PARTIAL = 2


class ExclusiveScope(IntEnum):
    UNIT = 0
    RECEIPT = 1


class LimitMeasure(IntEnum):
    """Numbers are those of altyn.journal.v1.LimitMeasure."""

    TIMES = 1
    AMOUNT = 2
    QUANTITY = 3
    POINTS = 4


class LimitPer(IntEnum):
    """Numbers are those of altyn.journal.v1.LimitPer; RECEIPT needs no counter."""

    RECEIPT = 0
    CUSTOMER = 1
    CARD = 2
    PROMOTION = 3


class LimitWindow(IntEnum):
    """Numbers are those of altyn.journal.v1.LimitWindow; NONE stands with `per: receipt` only."""

    NONE = 0
    DAY = 1
    WEEK = 2
    MONTH = 3
    YEAR = 4
    ALWAYS = 5


class OnShort(IntEnum):
    PARTIAL = 0
    SKIP = 1
