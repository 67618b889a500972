"""An outcome in words: line by line who gave what, and of every promotion that gave nothing why it did not.

Reads the calculation's own explanation and adds no judgement to it; amounts are only written, never calculated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from altyn.admin_api.console.outline import Outline
from altyn.admin_api.console.texts import Texts

SCALE = 2  # of an asset nobody has declared
CHANNELS = {"CHANNEL_SLIP": "slip", "CHANNEL_CASHIER": "cashier", "CHANNEL_CUSTOMER_DISPLAY": "customer_display"}


@dataclass(frozen=True, slots=True)
class LineTold:
    """A line of the receipt and what happened to it."""

    title: str
    quantity: str
    gross: str
    net: str
    is_cheaper: bool
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A promotion that was looked at."""

    promotion_id: str
    title: str
    gave: str
    why: str
    word: str


class Explained:
    """All of an outcome that a page shows."""

    def __init__(
        self,
        outcome: Mapping[str, Any],
        receipt: Mapping[str, Any],
        documents: Sequence[dict[str, Any]],
        scales: Mapping[str, int],
        texts: Texts,
    ) -> None:
        self.t = texts
        self.exponent = int(receipt["exponent"])
        self.currency = str(receipt["currency"])
        self._outcome = outcome
        self._receipt = receipt
        self._scales = scales
        self._outlines = {str(one.get("promotion") or one.get("limit")): Outline(one, texts) for one in documents}
        self._rules = outcome["explain"]["rules"] if "explain" in outcome else []

    def money(self, minor: int) -> str:
        return self.t.decimal(minor, self.exponent)

    def points(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """Points by asset."""
        told = (
            f"{self.t.decimal(row['points'], self._scales.get(row['asset'], SCALE))} {row['asset']}" for row in rows
        )
        return ", ".join(told)

    def _points(self, row: Mapping[str, Any]) -> str:
        return self.t.decimal(row["points"], self._scales.get(row["asset"], SCALE))

    @property
    def totals(self) -> Mapping[str, Any]:
        totals: Mapping[str, Any] = self._outcome["totals"]
        return totals

    @property
    def is_cheaper(self) -> bool:
        return bool(self.totals["discount_minor"])

    @property
    def lines(self) -> list[LineTold]:
        given = {line["line_no"]: line for line in self._receipt["lines"]}
        return [self._line(line, given[line["line_no"]]) for line in self._outcome["lines"]]

    @cached_property
    def fired(self) -> list[Verdict]:
        return [self._verdict(row) for row in self._rules if row["verdict"] == "VERDICT_APPLIED"]

    @cached_property
    def silent(self) -> list[Verdict]:
        """Those that gave nothing, with the reason."""
        return [self._verdict(row) for row in self._rules if row["verdict"] != "VERDICT_APPLIED"]

    @property
    def messages(self) -> Mapping[str, list[tuple[str, str]]]:
        """(language, text) by channel, in order of saying."""
        found: dict[str, list[tuple[str, str]]] = {channel: [] for channel in CHANNELS.values()}
        for row in self._outcome["messages"]:
            channel = CHANNELS.get(row["channel"])
            if channel is not None:
                found[channel].append((row["language"], row["text"]))
        return found

    @property
    def promises(self) -> list[tuple[str, str]]:
        """(picture, sentence) of goods for nothing, codes to be issued, and of what is a little way off."""
        told = [("gift", self._gift(row)) for row in self._outcome.get("gifts", ())]
        for row in self._outcome.get("issued_coupons", ()):
            told.append(("ticket", self.t("told.issues", title=self._title(row["promotion_id"]))))
        for promotion_id, texts in self._nudges.items():
            told.append(("info-circle", self.t("told.nudges", title=self._title(promotion_id), text=self.t.of(texts))))
        return told

    @property
    def _nudges(self) -> Mapping[str, dict[str, str]]:
        """Text by language, by promotion."""
        found: dict[str, dict[str, str]] = {}
        for row in self._outcome.get("nudges", ()):
            found.setdefault(row["promotion_id"], {})[row["language"]] = row["text"]
        return found

    def _gift(self, row: Mapping[str, Any]) -> str:
        title, goods = self._title(row["promotion_id"]), " / ".join(row["skus"])
        key = "told.gift_taken" if row["taken"] else "told.gift"
        return self.t(key, title=title, quantity=row["quantity"], goods=goods, taken=row["taken"])

    def verdict_on(self, promotion_id: str) -> Verdict | None:
        """The draft's own: the first reward that gave, else the first."""
        own = [row for row in self._rules if row["promotion_id"] == promotion_id]
        best = next((row for row in own if row["verdict"] == "VERDICT_APPLIED"), own[0] if own else None)
        return None if best is None else self._verdict(best)

    def _line(self, line: Mapping[str, Any], given: Mapping[str, Any]) -> LineTold:
        sentences = [self._discount(row, line["line_no"]) for row in line["discounts"]]
        if line["accrual"]:
            sentences.append(self.t("told.line_points", points=self.points(line["accrual"])))
        if not sentences:
            sentences.append(self.t("told.line_nothing"))
        quantity = self.t.written(_thousandths(given["qty_milli"]))
        net, gross = line["net_minor"], line["gross_minor"]
        return LineTold(given["sku"], quantity, self.money(gross), self.money(net), net < gross, tuple(sentences))

    def _discount(self, row: Mapping[str, Any], line_no: int) -> str:
        amount = self.money(row["amount_minor"])
        if not row["promotion_id"]:
            key = "told.line_rounding" if row["kind"].endswith("ROUNDING") else "told.line_external"
            return self.t(key, amount=amount)
        title = self._title(row["promotion_id"])
        trace = next(
            (
                place
                for rule in self._rules
                if rule["promotion_id"] == row["promotion_id"] and rule["reward_no"] == row["reward_no"]
                for place in rule["lines"]
                if place["line_no"] == line_no
            ),
            None,
        )
        if trace is None:
            return self.t("told.line_discount", title=title, amount=amount)
        before, after = self.money(trace["before_minor"]), self.money(trace["after_minor"])
        return self.t("told.line_discount_from_to", title=title, amount=amount, before=before, after=after)

    def _verdict(self, row: Mapping[str, Any]) -> Verdict:
        gave = self.points([row]) if row["points"] else ""
        if not gave and row["amount_minor"]:
            gave = f"\u2212{self.money(row['amount_minor'])} {self.currency}"
        word = row["verdict"].removeprefix("VERDICT_")
        name = row["promotion_id"]
        title = self._title(name) if name else self.t("told.rounding")
        return Verdict(name, title, gave, self._why(row, word), word)

    def _why(self, row: Mapping[str, Any], word: str) -> str:
        if row["condition"]:
            return self._failed(row)
        winner = self._title(row["by_promotion_id"]) if row["by_promotion_id"] else ""
        if word == "APPLIED":
            cut = row["cut_minor"]
            return self.t("told.cut", amount=self.money(cut), winner=winner) if cut else ""
        if word == "BEATEN" and row["margin_minor"]:
            scale = self._scales.get(row["asset"], SCALE) if row["asset"] else self.exponent
            return self.t("told.beaten_by", winner=winner, margin=self.t.decimal(row["margin_minor"], scale))
        return self.t(f"told.why.{word}", winner=winner)

    def _failed(self, row: Mapping[str, Any]) -> str:
        """The first condition that did not hold, and how far it was."""
        path = row["condition"]
        kind = path.rpartition(".")[2]
        outline = self._outlines.get(row["promotion_id"])
        wanted = outline.condition_at(path) if outline is not None else path
        if kind in ("receipt_sum", "quantity", "purchases", "turnover") and (row["actual"] or row["needed"]):
            actual, distance = (self._amount(kind, row[name]) for name in ("actual", "distance"))
            if row["distance"] > 0:
                return self.t("told.short", wanted=wanted, actual=actual, distance=distance)
            return self.t("told.too_much", wanted=wanted, actual=actual)
        return self.t("told.wanted", wanted=wanted)

    def _amount(self, kind: str, number: int) -> str:
        return self.money(number) if kind in ("receipt_sum", "turnover") else self.t.written(_thousandths(number))

    def _title(self, promotion_id: str) -> str:
        outline = self._outlines.get(promotion_id)
        return outline.title if outline is not None else promotion_id


def _thousandths(number: int) -> str:
    text = str(number).rjust(4, "0")
    return f"{text[:-3]}.{text[-3:]}".removesuffix(".000")
