"""Messages, gifts and issued coupons, and the texts they say: placeholders stand in double braces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from altyn.core.rules.promotion import Expiry, Gift, IssueCoupon, Message, Reward
from altyn.core.rules.read.forms import Fields, Form, Key, MappingOf, Schema, Text, Titles, UniqueOf, Whole, Word
from altyn.core.rules.read.problems import Code, Reading, meant
from altyn.core.rules.read.shared import EXPIRY, PRIORITY_DEFAULT, identifier
from altyn.core.rules.words import Channel

MESSAGE_PRIORITY_MAX = 1_000
PLACEHOLDERS = ("promotion", "discount", "points", "to_pay", "balance")
NUDGE_PLACEHOLDERS = ("promotion", "distance")
ISSUED_PLACEHOLDERS = (*PLACEHOLDERS, "coupon")
CHANNELS = {channel.name.lower(): channel for channel in Channel}
_BRACES = re.compile(r"\{\{([^{}]*)\}\}")


class Saying(Form[Mapping[str, str]]):
    """Text by language, at least one; placeholders are known ones, written back as ``{{ name }}``."""

    TITLES = Titles()

    def __init__(self, known: tuple[str, ...] = PLACEHOLDERS) -> None:
        self.known = known

    def read(self, value: object, path: str, reading: Reading) -> Mapping[str, str] | None:
        texts = self.TITLES.read(value, path, reading)
        if texts is None:
            return None
        if not texts:
            reading.add(path, Code.EMPTY, "a text in at least one language is needed: {en: …, ru: …}")
            return None
        before = reading.count
        made = {language: self._text(text, f"{path}.{language}", reading) for language, text in texts.items()}
        return None if reading.count > before else made

    def _text(self, text: str, path: str, reading: Reading) -> str:
        for match in _BRACES.finditer(text):
            if (name := match[1].strip(" ")) not in self.known:
                reading.add(path, Code.BAD_FORMAT, meant(name, self.known, f'"{name}" is no placeholder'))
        rest = _BRACES.sub("", text)
        if "{{" in rest or "}}" in rest:
            reading.add(path, Code.BAD_FORMAT, "a placeholder is written {{ name }}: braces are not closed")
        return _BRACES.sub(lambda match: "{{ " + match[1].strip(" ") + " }}", text)

    def schema(self) -> Schema:
        return {**self.TITLES.schema(), "minProperties": 1}


MESSAGE: MappingOf[Reward] = MappingOf(
    "message",
    [
        Key("to", Word(CHANNELS), required=True, title=", ".join(CHANNELS)),
        Key("text", Saying(), required=True, title="text by language"),
        Key("priority", Whole("a priority", 0, MESSAGE_PRIORITY_MAX), PRIORITY_DEFAULT, title="smaller first"),
        Key("barcode", Text("a barcode"), title="printed under the text"),
    ],
    lambda fields, path: Message(path, fields["to"], fields["text"], fields["priority"], fields["barcode"]),
)

ISSUE_COUPON: MappingOf[Reward] = MappingOf(
    "issue_coupon",
    [
        Key("series", identifier("a coupon series"), required=True),
        Key("expires", EXPIRY, Expiry()),
        Key("text", Saying(ISSUED_PLACEHOLDERS), {}, title="printed with the code"),
    ],
    lambda fields, path: IssueCoupon(path, fields["series"], fields["expires"], fields["text"]),
)


GIFT_SKUS_MAX = 32
GIFT_QUANTITY_MAX = 100
GIFT: MappingOf[Reward] = MappingOf(
    "gift",
    [
        Key("sku", UniqueOf(Text("an SKU"), "SKUs", GIFT_SKUS_MAX), required=True, title="one, or some to choose from"),
        Key("quantity", Whole("a number of units", 1, GIFT_QUANTITY_MAX), 1),
        Key("text", Saying(), {}, title="for the cashier, by language"),
    ],
    lambda fields, path: Gift(path, fields["sku"], fields["quantity"], fields["text"]),
)


class Speech(NamedTuple):
    """What a promotion says besides its rewards: when it gave something, and when little is missing to it."""

    messages: Mapping[Channel, Mapping[str, str]]
    nudge: Mapping[str, str]


SILENCE = Speech({}, {})


def _speech(fields: Fields, path: str) -> Speech:
    said = {channel: fields[name] for name, channel in CHANNELS.items() if fields[name] is not None}
    return Speech(said, fields["nudge"] or {})


MESSAGES: MappingOf[Speech] = MappingOf(
    "messages",
    [*(Key(name, Saying()) for name in CHANNELS), Key("nudge", Saying(NUDGE_PLACEHOLDERS))],
    _speech,
    some=True,
)
