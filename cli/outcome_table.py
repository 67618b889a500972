"""An outcome as a person reads it on a terminal, in English or Russian.

Only prints. Amounts are shown in major units of the receipt's currency, points in points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

WORDS = {
    "en": {
        "line": "line",
        "sku": "sku",
        "gross": "gross",
        "discounts": "discounts",
        "net": "to pay",
        "points": "points",
        "total": "total",
        "external": "external or manual",
        "coupon": "coupon",
        "state": "state",
        "reason": "reason",
        "rule": "promotion",
        "verdict": "verdict",
        "given": "gave",
        "why": "why",
        "add": "add {missing}",
        "beaten": "{winner} gives {margin} more",
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
        "external": "внешняя или ручная",
        "coupon": "купон",
        "state": "состояние",
        "reason": "причина",
        "rule": "акция",
        "verdict": "решение",
        "given": "дала",
        "why": "почему",
        "add": "не хватает {missing}",
        "beaten": "{winner} выгоднее на {margin}",
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
STATES_RU = {"APPLIED": "применён", "NOT_APPLIED": "не применён", "INVALID": "недействителен"}


def print_outcome(outcome: Mapping[str, Any], receipt: Mapping[str, Any], documents: Iterable[Any], lang: str) -> None:
    """Lines and totals; coupons and the explanation when there are any."""
    words, console = WORDS[lang], Console()
    exponent = int(receipt.get("exponent", 2))
    scales = {
        str(one["asset"]): int(one.get("scale", 2)) for one in documents if isinstance(one, dict) and "asset" in one
    }
    console.print(lines_table(outcome, receipt, words, exponent, scales))
    if outcome["coupons"]:
        console.print(coupons_table(outcome["coupons"], words, lang))
    for flag in outcome["flags"]:
        console.print(f"! {flag.removeprefix('REASON_')}")
    if "explain" in outcome:
        console.print(rules_table(outcome["explain"]["rules"], words, lang, exponent, scales))
        if outcome["explain"]["truncated"]:
            console.print(words["truncated"])


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
            f"{row['promotion_id'] or words['external']} −{decimal(row['amount_minor'], exponent)}"
            for row in line["discounts"]
        )
        amounts = decimal(line["gross_minor"], exponent), discounts, decimal(line["net_minor"], exponent)
        table.add_row(str(line["line_no"]), names[line["line_no"]], *amounts, points_text(line["accrual"], scales))
    totals = outcome["totals"]
    table.add_section()
    table.add_row(
        words["total"],
        "",
        decimal(totals["gross_minor"], exponent),
        f"−{decimal(totals['discount_minor'], exponent)}",
        decimal(totals["to_pay_minor"], exponent),
        points_text(totals["accrual"], scales),
    )
    return table


def coupons_table(coupons: Iterable[Mapping[str, Any]], words: Mapping[str, str], lang: str) -> Table:
    table = Table(words["coupon"], words["state"], words["reason"], words["rule"])
    for row in coupons:
        state = row["state"].removeprefix("COUPON_STATE_")
        reason = row["reason"].removeprefix("REASON_").replace("UNSPECIFIED", "")
        table.add_row(row["code"], STATES_RU.get(state, state) if lang == "ru" else state, reason, row["promotion_id"])
    return table


def rules_table(
    rules: Iterable[Mapping[str, Any]], words: Mapping[str, str], lang: str, exponent: int, scales: Mapping[str, int]
) -> Table:
    table = Table(words["rule"], words["verdict"], words["given"], words["why"])
    for row in rules:
        verdict = row["verdict"].removeprefix("VERDICT_")
        given = ""
        if row["points"]:
            given = points_text([row], scales)
        elif row["amount_minor"]:
            given = f"−{decimal(row['amount_minor'], exponent)}"
        name = row["promotion_id"] + (f" [{row['reward_no']}]" if row["reward_no"] else "")
        shown = VERDICTS_RU.get(verdict, verdict) if lang == "ru" else verdict.lower().replace("_", " ")
        table.add_row(name, shown, given, why_text(row, words, exponent))
    return table


def why_text(row: Mapping[str, Any], words: Mapping[str, str], exponent: int) -> str:
    if row["condition"]:
        digits = 3 if row["condition"].endswith("quantity") else exponent
        missing = f": {words['add'].format(missing=decimal(row['distance'], digits))}" if row["distance"] > 0 else ""
        return f"{row['condition']}{missing}"
    if row["by_promotion_id"]:
        return words["beaten"].format(winner=row["by_promotion_id"], margin=decimal(row["margin_minor"], exponent))
    return ""
