"""What every key of a document means, with examples, as an editor shows them.

Paths are those of the schema: definition, then keys. `*.key` stands for a key that means the same everywhere.
Invariant, tested: every key of the schema is here, and every example is taken by the reader and by the schema.
"""

from __future__ import annotations

from typing import Any

Example = Any

# Whole definitions: what stands under a kind of document, a condition or a reward.
DEFINITIONS: dict[str, tuple[str, Example]] = {
    "promotion": (
        "A promotion: when it holds, and what it gives.",
        {
            "promotion": "bakery-10",
            "title": {"en": "Bakery 10 % off", "ru": "Выпечка −10 %"},
            "stage": "item",
            "when": {"schedule": {"hours": "18:00-21:00"}},
            "reward": [{"percent": {"rate": "10", "of": {"category": "bakery"}}}],
        },
    ),
    "asset": ("A points currency.", {"asset": "stars", "title": {"en": "Stars"}, "scale": "0", "step": "1"}),
    "limit": (
        "A cap on discounts, or how points pay.",
        {"limit": "half-at-most", "cap": {"per": "line", "percent": "50"}},
    ),
    "rounding": (
        "Small change that is not asked for: what is to pay goes down to a multiple of `to`.",
        {"rounding": "cash", "to": "1.00", "when": {"payment": {"type": "cash", "from_percent": "100"}}},
    ),
    "condition": (
        "One condition; several keys must all hold.",
        {"store": {"region": "msk"}, "receipt_sum": {"from": "1000.00"}},
    ),
    "birthday": (
        "The business date is near the customer's birthday; {} is the day itself.",
        {"before": "3", "after": "7"},
    ),
    "personal": ("The customer has a grant of this promotion that is in force.", True),
    "product_set": (
        "Goods: every given key must hold, a list means any of; empty means all goods.",
        {"category": ["coffee", "tea"], "except": {"brand": "acme"}},
    ),
    "schedule": (
        "Holds while the business time by the store's wall clock is inside.",
        {"from": "2027-01-01", "to": "2027-01-31", "weekdays": ["fri", "sat"], "hours": "22:00-02:00"},
    ),
    "store": (
        "Holds when every given attribute of the store matches.",
        {"region": "msk", "format": {"none_of": ["outlet"]}},
    ),
    "customer": (
        "Holds when every given attribute of the customer matches; without a customer only has_card: false does.",
        {"has_card": True, "segment": ["gold", "platinum"]},
    ),
    "coupon": ("Holds when the receipt has this shared code, or a valid code of this series.", {"code": "COMEBACK"}),
    "receipt_sum": ("Holds when the sum is from `from` and below `below`.", {"from": "1000.00", "base": "RUNNING"}),
    "quantity": (
        "Holds when the count is from `from` and below `below`.",
        {"from": "3", "of": {"category": "yogurt"}},
    ),
    "balance": (
        "Holds when the points the customer may spend are from `from` and below `below`.",
        {"asset": "bonus", "from": "100"},
    ),
    "payment": (
        "Holds when payments of these types are more than nothing, and at least `from_percent` of all that is paid.",
        {"type": ["card", "fast_transfer"], "from_percent": "100"},
    ),
    "purchases": (
        "Holds when so much was bought before: receipts, units or weight, from `from` and below `below`.",
        {"window": {"days": "30"}, "of": {"category": "coffee"}, "from": "3"},
    ),
    "turnover": (
        "Holds when the sum of earlier purchases is from `from` and below `below`.",
        {"window": "month", "from": "5000.00", "include_current": True},
    ),
    "purchase_number": (
        "Holds when this is the n-th purchase; this receipt itself has goods of `of`.",
        {"every": "10", "of": {"category": "coffee"}},
    ),
    "validity": (
        "Holds for so many days from the customer's own start on.",
        {"days": "30", "after": {"first_use": "this"}},
    ),
    "register": ("Holds when every given attribute of the register matches.", {"channel": "self_checkout"}),
    "percent": ("Percent off the running price.", {"rate": "12.5", "of": {"category": "bakery"}}),
    "amount": ("An amount off units, lines or the receipt.", {"off": "100.00", "spread": "receipt"}),
    "fixed_price": ("Units cost this; a lower price stays.", {"price": "99.90", "of": {"sku": "juice"}}),
    "multi_buy": (
        "Of every `take` units `pay` are paid, the cheapest are free.",
        {"take": "4", "pay": "3", "of": {"category": "soup"}},
    ),
    "bundle": (
        "Different goods cheaper together.",
        {"price": "500.00", "parts": [{"of": {"sku": "coffee"}}, {"quantity": "2", "of": {"sku": "milk"}}]},
    ),
    "buy_get": (
        "For every so many of one set, so many of another are cheaper.",
        {"buy": {"of": {"category": "shoes"}}, "get": {"of": {"category": "shoes"}}, "percent": "50"},
    ),
    "ladder": ("The first unit gets the first rung, and so on.", {"rungs": ["0", "10", "20"], "of": {"sku": "tea"}}),
    "points": ("Points earned.", {"asset": "stars", "percent": "3", "expires": {"days": "365"}}),
    "multiplier": (
        "Multiplies the rate of another promotion.",
        {"times": "2", "promotion": "three-percent-back", "of": {"category": "coffee"}},
    ),
    "message": ("Something to say.", {"to": "slip", "text": {"en": "You saved {{ discount }}"}}),
    "gift": (
        "Promises goods that are not sold.",
        {"sku": ["mug-red", "mug-blue"], "text": {"en": "A mug for you: {{ promotion }}"}},
    ),
    "issue_coupon": (
        "A new code of a coupon series, at Commit.",
        {"series": "spring", "expires": {"days": "30"}, "text": {"en": "Next time: {{ coupon }}"}},
    ),
}

_SET = ("A product set; all goods when left out.", [{"category": "bakery"}, {"sku": ["milk", "bread"]}])
_CHOICE = "A value, a list (any of), or {any_of: …} / {none_of: …}."
_WINDOW = "Business dates: {days: n} up to that of this receipt, week, month, year, or always."
_WINDOWS: list[Example] = [{"days": "30"}, "month"]
_AT = "Stores of the earlier receipts, or same_store; every store when left out."
_STORES: list[Example] = ["same_store", {"format": {"any_of": ["hyper"]}}]
_TEXT = "Text by language, with placeholders in double braces."

KEYS: dict[str, tuple[str, list[Example]]] = {
    # --- promotion
    "promotion.promotion": (
        "Stable id: small letters, digits, '.', '_', '-'; begins with a letter or digit.",
        ["bakery-10"],
    ),
    "*.title": ("Text by language.", [{"en": "Bakery 10 % off", "ru": "Выпечка −10 %"}]),
    "promotion.stage": (
        "The lane of the calculation; accrual and message are taken by themselves.",
        ["item", "set", "receipt"],
    ),
    "promotion.group": (
        "Promotions that compete or add up; without it a CASCADE group of its own.",
        ["week", {"name": "week", "mode": "BEST", "scope": "LINE"}],
    ),
    "promotion.group.name": ("The group's name; members of one stage share it.", ["week"]),
    "promotion.group.mode": (
        "CASCADE: one after another; ADD: each on the price at entry; BEST, FIRST, MIN: one winner; "
        "OPTIMAL: set rewards that give the most together.",
        ["BEST"],
    ),
    "promotion.group.scope": ("One winner for the RECEIPT, or in each LINE.", ["LINE"]),
    "promotion.group.priority": ("The group's turn in its stage; else the smallest of its members'.", ["10"]),
    "*.priority": ("Smaller first; ties by id.", ["10", "100"]),
    "*.when": ("One condition; always when left out.", [{"customer": {"has_card": True}}]),
    "promotion.reward": (
        "1 to 16 rewards, each a mapping with one kind.",
        [[{"percent": {"rate": "10"}}], [{"points": {"asset": "stars", "percent": "3"}}]],
    ),
    "promotion.allow_free": ("The discount may bring a unit to 0; else 0.01 is left.", [True]),
    "promotion.floor": ("No unit goes below it by this promotion.", [{"percent": "50"}, {"price": "10.00"}]),
    "promotion.floor.price": ("Money a unit keeps.", ["10.00"]),
    "promotion.floor.percent": ("Percent of its gross a unit keeps.", ["50"]),
    "promotion.cost_floor": ("No unit goes below its cost when the cost is known.", [True]),
    "promotion.exclusive": (
        "What this promotion gave on is skipped by later ones.",
        ["STAGE", "ALL", {"over": "ALL", "scope": "RECEIPT"}],
    ),
    "promotion.exclusive.over": ("Later promotions of the STAGE, or of ALL discount stages.", ["STAGE"]),
    "promotion.exclusive.scope": ("The UNITs it gave on, or the whole RECEIPT.", ["UNIT"]),
    "promotion.skip_discounted": ("Units on which an earlier promotion gave are no targets.", [True]),
    "promotion.on_return": (
        "What a return of a part does: KEEP its share, READJUDICATE its points and coupons, or FORBID_PARTIAL.",
        ["READJUDICATE"],
    ),
    "promotion.limits": (
        "1 to 8 limits of what the promotion gives.",
        [[{"per": "customer", "window": "week", "times": "1"}], [{"budget": "100000.00"}]],
    ),
    "promotion.limits.per": ("Counted for whom.", ["customer"]),
    "promotion.limits.window": ("By the business date of the store's wall clock.", ["day"]),
    "promotion.limits.times": ("Receipts in which the promotion gave.", ["1"]),
    "promotion.limits.amount": ("Money of discount.", ["500.00"]),
    "promotion.limits.quantity": ("Units that got the discount, or measure of weighted goods.", ["3", "1.500"]),
    "promotion.limits.points": ("Points of the promotion's asset.", ["100"]),
    "promotion.limits.budget": ("Amount or points for everyone together.", ["100000.00"]),
    "promotion.limits.on_short": ("PARTIAL gives what is left, SKIP nothing.", ["SKIP"]),
    "promotion.messages": (
        "Said when the promotion gave something.",
        [{"slip": {"en": "You saved {{ discount }}", "ru": "Вы сэкономили {{ discount }}"}}],
    ),
    "promotion.messages.slip": (_TEXT, [{"en": "You saved {{ discount }}"}]),
    "promotion.messages.nudge": (
        "Told before payment when a sum, a quantity or a step of tiers is all that is missing.",
        [{"en": "{{ distance }} more and bakery is 10 % off"}],
    ),
    "promotion.messages.cashier": (_TEXT, [{"en": "Offer a bag"}]),
    "promotion.messages.customer_display": (_TEXT, [{"en": "To pay {{ to_pay }}"}]),
    "promotion.multiplier": (
        "1 to 8 of what multiplies the rates of percent and points.",
        [[{"times": "2", "when": {"schedule": {"weekdays": "tue"}}}, {"times": "1.5", "of": {"brand": "acme"}}]],
    ),
    "promotion.multiplier.times": ("The rate is multiplied by this, at most 100.", ["2", "1.25", "0.5"]),
    "promotion.max_rate": ("Percent; the multiplied rate is not above it.", ["15"]),
    # --- asset
    "asset.asset": ("Id of the points currency.", ["stars"]),
    "asset.scale": ("Digits after the point, 0 to 4.", ["0", "2"]),
    "asset.step": ("Accrual is rounded down to a multiple of this.", ["1", "0.01"]),
    # --- limit
    "limit.limit": ("Stable id.", ["half-at-most"]),
    "limit.cap": ("Discounts on the lines of `of` stay within.", [{"per": "receipt", "percent": "40"}]),
    "limit.cap.per": ("The receipt as a whole, or each line.", ["line"]),
    "limit.cap.percent": ("Percent of the gross of the covered lines.", ["40"]),
    "limit.cap.amount": ("Money.", ["500.00"]),
    "limit.cap.of": _SET,
    "limit.cap.include_points": ("Payment with points counts too, and is lowered for it.", [True]),
    "limit.payment": ("1 to 8 rules of how assets pay.", [[{"asset": "stars", "rate": "0.10", "up_to_percent": "50"}]]),
    "limit.payment.asset": ("The points currency.", ["stars"]),
    "limit.payment.rate": ("Money for one point.", ["1.00", "0.1"]),
    "limit.payment.step": ("Points are taken in multiples of this.", ["10"]),
    "limit.payment.min": ("Fewer are not taken at all.", ["100"]),
    "limit.payment.up_to_percent": ("Most of each line's running price.", ["50"]),
    "limit.payment.receipt_percent": ("Most of all lines that may be paid with points.", ["30"]),
    "limit.payment.max": ("Most points in one receipt.", ["5000"]),
    "limit.payment.of": _SET,
    "limit.payment.except": ("Short for of: {except: …}.", [{"category": "tobacco"}]),
    "limit.payment.deny_input": ("Ways of identification that may not pay.", [["phone", "manual"]]),
    "limit.payment.anonymous": ("Cards that are nobody's may pay too; without it they only earn.", [True]),
    # --- rounding
    "rounding.rounding": ("Stable id.", ["cash"]),
    "rounding.to": ("What is to pay is a multiple of this, at most 100.00.", ["1.00", "0.10"]),
    # --- conditions
    "condition.all": ("All of them hold.", [[{"store": {"id": "s1"}}, {"customer": {"has_card": True}}]]),
    "condition.any": ("At least one of them holds.", [[{"coupon": {"code": "A"}}, {"coupon": {"code": "B"}}]]),
    "condition.none": ("None of them holds.", [[{"customer": {"segment": "staff"}}]]),
    "product_set.sku": ("Articles.", ["milk", ["milk", "bread"]]),
    "product_set.category": ("Product groups.", ["bakery"]),
    "product_set.brand": ("Brands.", ["acme"]),
    "product_set.supplier": ("Suppliers.", ["acme-trade"]),
    "product_set.attribute": (
        "Attributes of the catalogue: a name with a value or a list of values; every name must hold.",
        [{"colour": ["red", "blue"]}],
    ),
    "product_set.favourite": ("Lines of the customer's favourite categories.", [True]),
    "product_set.personal": ("Goods chosen for the customer in a grant of this promotion.", [True]),
    "birthday.before": ("At most so many days before the birthday.", ["3"]),
    "birthday.after": ("At most so many days after the birthday.", ["7"]),
    "product_set.unit_price": ("The till's price, both ends included.", [{"from": "10.00", "to": "99.99"}]),
    "product_set.unit_price.from": ("The price is at least this.", ["10.00"]),
    "product_set.unit_price.to": ("The price is at most this.", ["99.99"]),
    "product_set.except": ("A product set, or a list of them, that is left out.", [{"brand": "acme"}]),
    "schedule.from": ("First date, or local date-time.", ["2027-01-01", "2027-01-01T10:00"]),
    "schedule.to": ("Last date (included), or local date-time (excluded).", ["2027-01-31"]),
    "schedule.hours": (
        "A window or a list of them; may cross midnight.",
        ["07:00-10:00", ["12:00-14:00", "22:00-02:00"]],
    ),
    "schedule.weekdays": ("Days of the week on which a window begins.", ["mon", ["sat", "sun"]]),
    "schedule.days_of_month": ("1 to 31.", ["1", ["1", "15"]]),
    "store.id": (_CHOICE, ["s1", ["s1", "s2"]]),
    "store.region": (_CHOICE, ["msk"]),
    "store.format": (_CHOICE, [{"none_of": ["outlet"]}]),
    "store.cluster": (_CHOICE, ["center"]),
    "customer.has_card": ("An active card is (not) presented.", [True]),
    "customer.card_type": (_CHOICE, ["silver"]),
    "customer.segment": (_CHOICE, [["gold", "platinum"]]),
    "customer.tier": (_CHOICE, ["gold", ["gold", "platinum"]]),
    "customer.tier_from": ("The customer has this tier or a higher one; none_of: a lower one, or none.", ["silver"]),
    "customer.id": (_CHOICE, ["1001"]),
    "*.any_of": ("The value is one of these.", [["1"], ["1", "2"]]),
    "*.none_of": ("The value is none of these.", [["1"], ["1", "2"]]),
    "coupon.code": ("A shared code; spaces around it and ASCII case do not matter.", ["COMEBACK"]),
    "coupon.series": ("Any valid code of this series.", ["spring"]),
    "receipt_sum.from": ("The sum is at least this.", ["1000.00"]),
    "receipt_sum.below": ("The sum is less than this.", ["3000.00"]),
    "receipt_sum.base": (
        "GROSS: till prices; STAGE_ENTRY: running when the stage began; RUNNING: now; NET: to pay (points, messages).",
        ["GROSS", "RUNNING"],
    ),
    "*.of": _SET,
    "quantity.from": ("The count is at least this.", ["3", "0.500"]),
    "quantity.below": ("The count is less than this.", ["10"]),
    "quantity.count_by": ("UNITS: a weighted line counts 1; WEIGHT: quantities are summed.", ["WEIGHT"]),
    # --- rewards
    "percent.rate": ("% off the running price, up to 4 digits after the point.", ["10", "12.5"]),
    "*.tiers": (
        "2 to 32 steps in place of the number; the highest reached one holds for the whole.",
        [[{"from": "1000.00", "NUMBER": "5"}, {"from": "3000.00", "NUMBER": "10"}]],
    ),
    "*.tiers.from": ("The base is at least this.", ["1000.00"]),
    "percent.tiers.rate": ("% off from here on.", ["5"]),
    "amount.tiers.off": ("Amount off from here on.", ["100.00"]),
    "points.tiers.percent": ("% of the base from here on.", ["5"]),
    "points.tiers.fixed": ("Points from here on.", ["100"]),
    "*.base": ("What the tiers are a sum of.", ["GROSS", "RUNNING"]),
    "balance.asset": ("The points currency.", ["bonus"]),
    "balance.from": ("The customer may spend at least this.", ["100", "49.50"]),
    "balance.below": ("The customer may spend less than this.", ["50"]),
    "purchases.window": (_WINDOW, _WINDOWS),
    "purchases.at": (_AT, _STORES),
    "purchases.count_by": ("RECEIPTS; UNITS: a weighted line counts 1; WEIGHT: quantities are summed.", ["UNITS"]),
    "purchases.from": ("The count is at least this.", ["3", "10"]),
    "purchases.below": ("The count is less than this.", ["10"]),
    "purchases.count": ("The count is exactly this; in place of from and below.", ["0", "2"]),
    "turnover.window": (_WINDOW, _WINDOWS),
    "turnover.at": (_AT, _STORES),
    "turnover.from": ("The sum is at least this.", ["5000.00"]),
    "turnover.below": ("The sum is less than this.", ["20000.00"]),
    "turnover.include_current": ("What this receipt has of the goods, at till prices, counts too.", [True]),
    "purchase_number.every": ("Every n-th purchase.", ["2", "10"]),
    "purchase_number.is": ("The number of this purchase, or a list of them.", ["1", ["1", "5", "10"]]),
    "purchase_number.window": (f"{_WINDOW} Default: always.", _WINDOWS),
    "purchase_number.at": (_AT, _STORES),
    "validity.days": ("How many days it holds, that of the start included.", ["30"]),
    "validity.after": (
        "What starts it: one of first_use, turnover.",
        [{"first_use": "this"}, {"turnover": {"sum": "10000.00"}}],
    ),
    "validity.after.first_use": ("The first receipt in which this promotion gave something.", ["this", "welcome"]),
    "validity.after.turnover": ("The receipt with which purchases of all time reached a sum.", [{"sum": "10000.00"}]),
    "validity.after.turnover.sum": ("What purchases come to.", ["10000.00"]),
    "validity.after.turnover.at": (_AT, _STORES),
    "*.window.days": ("Business dates up to that of this receipt, 1 to 366.", ["1", "30"]),
    "*.at.id": (_CHOICE, ["s1"]),
    "*.at.region": (_CHOICE, ["msk"]),
    "*.at.format": (_CHOICE, [["hyper", "super"]]),
    "*.at.cluster": (_CHOICE, ["center"]),
    "payment.type": ("A type of payment, or a list of them.", ["card", ["cash", "gift_card"]]),
    "payment.from_percent": ("Percent of all that is paid; more than nothing when left out.", ["50", "100"]),
    "register.id": ("The register's id.", ["k-1", {"none_of": ["k-9"]}]),
    "register.channel": ("The receipt's sales channel.", ["self_checkout", ["pos", "web"]]),
    "percent.progressive": ("Each part of the base gets the rate of its own step, as taxes do.", [True]),
    "*.over": ("The product set the sum is taken over; all goods when left out.", [{"category": "coffee"}]),
    "amount.off": ("What is taken off.", ["100.00"]),
    "amount.spread": ("From every unit, once per line, or once for the receipt.", ["unit", "line", "receipt"]),
    "fixed_price.price": ("What a unit costs, per 1.000 of measure for weighted goods.", ["99.90"]),
    "multi_buy.take": ("Units of a block.", ["4"]),
    "multi_buy.pay": ("Units of a block that are paid, fewer than are taken.", ["3"]),
    "multi_buy.free": ("The cheapest of each block, or of all.", ["GLOBAL_CHEAPEST"]),
    "multi_buy.allocate": ("SPREAD over the block, or kept ON_FREE units.", ["ON_FREE"]),
    "multi_buy.count_by": ("LINES lets weighted goods join, a line counting one.", ["LINES"]),
    "*.max_applications": ("Most applications in one receipt.", ["2"]),
    "*.share_units": ("Takes units that other set promotions used, too.", [True]),
    "bundle.parts": (
        "2 to 16 goods bought together; the narrower part goes first.",
        [[{"of": {"sku": "coffee"}}, {"of": {"category": "milk"}, "quantity": "2"}]],
    ),
    "bundle.parts.quantity": ("Units of the part.", ["1", "2"]),
    "bundle.parts.target": ("Gets the discount with allocate_to: TARGETS.", [True]),
    "bundle.percent": ("% off the set.", ["15"]),
    "bundle.amount": ("Money off the set.", ["50.00"]),
    "bundle.price": ("What the whole set costs.", ["500.00"]),
    "bundle.allocate_to": ("ALL units of the set, or the TARGETS alone.", ["TARGETS"]),
    "buy_get.buy": ("Qualifiers.", [{"quantity": "2", "of": {"category": "shoes"}}]),
    "buy_get.buy.quantity": ("Qualifiers of one application.", ["1", "2"]),
    "buy_get.get": ("Targets.", [{"quantity": "1", "of": {"category": "socks"}}]),
    "buy_get.get.quantity": ("Targets of one application, or ALL.", ["1", "ALL"]),
    "buy_get.percent": ("% off each target.", ["50"]),
    "buy_get.amount": ("Money off each target.", ["100.00"]),
    "buy_get.price": ("What each target costs.", ["1.00"]),
    "buy_get.reusable_qualifiers": ("The same qualifiers serve all applications.", [True]),
    "ladder.rungs": ("1 to 100 numbers; the first unit gets the first.", [["0", "10", "20"]]),
    "ladder.by": ("What a rung is.", ["percent", "price"]),
    "ladder.after_last": ("CLAMP: the last rung goes on; REPEAT: the first comes again.", ["REPEAT"]),
    "ladder.order": ("The order of the units.", ["PRICE_DESC", "SCAN"]),
    "points.asset": ("The points currency.", ["stars"]),
    "points.percent": ("% of the base: 3 gives 3.00 points for 100.00.", ["3"]),
    "points.fixed": ("Points per receipt.", ["100"]),
    "points.exclude_points_paid": ("What points paid earns nothing.", [False]),
    "points.if_paid_with_points": ("SKIP_RECEIPT: a receipt paid with points earns nothing.", ["SKIP_RECEIPT"]),
    "points.active_after": ("When the points may be spent; at once when left out.", [{"days": "14"}]),
    "points.active_after.days": ("Days after the business date.", ["14"]),
    "*.expires": (
        "When it ends: one of days, date, end_of_month, end_of_year.",
        [{"days": "365"}, {"date": "2027-12-31"}, {"end_of_month": "3"}, {"end_of_year": "0"}],
    ),
    "*.expires.days": ("Days after the business date.", ["365"]),
    "*.expires.date": ("The last day.", ["2027-12-31"]),
    "*.expires.end_of_month": ("End of the n-th month after; 0 is this month.", ["0", "3"]),
    "*.expires.end_of_year": ("End of the n-th year after; 0 is this year.", ["0", "1"]),
    "multiplier.times": ("The rate is multiplied by this, at most 100.", ["2", "1.25", "0.5"]),
    "multiplier.promotion": ("Id of the promotion whose rate it is.", ["three-percent-back"]),
    "message.to": ("Where it is shown.", ["slip", "cashier"]),
    "message.text": (_TEXT, [{"en": "You saved {{ discount }}", "ru": "Вы сэкономили {{ discount }}"}]),
    "message.barcode": ("Printed under the text.", ["4600000000001"]),
    "gift.sku": ("The goods, or some of which the customer chooses.", ["mug", ["mug-red", "mug-blue"]]),
    "gift.quantity": ("How many units.", ["1", "2"]),
    "gift.text": (_TEXT, [{"en": "A mug for you: {{ promotion }}"}]),
    "issue_coupon.series": ("The coupon series.", ["spring"]),
    "issue_coupon.text": ("Printed with the code, by language.", [{"en": "Next time: {{ coupon }}"}]),
}
# The number a step of tiers gives, by reward.
TIER_NUMBERS = {"percent": "rate", "amount": "off", "points": "percent"}


def text_of(path: str) -> tuple[str, list[Example]] | None:
    """Description and examples of a key, by its own path or by what it means everywhere."""
    steps = path.split(".")
    found = KEYS.get(path)
    for first in range(1, len(steps)):
        found = found or KEYS.get(f"*.{'.'.join(steps[first:])}")
    if found is not None and steps[-1] == "tiers":
        number = TIER_NUMBERS[steps[0]]
        steps_given = [
            [{number if key == "NUMBER" else key: value for key, value in step.items()} for step in one]
            for one in found[1]
        ]
        return found[0], steps_given
    return found
