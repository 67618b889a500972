"""Remarks and changes as a person reads them on a terminal, in English or Russian. Only prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from altyn.cli.outcome_table import decimal
from altyn.cli.rules.effects import PriceChange, ReceiptChange
from altyn.core.rules.compare import DocumentChange
from altyn.core.rules.lint import Remark, Severity

WORDS = {
    "en": {
        "error": "error",
        "warning": "warning",
        "hint": "hint",
        "mend": "mend",
        "none": "no remarks",
        "added": "added",
        "removed": "removed",
        "changed": "changed",
        "promotion": "promotion",
        "limit": "limit",
        "rounding": "rounding",
        "asset": "asset",
        "nothing": "nothing",
        "same": "the documents mean the same",
        "prices": "to pay, before and after",
        "nominal": "prices are made up (100.00 a piece): give --catalogue for real ones",
        "goods": "goods",
        "when": "when",
        "shelf": "without discounts",
        "before": "before",
        "after": "after",
        "by": "change",
        "points": "points",
        "receipts": "receipts, before and after",
        "receipt": "receipt",
        "pay": "to pay",
        "why": "promotions",
        "said": "said",
        "more": "… {count} more rows",
        "no_effect": "no price and no receipt that was tried changes",
    },
    "ru": {
        "error": "ошибка",
        "warning": "внимание",
        "hint": "совет",
        "mend": "как исправить",
        "none": "замечаний нет",
        "added": "добавлено",
        "removed": "снято",
        "changed": "изменено",
        "promotion": "акция",
        "limit": "ограничение",
        "rounding": "округление",
        "asset": "валюта",
        "nothing": "ничего",
        "same": "документы значат одно и то же",
        "prices": "к оплате до и после",
        "nominal": "цены условные (100.00 за штуку): настоящие даёт --catalogue",
        "goods": "товар",
        "when": "когда",
        "shelf": "без скидок",
        "before": "до",
        "after": "после",
        "by": "разница",
        "points": "баллы",
        "receipts": "чеки до и после",
        "receipt": "чек",
        "pay": "к оплате",
        "why": "акции",
        "said": "сказано",
        "more": "… ещё строк: {count}",
        "no_effect": "ни одна испытанная цена и ни один чек не меняются",
    },
}
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.HINT: "dim"}
ROWS_SHOWN_MAX = 100

Scales = Mapping[str, int]


def print_remarks(found: Sequence[Remark], lang: str) -> None:
    """One remark after another, the worst first, and how many there are of each severity."""
    words, console = WORDS[lang], Console(soft_wrap=True, highlight=False)
    for one in found:
        head = Text(words[one.severity.value], style=STYLES[one.severity]) + f" {one.code} "
        console.print(head + Text(one.path, style="bold"))
        console.print(Text(f"    {one.say(lang)}"))
        console.print(Text(f"    {words['mend']}: {one.mend(lang)}", style="dim"))
    counts = Counter(one.severity for one in found)
    told = ", ".join(f"{words[severity.value]}: {counts[severity]}" for severity in Severity if counts[severity])
    console.print(told or words["none"])


def print_changes(changes: Sequence[DocumentChange], lang: str) -> None:
    words = WORDS[lang]
    if not changes:
        print(words["same"])
    for change in changes:
        print(f"{words[change.change.value]:9} {words[change.kind]} {change.name}")
        for path in change.paths:
            before, after = path.before or words["nothing"], path.after or words["nothing"]
            print(f"          {path.path}: {before} -> {after}")


def print_prices(found: Sequence[PriceChange], lang: str, scales: Scales, nominal: bool) -> None:
    words, console = WORDS[lang], Console()
    table = Table(title=words["prices"], caption=words["nominal"] if nominal else None)
    for key in ("goods", "when", "shelf", "before", "after", "by", "points"):
        table.add_column(words[key], justify="left" if key in ("goods", "when", "points") else "right")
    for row in found[:ROWS_SHOWN_MAX]:
        goods = row.sku + (f" × {row.units}" if row.units > 1 else "")
        amounts = [decimal(amount, 2) for amount in (row.gross_minor, row.before_minor, row.after_minor)]
        points = points_change(row.before_points, row.after_points, scales)
        change = signed(row.after_minor - row.before_minor, 2)
        table.add_row(Text(goods), Text("\n".join(row.situation)), *amounts, change, points)
    console.print(table)
    if len(found) > ROWS_SHOWN_MAX:
        console.print(words["more"].format(count=len(found) - ROWS_SHOWN_MAX))


def print_receipts(found: Sequence[ReceiptChange], lang: str, scales: Scales) -> None:
    words, console = WORDS[lang], Console()
    table = Table(title=words["receipts"])
    for key in ("receipt", "before", "after", "by", "points", "why", "said"):
        table.add_column(words[key], justify="right" if key in ("before", "after", "by") else "left")
    for row in found[:ROWS_SHOWN_MAX]:
        digits = row.exponent
        why = "\n".join(
            f"{name} −{decimal(was, digits)} → −{decimal(now, digits)}" for name, was, now in row.promotions
        )
        said = "\n".join([f"− {text}" for text in row.unsaid] + [f"+ {text}" for text in row.said])
        table.add_row(
            Text(row.receipt),
            decimal(row.before_minor, digits),
            decimal(row.after_minor, digits),
            signed(row.after_minor - row.before_minor, digits),
            points_change(row.before_points, row.after_points, scales),
            Text(why),
            Text(said),
        )
    console.print(table)
    if len(found) > ROWS_SHOWN_MAX:
        console.print(words["more"].format(count=len(found) - ROWS_SHOWN_MAX))


def signed(amount: int, digits: int) -> str:
    return "" if amount == 0 else ("−" if amount < 0 else "+") + decimal(abs(amount), digits)


def points_change(before: Mapping[str, int], after: Mapping[str, int], scales: Scales) -> str:
    """``1.50 → 2.00 stars`` for every asset that differs."""
    told = []
    for asset in sorted({*before, *after}):
        was, now = before.get(asset, 0), after.get(asset, 0)
        if was != now:
            scale = scales.get(asset, 2)
            told.append(f"{decimal(was, scale)} → {decimal(now, scale)} {asset}")
    return "\n".join(told)
