"""Seeded random nudges on promotions already written: of draws of their own, so that the rest of a case stays."""

import random

from .generator_conditions import Document

TEXTS = ("{{ distance }}", "{{ promotion }} − {{distance}}", "More!")


def with_nudges(rng: random.Random, documents: list[Document]) -> None:
    """Most often nobody nudges; else most promotions that may miss something."""
    if rng.random() < 0.6:
        return
    for document in documents:
        if "promotion" in document and _may_miss(document) and rng.random() < 0.7:
            languages = rng.choice((("en",), ("ru",), ("en", "ru")))
            text = {language: rng.choice(TEXTS) for language in languages}
            document["messages"] = {**document.get("messages", {}), "nudge": text}


def _may_miss(document: Document) -> bool:
    if any("multiplier" in reward for reward in document["reward"]):
        return False  # who multiplies another promotion nudges nobody
    said = f"{document.get('when')} {document['reward']}"
    return any(word in said for word in ("receipt_sum", "quantity", "tiers"))
