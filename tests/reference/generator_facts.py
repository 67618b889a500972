"""Seeded random facts about goods and the customer, and documents that ask for them.

Product sets already written ask for attributes, favourites and grants; conditions for birthdays and grants.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, timedelta
from typing import Any

from .generator_conditions import Document
from .generator_wide import WideAuthor
from .wallclock import EPOCH

COLOURS = ("red", "blue", "Red")
SIZES = ("m", "l")
FAVOURITES = ("bakery", "coffee", "tobacco", "milk")


def with_facts_asked(author: WideAuthor, documents: list[Document]) -> None:
    """Often nobody asks; else some product sets and conditions of most promotions do."""
    if author.chance(0.6):
        return
    for document in documents:
        if "promotion" in document or "cap" in document:
            for goods in product_sets(document):
                if author.chance(0.35):
                    goods |= asked(author, "promotion" in document)
        if "promotion" in document and author.chance(0.25):
            put_before(author, document, author.some((1, lambda: birthday(author)), (1, lambda: {"personal": True})))


def product_sets(part: Any) -> Iterator[Document]:
    """Every `of` and `over` of a document, outermost ones, and one for each reward that has none."""
    if isinstance(part, list):
        for one in part:
            yield from product_sets(one)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in ("of", "over") and isinstance(value, dict):
                yield value
            elif key in ("percent", "fixed_price") and isinstance(value, dict):
                yield value.setdefault("of", {})
            else:
                yield from product_sets(value)


def asked(author: WideAuthor, is_promotion: bool) -> Document:
    rng = author.rng
    attribute = {"colour": rng.choice((*COLOURS, ["red", "blue"], list(COLOURS)))}
    if author.chance(0.2):
        attribute["size"] = rng.choice(SIZES)
    choices: list[Document] = [{"attribute": attribute}, {"favourite": True}]
    choices += [{"personal": True}] if is_promotion else []
    chosen = rng.choice(choices)
    return {"except": chosen} if author.chance(0.2) else chosen


def birthday(author: WideAuthor) -> Document:
    days = {key: author.rng.choice((0, 1, 7, 60)) for key in ("before", "after") if author.chance(0.7)}
    return {"birthday": days}


def put_before(author: WideAuthor, document: Document, condition: Document) -> None:
    """One condition more, beside those a promotion has or in place of them."""
    had = document.get("when")
    beside: list[Callable[[], Document]] = [
        lambda: condition,
        lambda: {"all": [condition, had]},
        lambda: {"any": [condition, had]},
        lambda: {"none": [condition]},
    ]
    document["when"] = author.rng.choice(beside if had else [beside[0], beside[0], beside[3]])()


# What is known


def tell_of_goods(rng: random.Random, lines: list[Document]) -> None:
    """The same attributes for all lines of a SKU."""
    known: dict[str, Document] = {}
    for line in lines:
        attributes = known.setdefault(line["sku"], _attributes(rng))
        if attributes:
            line["attributes"] = dict(attributes)


def _attributes(rng: random.Random) -> Document:
    attributes = {"colour": rng.choice(COLOURS)} if rng.random() < 0.7 else {}
    return attributes | ({"size": rng.choice(SIZES)} if rng.random() < 0.5 else {})


def tell_of_customer(
    rng: random.Random, customer: Document, today: date, at: int, lines: list[Document], documents: list[Document]
) -> None:  # fmt: skip
    """A birthday about today, favourites, and grants that begin or end about now."""
    if rng.random() < 0.8:
        day = today + timedelta(days=rng.choice((0, 0, 1, -1, 7, -7, 8, -8, 60, -60, 61, -61)))
        customer["birthday"] = rng.choice((f"{day:%m-%d}", f"{day:%m-%d}", f"{day:%m-%d}", "02-29"))
    if rng.random() < 0.8:
        customer["favourites"] = rng.sample(FAVOURITES, rng.randint(0, 3))
    names = [document["promotion"] for document in documents if "'personal'" in str(document)]
    skus = sorted({line["sku"] for line in lines})
    customer["personal"] = [
        _grant(rng, name, at, skus) for name in names for _ in range(rng.choice((0, 1, 1, 1, 2)))
    ]  # fmt: skip


def _grant(rng: random.Random, promotion_id: str, at: int, skus: list[str]) -> Document:
    grant: Document = {"promotion": promotion_id}
    if rng.random() < 0.4:
        grant["from"] = _text(at + rng.choice((0, 0, -1, 1, -86_400_000_000)))
    if rng.random() < 0.4:
        grant["to"] = _text(at + rng.choice((2, 2, 86_400_000_000) if "from" in grant else (0, 1, 1, 86_400_000_000)))
    if rng.random() < 0.8:
        grant["skus"] = rng.sample(skus, rng.randint(0, min(3, len(skus))))
    if rng.random() < 0.5:
        grant["categories"] = rng.sample(FAVOURITES, rng.randint(0, 2))
    return grant


def _text(at: int) -> str:
    return (EPOCH + timedelta(microseconds=at)).astimezone(UTC).isoformat().replace("+00:00", "Z")
