"""An outcome as a person reads it on a terminal, in English or Russian.

Only prints. Amounts are shown in major units of the receipt's currency, points in points.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

WORDS = {
    "en": {
        "line": "line",
        "sku": "sku",
        "gross": "gross",
        "discounts": "discounts",
        "net": "to pay",
        "points": "points",
        "total": "total",
        "printed": "printed",
        "price": "price",
        "sum": "sum",
        "rounding": "rounding",
        "external": "external or manual",
        "coupon": "coupon",
        "state": "state",
        "reason": "reason",
        "rule": "promotion",
        "verdict": "verdict",
        "given": "gave",
        "why": "why",
        "paid": "paid with points",
        "explained": "every promotion that was looked at",
        "has": "{what} {actual}, from {needed} on: add {missing}",
        "exceeds": "{what} {actual}, only below {needed}",
        "closed": "outside {what}",
        "wanted": "does not hold: {what}",
        "best": "{winner} gives {margin} more",
        "least": "{winner} gives {margin} less",
        "first": "{winner} goes before it",
        "tie": "{winner} gives no less",
        "excluded": "{winner} leaves nothing to others",
        "cut": "{amount} of it cut by {winner}",
        "floor": "the floor of the price refuses all of it",
        "limit": "the limit leaves nothing, or there is nobody to count for",
        "budget": "the budget is spent",
        "zero": "there is nothing to give it on",
        "receipt_sum": "sum",
        "quantity": "quantity",
        "purchases": "earlier purchases",
        "turnover": "bought before for",
        "purchase_number": "purchase number",
        "validity": "days since the start",
        "schedule": "the schedule",
        "messages": "said",
        "nudge": "nearly ({promotion}): {text}",
        "times": "applied {times} times",
        "greedy": "too many combinations: in order of priority",
        "redeem": "points may pay {amount}: {points} {asset}",
        "issued": "a code of {series} is issued",
        "gift": "promised ({promotion}): {quantity} of {skus}, taken {taken}",
        "truncated": "… more rules were looked at than can be shown",
    },
    "ru": {
        "line": "позиция",
        "sku": "товар",
        "gross": "сумма",
        "discounts": "скидки",
        "net": "к оплате",
        "points": "баллы",
        "total": "итого",
        "printed": "в чеке",
        "price": "цена",
        "sum": "сумма",
        "rounding": "округление",
        "external": "внешняя или ручная",
        "coupon": "купон",
        "state": "состояние",
        "reason": "причина",
        "rule": "акция",
        "verdict": "решение",
        "given": "дала",
        "why": "почему",
        "paid": "оплачено баллами",
        "explained": "все просмотренные акции",
        "has": "{what} {actual}, нужно от {needed}: не хватает {missing}",
        "exceeds": "{what} {actual}, нужно меньше {needed}",
        "closed": "не подходит {what}",
        "wanted": "не выполнено: {what}",
        "best": "{winner} выгоднее на {margin}",
        "least": "{winner} даёт на {margin} меньше",
        "first": "{winner} стоит раньше",
        "tie": "{winner} даёт не меньше",
        "excluded": "{winner} не оставляет другим ничего",
        "cut": "из них {amount} срезано: {winner}",
        "floor": "предел цены не пускает скидку",
        "limit": "лимит исчерпан, или не за кем считать",
        "budget": "бюджет израсходован",
        "zero": "не на что дать",
        "receipt_sum": "сумма",
        "quantity": "количество",
        "purchases": "прежних покупок",
        "turnover": "куплено раньше на",
        "purchase_number": "номер покупки",
        "validity": "дней с начала",
        "schedule": "расписание",
        "messages": "сказано",
        "nudge": "почти ({promotion}): {text}",
        "times": "применена раз: {times}",
        "greedy": "слишком много сочетаний: по приоритету",
        "redeem": "баллами можно оплатить {amount}: {points} {asset}",
        "issued": "выдаётся код серии {series}",
        "gift": "обещано ({promotion}): {quantity} из {skus}, взято {taken}",
        "truncated": "… просмотрено больше правил, чем помещается",
    },
}
VERDICTS_RU = {
    "APPLIED": "применена",
    "NOT_MATCHED": "условия не выполнены",
    "BEATEN": "уступила другой",
    "EXCLUDED": "исключена другой",
    "FLOOR": "ниже предела цены",
    "CAP": "срезана ограничением",
    "BUDGET": "бюджет исчерпан",
    "LIMIT": "лимит исчерпан",
    "INACTIVE": "вне расписания",
    "ZERO": "нечего дать",
}
STYLES = {"APPLIED": "green", "NOT_MATCHED": "dim", "INACTIVE": "dim", "ZERO": "dim"}
STATES_RU = {"APPLIED": "применён", "NOT_APPLIED": "не применён", "INVALID": "недействителен"}


def print_outcome(outcome: Mapping[str, Any], receipt: Mapping[str, Any], documents: Iterable[Any], lang: str) -> None:
    """Lines and totals; what is said, coupons and the explanation when there are any."""
    words, console = WORDS[lang], Console(highlight=False)
    written = Written(documents)
    exponent = int(receipt.get("exponent", 2))
    console.print(lines_table(outcome, receipt, words, exponent, written.scales))
    if outcome["fiscal_plan"]:
        console.print(plan_table(outcome["fiscal_plan"], words, exponent))
    if outcome["coupons"]:
        console.print(coupons_table(outcome["coupons"], words, lang))
    for line in told(outcome, words, exponent, written.scales):
        console.print(Text(line))
    for flag in outcome["flags"]:
        console.print(f"! {flag.removeprefix('REASON_')}")
    if "explain" in outcome:
        console.print(rules_table(outcome["explain"]["rules"], words, lang, exponent, written))
        if outcome["explain"]["truncated"]:
            console.print(words["truncated"])


class Written:
    """What the documents say of assets, titles and groups; empty without documents."""

    def __init__(self, documents: Iterable[Any]) -> None:
        self.scales: dict[str, int] = {}
        self.titles: dict[str, Mapping[str, str]] = {}
        self.modes: dict[str, str] = {}
        groups: dict[str, str] = {}
        for one in documents:
            if not isinstance(one, dict):
                continue
            if "asset" in one:
                self.scales[str(one["asset"])] = int(one.get("scale", 2))
            if "promotion" in one:
                self.titles[str(one["promotion"])] = one.get("title") or {}
                group = one.get("group")
                name = str(group.get("name")) if isinstance(group, dict) else str(group or "")
                groups[str(one["promotion"])] = name
                if isinstance(group, dict) and "mode" in group:
                    self.modes[name] = str(group["mode"])
        self.modes = {promotion: self.modes.get(name, "") for promotion, name in groups.items()}

    def name(self, row: Mapping[str, Any], lang: str) -> str:
        """The id and the place of a reward behind the first, with the title below when there is one."""
        number = f" [{row['reward_no']}]" if row["reward_no"] else ""
        title = self.titles.get(row["promotion_id"], {}).get(lang, "")
        return f"{row['promotion_id']}{number}" + (f"\n{title}" if title else "")


def told(
    outcome: Mapping[str, Any], words: Mapping[str, str], exponent: int, scales: Mapping[str, int]
) -> Iterator[str]:
    """Messages, nudges, gifts, issued codes, and what points may pay."""
    for row in outcome.get("messages", ()):
        channel = row["channel"].removeprefix("CHANNEL_").lower()
        yield f"{words['messages']} ({channel}): {row['text']}"
    for row in outcome.get("nudges", ()):
        yield words["nudge"].format(promotion=row["promotion_id"], text=row["text"])
    for row in outcome.get("gifts", ()):
        named = {"promotion": row["promotion_id"], "skus": ", ".join(row["skus"])}
        yield words["gift"].format(quantity=row["quantity"], taken=row["taken"], **named)
    for row in outcome.get("issued_coupons", ()):
        yield words["issued"].format(series=row.get("series") or row.get("promotion_id"))
    for row in outcome.get("max_redeem", ()):
        if row["points"] > 0:
            points = decimal(row["points"], scales.get(row["asset"], 2))
            amount = decimal(row["amount_minor"], exponent)
            yield words["redeem"].format(amount=amount, points=points, asset=row["asset"])


def decimal(number: int, digits: int) -> str:
    """A whole number of smallest units as decimal text."""
    sign, text = "-" if number < 0 else "", str(abs(number)).rjust(digits + 1, "0")
    return sign + (text if digits == 0 else f"{text[:-digits]}.{text[-digits:]}")


def points_text(rows: Iterable[Mapping[str, Any]], scales: Mapping[str, int]) -> str:
    return ", ".join(f"{decimal(row['points'], scales.get(row['asset'], 2))} {row['asset']}" for row in rows)


def lines_table(
    outcome: Mapping[str, Any],
    receipt: Mapping[str, Any],
    words: Mapping[str, str],
    exponent: int,
    scales: Mapping[str, int],
) -> Table:
    table = Table()
    for key in ("line", "sku", "gross", "discounts", "net", "points"):
        table.add_column(words[key], justify="left" if key in ("sku", "discounts") else "right")
    names = {line["line_no"]: str(line.get("sku", "")) for line in receipt["lines"]}
    for line in outcome["lines"]:
        discounts = "\n".join(
            f"{discount_name(row, words)} −{decimal(row['amount_minor'], exponent)}" for row in line["discounts"]
        )
        amounts = decimal(line["gross_minor"], exponent), discounts, decimal(line["net_minor"], exponent)
        table.add_row(str(line["line_no"]), names[line["line_no"]], *amounts, points_text(line["accrual"], scales))
    totals = outcome["totals"]
    paid_minor = totals.get("points_paid_minor", 0)
    paid = f"\n{words['paid']} −{decimal(paid_minor, exponent)}" if paid_minor else ""
    table.add_section()
    table.add_row(
        words["total"],
        "",
        decimal(totals["gross_minor"], exponent),
        f"−{decimal(totals['discount_minor'], exponent)}" + paid,
        decimal(totals["to_pay_minor"], exponent),
        points_text(totals["accrual"], scales),
    )
    return table


def discount_name(row: Mapping[str, Any], words: Mapping[str, str]) -> str:
    if row.get("kind") == "DISCOUNT_KIND_POINTS":
        return words["paid"]
    return row["promotion_id"] or words["rounding" if row["kind"].endswith("ROUNDING") else "external"]


def plan_table(plan: Iterable[Mapping[str, Any]], words: Mapping[str, str], exponent: int) -> Table:
    """What a fiscal register prints."""
    table = Table(words["printed"], words["quantity"], words["price"], words["sum"])
    for row in plan:
        price, total = decimal(row["price_minor"], exponent), decimal(row["sum_minor"], exponent)
        table.add_row(f"{row['line_no']}.{row['sub_no']}", decimal(row["qty_milli"], 3), price, total)
    return table


def coupons_table(coupons: Iterable[Mapping[str, Any]], words: Mapping[str, str], lang: str) -> Table:
    table = Table(words["coupon"], words["state"], words["reason"], words["rule"])
    for row in coupons:
        state = row["state"].removeprefix("COUPON_STATE_")
        reason = row["reason"].removeprefix("REASON_").replace("UNSPECIFIED", "")
        table.add_row(row["code"], STATES_RU.get(state, state) if lang == "ru" else state, reason, row["promotion_id"])
    return table


def rules_table(
    rules: Iterable[Mapping[str, Any]], words: Mapping[str, str], lang: str, exponent: int, written: Written
) -> Table:
    table = Table(title=words["explained"])
    for key in ("rule", "verdict", "given", "why"):
        table.add_column(words[key], justify="right" if key == "given" else "left")
    for row in rules:
        verdict = row["verdict"].removeprefix("VERDICT_")
        given = ""
        if row["points"]:
            given = points_text([row], written.scales)
        elif row["amount_minor"]:
            given = f"−{decimal(row['amount_minor'], exponent)}"
        shown = VERDICTS_RU.get(verdict, verdict) if lang == "ru" else verdict.lower().replace("_", " ")
        why = "\n".join(why_lines(row, verdict, words, exponent, written))
        name = written.name(row, lang) or words["rounding"]
        table.add_row(Text(name), shown, given, Text(why), style=STYLES.get(verdict))
    return table


def why_lines(
    row: Mapping[str, Any], verdict: str, words: Mapping[str, str], exponent: int, written: Written
) -> Iterator[str]:
    """The first condition that failed and how far it is, or who was in the way and by how much."""
    winner = row["by_promotion_id"]
    if row["condition"]:
        yield condition_text(row, words, exponent)
        yield f"({row['condition']})"
    elif verdict == "BEATEN":
        margin = row["margin_minor"]
        if margin == 0:
            best = written.modes.get(row["promotion_id"]) in ("BEST", "OPTIMAL")
            yield words["tie" if best else "first"].format(winner=winner)
        else:
            # In accrual the promotions compete by points.
            points = row["asset"] != ""
            text = decimal(margin, written.scales.get(row["asset"], 2) if points else exponent)
            least = written.modes.get(row["promotion_id"]) == "MIN"
            yield words["least" if least else "best"].format(winner=winner, margin=text)
    elif verdict == "EXCLUDED":
        yield words["excluded"].format(winner=winner)
    elif verdict in ("FLOOR", "LIMIT", "BUDGET", "ZERO"):
        yield words[verdict.lower()]
    if row["applications"] > 1:
        yield words["times"].format(times=row["applications"])
    if row["greedy"]:
        yield words["greedy"]
    if row["cut_minor"]:
        yield words["cut"].format(amount=decimal(row["cut_minor"], exponent), winner=winner)


# Of numbers a condition tells: money, or so many digits after the point.
SCALES = {"receipt_sum": None, "turnover": None, "quantity": 3, "purchases": 3, "purchase_number": 0, "validity": 0}


def condition_text(row: Mapping[str, Any], words: Mapping[str, str], exponent: int) -> str:
    kind = row["condition"].rpartition(".")[2]
    what = words.get(kind, kind)
    if kind == "schedule":
        return words["closed"].format(what=what)
    if kind not in SCALES or row["actual"] == row["needed"] == 0:
        asked = ".".join(step for step in row["condition"].split(".") if not step.startswith(("when", "all", "any")))
        return words["wanted"].format(what=asked or kind)
    actual, needed, missing = (amount_text(kind, row[key], exponent) for key in ("actual", "needed", "distance"))
    if row["distance"] > 0:
        return words["has"].format(what=what, actual=actual, needed=needed, missing=missing)
    return words["exceeds"].format(what=what, actual=actual, needed=needed)


def amount_text(kind: str, number: int, exponent: int) -> str:
    """Money, or a number without the zeros that whole pieces end in."""
    digits = SCALES[kind]
    return decimal(number, exponent) if digits is None else decimal(number, digits).removesuffix(".000")
