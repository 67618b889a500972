"""Stage 12: what is said, and which coupons are to be issued (promotion-document «message», «messages»).

Decides which texts are said. A promotion that gives something speaks when it gave > 0, one of stage message when its
conditions hold.
"""

import re
from collections.abc import Callable
from typing import Any

from .conditions import Answer, Situation
from .documents import MESSAGE, Asset, Promotion, Rule, RuleBook
from .goods import Line, as_list

CHANNELS = ("slip", "cashier", "customer_display")
PRIORITY = 100
Values = Callable[[Promotion, str], dict[str, str]]


def money(amount_minor: int) -> str:
    """Kopecks as shown: 1234.50."""
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"


def points_text(points: int, scale: int) -> str:
    """Points with all digits of their asset."""
    return f"{points // 10**scale}.{points % 10**scale:0{scale}d}" if scale else str(points)


def run_messages(
    book: RuleBook, situation: Situation, gave: set[str], values: Values, is_barred: Callable[[Promotion], bool]
) -> dict[str, list[Any]]:
    """`{"messages", "issued", "gifts", "brought", "promises"}`; `gave` are the promotions that gave something,
    `values` fills placeholders, `is_barred` says whether limits leave a promotion no receipt.

    `brought`: verdict rows of promotions of stage message that issue a coupon or promise a gift; the code they held by
    is used (§6.2). `promises`: the verdict of each gift of stage message.
    """
    said: list[dict[str, Any]] = []
    issued: list[dict[str, str]] = []
    gifts: list[dict[str, Any]] = []
    brought: list[dict[str, Any]] = []
    promises: list[dict[str, Any]] = []
    units = [unit.line for group in situation.groups for unit in group.units]
    for promotion in book.promotions():
        speaks = promotion.promotion_id in gave
        if promotion.stage == MESSAGE:
            answer = promotion.condition(situation)
            verdict = answer.failure or ("LIMIT" if is_barred(promotion) else "APPLIED")
            speaks = verdict == "APPLIED"
            promises += [judged(rule, answer, verdict) for rule in promotion.spoken if rule.kind == "gift"]
            if any(rule.kind in ("issue_coupon", "gift") for rule in promotion.spoken):
                brought.append({"promotion_id": promotion.promotion_id, "verdict": verdict, "codes": answer.codes})
        if not speaks:
            continue
        for channel in CHANNELS:
            said += _say(promotion, channel, promotion.messages.get(channel) or {}, PRIORITY, "", values)
        for rule in promotion.spoken:
            if rule.kind == "message":
                said += _message(promotion, rule, values)
            elif rule.kind == "gift":
                gifts.append(_gift(promotion, rule, units, values))
            elif rule.kind == "issue_coupon":
                issued.append({"promotion_id": promotion.promotion_id, "series": rule.terms["series"]})
    said.sort(key=lambda row: row["priority"])
    return {"messages": said, "issued": issued, "gifts": gifts, "brought": brought, "promises": promises}


def judged(rule: Rule, answer: Answer, verdict: str) -> dict[str, Any]:
    """A verdict row of a reward that has no amounts of its own."""
    return {
        "promotion_id": rule.promotion_id,
        "reward_no": rule.reward_no,
        "verdict": verdict,
        "amount_minor": 0,
        "capped_minor": 0,
        "by_promotion_id": "",
        "codes": answer.codes,
        "condition": answer.path,
        "actual": answer.actual,
        "needed": answer.needed,
    }


def _gift(promotion: Promotion, rule: Rule, units: list[Line], values: Values) -> dict[str, Any]:
    """A promise, and how many of these goods the receipt has already."""
    skus, quantity = [str(sku) for sku in as_list(rule.terms["sku"])], int(rule.terms.get("quantity", 1))
    return {
        "promotion_id": rule.promotion_id,
        "reward_no": rule.reward_no,
        "skus": skus,
        "quantity": quantity,
        "taken": min(quantity, sum("gift" in line.flags and line.sku in skus for line in units)),
        "messages": [
            {"language": language, "text": render(text, values(promotion, language))}
            for language, text in (rule.terms.get("text") or {}).items()
        ],
    }


def _message(promotion: Promotion, rule: Rule, values: Values) -> list[dict[str, Any]]:
    terms = rule.terms
    priority, barcode = int(terms.get("priority", PRIORITY)), str(terms.get("barcode", ""))
    return _say(promotion, terms["to"], terms["text"], priority, barcode, values)


def _say(
    promotion: Promotion, channel: str, texts: dict[str, str], priority: int, barcode: str, values: Values
) -> list[dict[str, Any]]:  # fmt: skip
    """One row per language of the text."""
    return [
        {
            "promotion_id": promotion.promotion_id,
            "channel": channel.upper(),
            "priority": priority,
            "language": language,
            "text": render(text, values(promotion, language)),
            "barcode": barcode,
        }
        for language, text in texts.items()
    ]


def render(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: values[found[1]], text)


def balance_asset(promotion: Promotion, book: RuleBook) -> str:
    """The asset of the promotion, or the only one there is."""
    own = [rule.asset for rule in promotion.rules if rule.asset]
    return own[0] if own else next(iter(book.assets), "") if len(book.assets) == 1 else ""


def scale_of(asset: str, assets: dict[str, Asset]) -> int:
    return assets.get(asset, Asset()).scale
