"""Rows of rules with the tables beside them: set rewards, tiers, limits, what is said.

Decides which number of a reward stands where in the image. Invariant: a row refers to rows of the tables that are
written here or by `RowWriter`. Must never decide an order: rules are written as they come.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from altyn.core.rules.condition import Condition, ProductSet
from altyn.core.rules.promotion import (
    Amount,
    Asset,
    Bundle,
    BuyGet,
    Cap,
    Expiry,
    FixedPrice,
    Gift,
    IssueCoupon,
    Ladder,
    Message,
    MultiBuy,
    Notice,
    PaymentRule,
    Percent,
    Points,
    Promotion,
    RateMultiplier,
    Reward,
    Rounding,
    Tiers,
    UsageLimit,
    is_progressive,
)
from altyn.core.rules.rates import Factor
from altyn.core.rules.rows import ImageError, RowWriter
from altyn.core.rules.words import (
    AfterLast,
    Allocate,
    AllocateTo,
    AmountSpread,
    BlockUnit,
    ExclusiveOver,
    ExclusiveScope,
    FreeUnits,
    OnReturn,
    Stage,
)

RULE_ROW = struct.Struct("<4iqiI8i")
SET_REWARD_ROW = struct.Struct("<q5iI4i")
PART_ROW = struct.Struct("<4i")
TIER_ROW = struct.Struct("<4i")
LIMIT_ROW = struct.Struct("<q8i")
CAP_ROW = struct.Struct("<2qiI2i")
PAYMENT_ROW = struct.Struct("<6q3iI3iI")
SPEECH_ROW = struct.Struct("<6i")
MESSAGE_ROW = struct.Struct("<6i")
TRANSLATION_ROW = struct.Struct("<4i")
ISSUE_ROW = struct.Struct("<4i")
ROUNDING_ROW = struct.Struct("<q4i")
MULTIPLIER_ROW = struct.Struct("<q6i")
GIFT_ROW = struct.Struct("<6i")

PERCENT, POINTS_PERCENT, POINTS_FIXED, FIXED_PRICE = 0, 4, 5, 6
MULTI_BUY, BUNDLE, BUY_GET, LADDER, MESSAGE, ISSUE_COUPON, GIFT, MULTIPLY = 7, 8, 9, 10, 11, 12, 13, 14
AMOUNT_KINDS = {AmountSpread.UNIT: 1, AmountSpread.LINE: 2, AmountSpread.RECEIPT: 3}

ALLOW_FREE, COST_FLOOR, NAMES_COUPON, LINE_RULES, EXCLUSIVE_STAGE, EXCLUSIVE_ALL = 1, 2, 4, 8, 16, 32
EXCLUSIVE_RECEIPT, SKIP_DISCOUNTED, HAS_LIMITS, SPEAKS, HAS_TIERS, READS_BALANCE = 64, 128, 256, 512, 1024, 2048
READS_BIRTHDAY, READJUDICATES, FORBIDS_PARTIAL, NUDGES = 4096, 8192, 16384, 65536
RETURN_FLAGS = {OnReturn.KEEP: 0, OnReturn.READJUDICATE: READJUDICATES, OnReturn.FORBID_PARTIAL: FORBIDS_PARTIAL}
EXCLUDE_POINTS_PAID, SKIP_IF_PAID_WITH_POINTS, PROGRESSIVE = 1, 2, 4
SHARE_UNITS, REUSABLE_QUALIFIERS, COUNT_LINES, GLOBAL_CHEAPEST, ON_FREE = 1, 2, 4, 8, 16
TO_TARGETS, REPEAT_RUNGS = 32, 64
BY_LINE, INCLUDE_POINTS = 1, 2
ANONYMOUS_PAYS = 1

NO_SPAN = (0, 0)
TIMES_ONE = 10_000


class RuleWriter:
    """Collects rules and their tables."""

    def __init__(self, rows: RowWriter) -> None:
        self.rows = rows
        self.assets = rows.assets
        self.rules: list[bytes] = []
        self.set_rewards: list[bytes] = []
        self.parts: list[bytes] = []
        self.numbers: list[int] = []
        self.tiers: list[bytes] = []
        self.limits: list[bytes] = []
        self.caps: list[bytes] = []
        self.payments: list[bytes] = []
        self.speeches: list[bytes] = []
        self.messages: list[bytes] = []
        self.translations: list[bytes] = []
        self.translation_places: dict[tuple[tuple[str, str], ...], tuple[int, int]] = {}
        self.issues: list[bytes] = []
        self.roundings: list[bytes] = []
        self.multipliers: list[bytes] = []
        self.gifts: list[bytes] = []
        # Those of the promotion being written.
        self.acting = NO_SPAN
        self.kinds = 0
        self.flags = 0

    def rule(self, reward: Reward, promotion: int, reward_no: int, stage: Stage) -> None:
        if not isinstance(reward, Notice) and isinstance(reward, Points) != (stage == Stage.ACCRUAL):
            message = "points belong to stage accrual, discounts to the others"
            raise ImageError(f"{self.rows.owner}:{reward.path}", "REWARD_IN_WRONG_STAGE", message)
        if isinstance(reward, Points):
            self._points(reward, promotion, reward_no)
        elif isinstance(reward, Percent):
            progressive = is_progressive(reward)
            kind, flags = (AMOUNT_KINDS[AmountSpread.RECEIPT], PROGRESSIVE) if progressive else (PERCENT, 0)
            tiers = self._tiers(reward.tiers)
            self._row(kind, reward, promotion, reward_no, reward.rate_ppm or 0, flags=flags, tiers=tiers)
        elif isinstance(reward, Amount):
            kind, tiers = AMOUNT_KINDS[reward.spread], self._tiers(reward.tiers)
            self._row(kind, reward, promotion, reward_no, reward.off_minor or 0, tiers=tiers)
        elif isinstance(reward, FixedPrice):
            self._row(FIXED_PRICE, reward, promotion, reward_no, reward.price_minor)
        elif isinstance(reward, RateMultiplier):
            self._row(MULTIPLY, reward, promotion, reward_no, reward.times)
        elif isinstance(reward, Message):
            self._row(MESSAGE, reward, promotion, reward_no, detail=self._message(reward))
        elif isinstance(reward, Gift):
            skus = self.rows.numbers(tuple(self.rows.path(sku) for sku in reward.skus))
            self.gifts.append(GIFT_ROW.pack(*skus, *self._said(reward.text), reward.quantity, 0))
            self._row(GIFT, reward, promotion, reward_no, detail=len(self.gifts) - 1)
        elif isinstance(reward, IssueCoupon):
            self.issues.append(ISSUE_ROW.pack(*self.rows.text(reward.series), *self._said(reward.text)))
            detail, expiry = len(self.issues) - 1, expiry_of(reward.expiry)
            self._row(ISSUE_COUPON, reward, promotion, reward_no, detail=detail, expiry=expiry)
        else:
            kind = {MultiBuy: MULTI_BUY, Bundle: BUNDLE, BuyGet: BUY_GET, Ladder: LADDER}[type(reward)]
            self._row(kind, reward, promotion, reward_no, detail=self._set_reward(reward))

    def _row(
        self,
        kind: int,
        reward: Reward,
        promotion: int,
        reward_no: int,
        value: int = 0,
        *,
        asset: int = -1,
        flags: int = 0,
        active_after_days: int = 0,
        expiry: tuple[int, int] = (0, 0),
        tiers: int = -1,
        detail: int = -1,
    ) -> None:
        targets = 0 if isinstance(reward, Bundle | Notice) else self._targets(reward)
        self.kinds |= 1 << kind
        path = self.rows.path(reward.path)
        self.rules.append(
            RULE_ROW.pack(
                promotion,
                kind,
                targets,
                reward_no,
                value,
                asset,
                flags,
                active_after_days,
                *expiry,
                path,
                tiers,
                detail,
                *(NO_SPAN if isinstance(reward, Notice) else self.acting),
            )
        )

    def _targets(
        self, reward: Percent | Amount | FixedPrice | MultiBuy | BuyGet | Ladder | Points | RateMultiplier
    ) -> int:
        return self.rows.products(reward.get_of if isinstance(reward, BuyGet) else reward.of)

    def _points(self, reward: Points, promotion: int, reward_no: int) -> None:
        flags = (EXCLUDE_POINTS_PAID if reward.exclude_points_paid else 0) | (
            SKIP_IF_PAID_WITH_POINTS if reward.skip_if_paid_with_points else 0
        )
        self._row(
            POINTS_FIXED if reward.is_fixed else POINTS_PERCENT,
            reward,
            promotion,
            reward_no,
            (reward.fixed_points if reward.is_fixed else reward.rate_ppm) or 0,
            asset=self.assets[reward.asset],
            flags=flags,
            active_after_days=reward.active_after_days,
            expiry=expiry_of(reward.expiry),
            tiers=self._tiers(reward.tiers),
        )

    def _tiers(self, tiers: Tiers | None) -> int:
        if tiers is None:
            return -1
        base, over = self.rows.base(tiers.base, "reward"), self.rows.products(tiers.over)
        steps = self._numbers(tuple(number for step in tiers.steps for number in (step.from_minor, step.value)))
        self.tiers.append(TIER_ROW.pack(base, over, *steps))
        return len(self.tiers) - 1

    def _numbers(self, numbers: tuple[int, ...]) -> tuple[int, int]:
        begin = len(self.numbers)
        self.numbers.extend(numbers)
        return begin, len(self.numbers)

    def _parts(self, *parts: tuple[int, int, bool]) -> tuple[int, int]:
        begin = len(self.parts)
        self.parts.extend(PART_ROW.pack(*part, 0) for part in parts)
        return begin, len(self.parts)

    def _set_reward(self, reward: MultiBuy | Bundle | BuyGet | Ladder) -> int:
        products = self.rows.products
        value = by = take = pay = most = order = 0
        parts = rungs = NO_SPAN
        flags = SHARE_UNITS if reward.share_units else 0
        if isinstance(reward, MultiBuy):
            take, pay = reward.take, reward.pay
            flags |= COUNT_LINES if reward.count_by is BlockUnit.LINES else 0
            flags |= GLOBAL_CHEAPEST if reward.free is FreeUnits.GLOBAL_CHEAPEST else 0
            flags |= ON_FREE if reward.allocate is Allocate.ON_FREE else 0
        elif isinstance(reward, Ladder):
            by, order, rungs = reward.by, reward.order, self._numbers(reward.rungs)
            flags |= REPEAT_RUNGS if reward.after_last is AfterLast.REPEAT else 0
        else:
            by, value = reward.discount.by, reward.discount.value
        if isinstance(reward, Bundle):
            parts = self._parts(*((products(part.of), part.quantity, part.target) for part in reward.parts))
            flags |= TO_TARGETS if reward.allocate_to is AllocateTo.TARGETS else 0
        elif isinstance(reward, BuyGet):
            buy = (products(reward.buy_of), reward.buy_quantity, False)
            parts = self._parts(buy, (products(reward.get_of), reward.get_quantity or 0, True))
            flags |= REUSABLE_QUALIFIERS if reward.reusable_qualifiers else 0
        if not isinstance(reward, Ladder):
            most = reward.max_applications or 0
        self.set_rewards.append(SET_REWARD_ROW.pack(value, by, take, pay, most, order, flags, *parts, *rungs))
        return len(self.set_rewards) - 1

    def limits_of(self, promotion: Promotion, number: int) -> tuple[int, int]:
        begin = len(self.limits)
        asset = next((self.assets[reward.asset] for reward in promotion.rewards if isinstance(reward, Points)), -1)
        for limit in promotion.limits:
            self.limits.append(self._limit(limit, number, asset))
        return begin, len(self.limits)

    def _limit(self, limit: UsageLimit, promotion: int, asset: int) -> bytes:
        numbers = (limit.measure, limit.per, limit.window, limit.on_short)
        return LIMIT_ROW.pack(limit.cap, promotion, *numbers, asset, self.rows.path(limit.path), 0)

    def multipliers_of(self, promotion: Promotion, factors: Sequence[Factor]) -> None:
        """Rows for all rates of the promotion: its own, then those of others. A bound without a multiplier stands in a
        row that multiplies by 1."""
        begin = len(self.multipliers)
        most = -1 if promotion.max_rate_ppm is None else promotion.max_rate_ppm
        for one in promotion.multipliers:
            self._multiplier(most, one.times, one.when, one.of, -1)
        for factor in factors:
            self.rows.owner = factor.owner.promotion_id
            self._multiplier(most, factor.reward.times, factor.owner.when, factor.reward.of, factor.rule)
        self.rows.owner = promotion.promotion_id
        if most >= 0 and len(self.multipliers) == begin:
            self.multipliers.append(MULTIPLIER_ROW.pack(most, TIMES_ONE, -1, 0, 0, -1, 0))
        self.acting = (begin, len(self.multipliers))

    def _multiplier(self, most: int, times: int, when: Condition | None, of: ProductSet, owner: int) -> None:
        before, self.rows.names_coupon = self.rows.names_coupon, False
        condition = -1 if when is None else self.rows.condition(when)
        names, self.rows.names_coupon = self.rows.names_coupon, self.rows.names_coupon or before
        row = (most, times, condition, self.rows.products(of), names, owner, 0)
        self.multipliers.append(MULTIPLIER_ROW.pack(*row))

    def speech_of(self, promotion: Promotion) -> int:
        if not speaks(promotion) and not promotion.nudge:
            return -1
        title = self._said(promotion.title)
        begin = len(self.messages)
        for channel, text in sorted(promotion.messages.items()):
            self._message(Message("", channel, text))
        self.speeches.append(SPEECH_ROW.pack(*title, begin, len(self.messages), *self._said(promotion.nudge)))
        return len(self.speeches) - 1

    def _message(self, message: Message) -> int:
        barcode = self.rows.text(message.barcode) if message.barcode else (0, 0)
        self.messages.append(MESSAGE_ROW.pack(message.channel, message.priority, *self._said(message.text), *barcode))
        return len(self.messages) - 1

    def _said(self, text: Mapping[str, str]) -> tuple[int, int]:
        """Texts by language, in order of the language."""
        said = tuple(sorted(text.items()))
        place = self.translation_places.get(said)
        if place is None:
            begin = len(self.translations)
            for language, words in said:
                self.translations.append(TRANSLATION_ROW.pack(*self.rows.text(language), *self.rows.text(words)))
            place = self.translation_places[said] = (begin, len(self.translations))
        return place

    def promotion_flags(self, promotion: Promotion) -> int:
        flags = (ALLOW_FREE if promotion.allow_free else 0) | (COST_FLOOR if promotion.cost_floor else 0)
        if self.rows.names_coupon:
            flags |= NAMES_COUPON
            self.rows.names_coupon = False
        if self.rows.reads_balance:
            flags |= READS_BALANCE
            self.rows.reads_balance = False
        if self.rows.reads_birthday:
            flags |= READS_BIRTHDAY
            self.rows.reads_birthday = False
        flags |= LINE_RULES if all(is_line_rule(reward) for reward in promotion.rewards) else 0
        if promotion.exclusive is not None:
            flags |= EXCLUSIVE_STAGE if promotion.exclusive.over is ExclusiveOver.STAGE else EXCLUSIVE_ALL
            flags |= EXCLUSIVE_RECEIPT if promotion.exclusive.scope is ExclusiveScope.RECEIPT else 0
        flags |= SKIP_DISCOUNTED if promotion.skip_discounted else 0
        flags |= HAS_LIMITS if promotion.limits else 0
        flags |= RETURN_FLAGS[promotion.on_return]
        flags |= (SPEAKS if speaks(promotion) else 0) | (NUDGES if promotion.nudge else 0)
        if any(isinstance(one, Percent | Amount | Points) and one.tiers is not None for one in promotion.rewards):
            flags |= HAS_TIERS
        self.flags |= flags
        return flags

    def cap(self, limit_id: str, cap: Cap) -> None:
        rate = -1 if cap.rate_ppm is None else cap.rate_ppm
        amount = -1 if cap.amount_minor is None else cap.amount_minor
        flags = (BY_LINE if cap.by_line else 0) | (INCLUDE_POINTS if cap.include_points else 0)
        self.caps.append(CAP_ROW.pack(rate, amount, self.rows.products(cap.of), flags, *self.rows.text(limit_id)))

    def payment(self, limit_id: str, place: int, rule: PaymentRule, asset: Asset) -> None:
        condition = -1 if rule.when is None else self.rows.condition(rule.when)
        self.flags |= READS_BIRTHDAY if self.rows.reads_birthday else 0
        self.payments.append(
            PAYMENT_ROW.pack(
                rule.point_ppm,
                rule.step_points or asset.step_points,
                rule.min_points,
                -1 if rule.max_points is None else rule.max_points,
                rule.line_ppm,
                rule.receipt_ppm,
                self.assets[rule.asset],
                self.rows.products(rule.of),
                condition,
                sum(1 << number for number in set(rule.denied_inputs)),
                *self.rows.text(limit_id),
                place,
                ANONYMOUS_PAYS if rule.anonymous else 0,
            )
        )

    def rounding(self, rounding: Rounding) -> None:
        condition = -1 if rounding.when is None else self.rows.condition(rounding.when)
        name = self.rows.text(rounding.rounding_id)
        self.roundings.append(ROUNDING_ROW.pack(rounding.to_minor, condition, *name, 0))


def speaks(promotion: Promotion) -> bool:
    return bool(promotion.messages) or any(isinstance(one, Notice) for one in promotion.rewards)


def is_line_rule(reward: Reward) -> bool:
    """May the reward win calc groups by itself (semantics §6.11.9); a notice is no obstacle."""
    if isinstance(reward, Amount):
        return reward.spread != AmountSpread.RECEIPT
    if isinstance(reward, Points):
        return not reward.is_fixed
    return isinstance(reward, Percent | FixedPrice | Notice) and not is_progressive(reward)


def expiry_of(expiry: Expiry) -> tuple[int, int]:
    """(ExpiryKind, its number)."""
    if expiry.days is not None:
        return 1, expiry.days
    if expiry.date is not None:
        return 2, expiry.date
    if expiry.end_of_month is not None:
        return 3, expiry.end_of_month
    if expiry.end_of_year is not None:
        return 4, expiry.end_of_year
    return 0, 0
