"""A document in words: what a marketer would say it does, in one or two sentences of the visitor's language.

Only tells what is written; defaults stay unsaid. A part it has no words for is named by its key, never left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from altyn.admin_api.console.texts import Texts

JOINS = {"all": "and", "any": "or", "none": "or"}
NAMES_SHOWN_MAX = 4


class Outline:
    """What a document says of itself."""

    def __init__(self, document: Mapping[str, Any], texts: Texts) -> None:
        self.document = document
        self.t = texts

    @property
    def kind(self) -> str:
        return "limit" if "limit" in self.document else "promotion"

    @property
    def title(self) -> str:
        given = self.document.get("title")
        name = str(self.document.get(self.kind, ""))
        return self.t.of(given, name) if isinstance(given, dict) else name

    @property
    def stage(self) -> str:
        return str(self.document.get("stage", "accrual")) if self.kind == "promotion" else ""

    @property
    def group(self) -> str:
        group = self.document.get("group", "")
        return str(group.get("name", "")) if isinstance(group, dict) else str(group)

    @property
    def schedules(self) -> list[Mapping[str, Any]]:
        """Those that must hold whatever else does."""
        when = self.document.get("when")
        if not isinstance(when, dict):
            return []
        parts = when.get("all")
        nodes = [when, *(parts if isinstance(parts, list) else [])]
        found = [node.get("schedule") for node in nodes if isinstance(node, dict)]
        return [one for one in found if isinstance(one, dict)]

    @property
    def validity(self) -> str:
        """From when to when, when it is said."""
        starts = [str(one["from"]) for one in self.schedules if one.get("from")]
        ends = [str(one["to"]) for one in self.schedules if one.get("to")]
        if not starts and not ends:
            return self.t("words.always")
        if not ends:
            return self.t("words.since", day=_day(max(starts)))
        if not starts:
            return self.t("words.until", day=_day(min(ends)))
        return f"{_day(max(starts))} – {_day(min(ends))}"

    @property
    def gives(self) -> str:
        """What the rewards give."""
        rewards = self.document.get("reward")
        told = [
            self._reward(kind, body if isinstance(body, dict) else {})
            for reward in (rewards if isinstance(rewards, list) else [])
            if isinstance(reward, dict)
            for kind, body in reward.items()
        ]
        if self.kind == "limit":
            return self.t("words.limit" if "cap" in self.document else "words.payment")
        return "; ".join(told) or self.t("words.nothing")

    @property
    def asks(self) -> str:
        """When it gives; empty: always."""
        when = self.document.get("when")
        return self._condition(when) if isinstance(when, dict) else ""

    @property
    def sentence(self) -> str:
        asks = self.asks
        return (
            self.t("words.gives_when", gives=self.gives, when=asks)
            if asks
            else self.t("words.gives_always", gives=self.gives)
        )

    def condition_at(self, path: str) -> str:
        """The condition a path of an explanation names, in words: ``when.all[1].receipt_sum``."""
        node: Any = self.document
        steps = path.replace("[", ".").replace("]", "").split(".")
        for step in steps:
            if isinstance(node, list) and step.isdecimal() and int(step) < len(node):
                node = node[int(step)]
            elif isinstance(node, dict) and step in node:
                node = node[step]
            else:
                return path
        if len(steps) > 1 and steps[-2] in ("store", "customer", "register"):  # one attribute of several
            return self._one(steps[-2], {steps[-1]: node})
        return self._one(steps[-1], node) if len(steps) > 1 else self._condition(node)

    def goods(self, of: object) -> str:
        """A product set."""
        if not isinstance(of, dict) or not of:
            return self.t("words.all_goods")
        told = [
            self.t("words.goods_of", what=self.t("words.goods." + key), names=self._names(value))
            for key, value in of.items()
            if key in ("sku", "category", "brand", "supplier")
        ]
        named = of.get("attribute")
        for name, values in named.items() if isinstance(named, dict) else ():
            told.append(self.t("words.goods_of", what=str(name), names=self._names(values)))
        told += [self.t("words.goods_own." + key) for key in ("favourite", "personal") if of.get(key)]
        price = of.get("unit_price")
        if isinstance(price, dict):
            told.append(self.t("words.goods_price", range=self._range(price, "to")))
        if of.get("except"):
            left_out = of["except"] if isinstance(of["except"], list) else [of["except"]]
            told.append(self.t("words.goods_except", goods=", ".join(self.goods(one) for one in left_out)))
        return ", ".join(told) or self.t("words.some_goods")

    def _reward(self, kind: str, body: Mapping[str, Any]) -> str:
        known = f"words.reward.{kind}"
        goods = self.goods(body.get("of"))
        if kind == "points":
            known += ".percent" if "percent" in body else ".fixed" if "fixed" in body else ".tiers"
        elif "tiers" in body:
            known = "words.reward.tiers"
        if not self.t.has(known):
            return self.t.word("kind", kind)
        given = {key: self.t.written(value) for key, value in body.items() if isinstance(value, str)}
        blanks = dict.fromkeys(("rate", "off", "price", "take", "pay", "percent", "fixed", "asset", "series"), "…")
        return self.t(known, **{**blanks, **given, "goods": goods})

    def _condition(self, node: Mapping[str, Any], inside: bool = False) -> str:
        told = [self._one(key, value) for key, value in node.items()]
        text = self.t("words.and").join(told)
        return f"({text})" if inside and len(told) > 1 else text

    def _one(self, key: str, value: Any) -> str:
        if key in JOINS and isinstance(value, list):
            parts = [self._condition(one, inside=True) for one in value if isinstance(one, dict)]
            text = self.t("words." + JOINS[key]).join(part for part in parts if part)
            if key == "none":
                return self.t("words.none_of", what=text)
            return f"({text})" if key == "any" and len(parts) > 1 else text
        if isinstance(value, dict):
            told = [one for one in getattr(self, f"_{key}", self._unnamed)(value) if one]
            if told:
                return self.t("words.and").join(told)
        return self.t.word("kind", key)

    def _schedule(self, body: Mapping[str, Any]) -> Iterator[str]:
        if body.get("from"):
            yield self.t("words.since", day=_day(str(body["from"])))
        if body.get("to"):
            yield self.t("words.until", day=_day(str(body["to"])))
        if body.get("hours"):
            yield self.t("words.hours", hours=self._names(body["hours"]))
        if body.get("weekdays"):
            days = body["weekdays"] if isinstance(body["weekdays"], list) else [body["weekdays"]]
            yield self.t("words.weekdays", days=", ".join(self.t.word("weekday", day) for day in days))
        if body.get("days_of_month"):
            yield self.t("words.days_of_month", days=self._names(body["days_of_month"]))

    def _store(self, body: Mapping[str, Any]) -> Iterator[str]:
        for key in body:
            yield self._chosen("store", key, body[key])

    def _register(self, body: Mapping[str, Any]) -> Iterator[str]:
        for key in body:
            yield self._chosen("register", key, body[key])

    def _balance(self, body: Mapping[str, Any]) -> Iterator[str]:
        yield f"{self.t('words.balance', asset=body.get('asset', '…'))} {self._range(body, 'below')}"

    def _payment(self, body: Mapping[str, Any]) -> Iterator[str]:
        share = body.get("from_percent")
        key = "words.paid_share" if share else "words.paid"
        yield self.t(key, types=self._names(body.get("type", "…")), share=self.t.written(share or ""))

    def _birthday(self, body: Mapping[str, Any]) -> Iterator[str]:
        before, after = (str(body.get(key, "0")) for key in ("before", "after"))
        key = "words.birthday" if before == after == "0" else "words.near_birthday"
        yield self.t(key, before=before, after=after)

    def _customer(self, body: Mapping[str, Any]) -> Iterator[str]:
        for key, value in body.items():
            if key == "has_card":
                yield self.t("words.no_card" if value in (False, "false") else "words.has_card")
            else:
                yield self._chosen("customer", key, value)

    def _coupon(self, body: Mapping[str, Any]) -> Iterator[str]:
        for key in ("code", "series"):
            if body.get(key):
                yield self.t(f"words.coupon_{key}", name=body[key])

    def _receipt_sum(self, body: Mapping[str, Any]) -> Iterator[str]:
        goods = self.goods(body["of"]) if body.get("of") else ""
        what = self.t("words.sum_of", goods=goods) if goods else self.t("words.sum")
        yield f"{what} {self._range(body, 'below')}"

    def _quantity(self, body: Mapping[str, Any]) -> Iterator[str]:
        what = self.t("words.quantity_of", goods=self.goods(body.get("of")))
        yield f"{what} {self._range(body, 'below')}"

    def _unnamed(self, body: Mapping[str, Any]) -> Iterator[str]:
        return iter(())

    def _chosen(self, owner: str, key: str, value: Any) -> str:
        what = self.t.word(f"words.{owner}", key)
        if isinstance(value, dict):
            told = [
                self.t("words.is" if word == "any_of" else "words.is_not", what=what, names=self._names(names))
                for word, names in value.items()
                if names
            ]
            return self.t("words.and").join(told)
        return self.t("words.is", what=what, names=self._names(value))

    def _range(self, body: Mapping[str, Any], end: str) -> str:
        told = []
        if body.get("from"):
            told.append(self.t("words.from", number=self.t.written(body["from"])))
        if body.get(end):
            told.append(self.t(f"words.{end}", number=self.t.written(body[end])))
        return " ".join(told) or "…"

    def _names(self, value: Any) -> str:
        names = [str(one) for one in value] if isinstance(value, list) else [str(value)]
        shown = ", ".join(names[:NAMES_SHOWN_MAX])
        more = len(names) - NAMES_SHOWN_MAX
        return shown if more <= 0 else self.t("words.and_more", names=shown, count=more)


def _day(text: str) -> str:
    return text.replace("T", " ")
