"""The small world with promotions that issue coupons, for engine tests and for a verified journal."""

from __future__ import annotations

from altyn.core.engine import Engine
from altyn.core.facts.coupons import COUPON_UNIQUE, NEVER_US, SeriesFact
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import load_documents, read_documents
from altyn.core.rules.ruleset import Ruleset
from tests.core.engine.world import DOCUMENT_SHA256, PEPPER, TOKEN_KEY, new_facts

SLIP = "S-##########?"
RULES = """
promotion: slip-discount
stage: coupon
when: {coupon: {series: slip}}
reward: [{amount: {off: 20.00}}]
---
promotion: slip
title: {en: Next time}
when: {receipt_sum: {from: 50.00}}
reward:
  - issue_coupon:
      series: slip
      expires: {days: 30}
      text: {en: "{{ promotion }}: {{ coupon }}, again {{ coupon }}", ru: "В следующий раз: {{ coupon }}"}
---
promotion: gift
when: {receipt_sum: {from: 200.00}}
reward: [{issue_coupon: {series: gift}}]
---
promotion: earn
reward:
  - points: {asset: bonus, percent: 1}
  - issue_coupon: {series: thanks, expires: {days: 1}}
"""


def image(text: str = RULES) -> bytes:
    rules = read_documents(load_documents(text))
    return compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=1)


def new_engine(text: str = RULES, document_sha256: bytes = DOCUMENT_SHA256) -> Engine:
    facts = new_facts()
    for number, series, template in ((1, "slip", SLIP), (2, "gift", "G#?"), (3, "thanks", "")):
        facts.coupons.upsert_series(SeriesFact(number, series, COUPON_UNIQUE, False, 0, NEVER_US, 1, template))
    engine = Engine(tenant="demo", facts=facts, zone="Europe/Moscow", token_key=TOKEN_KEY, pepper=PEPPER)
    engine.take_ruleset(Ruleset(image(text)), document_sha256, 0)
    return engine
