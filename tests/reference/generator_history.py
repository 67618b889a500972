"""Seeded random earlier receipts, and conditions close to what they come to."""

from datetime import date, timedelta
from typing import Any

from .generator_conditions import Document, decimal, milli, money
from .generator_facts import put_before
from .generator_wide import WideAuthor
from .goods import read_product_set
from .history import Question, count_of, read_history, sum_of

WINDOWS: tuple[Any, ...] = ({"days": 1}, {"days": 7}, {"days": 30}, {"days": 366}, "week", "month", "year", "always")
AGES = (0, 0, 1, 2, 6, 7, 8, 29, 30, 31, 365, 366, 400, -1, -3)


def with_history_asked(author: WideAuthor, documents: list[Document], today: date) -> list[Document]:
    """Most often nothing; else a history, and conditions on it in some promotions and in multipliers of theirs."""
    if author.chance(0.65):
        return []
    history = [earlier(author, today, documents) for _ in range(author.rng.choice((0, 1, 2, 3, 5, 8)))]
    asking = [document for document in documents if "promotion" in document and author.chance(0.5)]
    for document in asking:
        put_before(author, document, condition(author, history, today, documents))
        for one in document.get("multiplier", ()):
            if author.chance(0.3):
                one["when"] = condition(author, history, today, documents)
    return history


def earlier(author: WideAuthor, today: date, documents: list[Document]) -> Document:
    rng = author.rng
    names = [document["promotion"] for document in documents if "promotion" in document]
    store = {key: author.store[key] for key in ("store_id", "region", "format", "cluster")}
    if author.chance(0.4):
        store = {"store_id": "s-9", "region": rng.choice(("msk", "spb", "")), "format": "super", "cluster": "a"}
    return {
        "date": (today - timedelta(days=rng.choice(AGES))).isoformat(),
        "store": store,
        "lines": [earlier_line(author) for _ in range(rng.choice((1, 1, 2, 3)))],
        "gave": rng.sample(names, min(len(names), rng.choice((0, 1, 2)))),
    }


def earlier_line(author: WideAuthor) -> Document:
    rng = author.rng
    line = rng.choice(author.receipt["lines"])
    keys = ("sku", "unit", "group_id", "brand_id", "supplier_id", "attributes")
    kept = {key: line[key] for key in keys if key in line}
    flags = {flag: True for flag in ("gift", "no_threshold", "no_accrual") if author.chance(0.07)}
    quantity = rng.choice((1000, 2000, 3000)) if "PIECE" in line["unit"] else rng.choice((1, 500, 1234))
    return kept | {"qty_milli": quantity, "paid_minor": rng.choice((0, 1, 100, 5000, 12345)), "flags": flags}


def condition(author: WideAuthor, history: list[Document], today: date, documents: list[Document]) -> Document:
    made: Document = author.some(
        (3, lambda: purchases(author, history, today)),
        (3, lambda: turnover(author, history, today)),
        (2, lambda: purchase_number(author, history, today)),
        (3, lambda: validity(author, history, documents)),
    )
    return made


def terms_of(author: WideAuthor) -> Document:
    """`window`, `of` and `at`."""
    rng = author.rng
    terms: Document = {"window": rng.choice(WINDOWS)}
    if author.chance(0.4):
        terms["of"] = goods(author)
    if author.chance(0.3):
        terms["at"] = rng.choice(("same_store", author.store_condition()["store"]))
    return terms


def goods(author: WideAuthor) -> Document:
    while True:
        document = author.goods()
        if "unit_price" not in str(document):
            return document


def found(author: WideAuthor, terms: Document, history: list[Document], today: date) -> Any:
    """What there is in the window, in whatever store: close enough for a bound."""
    question = Question(terms.get("window", "always"), read_product_set(terms.get("of")), lambda _: True)
    return question.found(read_history(history), today)


def purchases(author: WideAuthor, history: list[Document], today: date) -> Document:
    terms = terms_of(author)
    count_by = author.rng.choice(("RECEIPTS", "RECEIPTS", "UNITS", "WEIGHT", None))
    if count_by:
        terms["count_by"] = count_by
    figure = count_of(found(author, terms, history, today), count_by or "RECEIPTS")
    if count_by == "WEIGHT":
        return {"purchases": terms | author.bounds(figure, milli)}
    if author.chance(0.3):
        return {"purchases": terms | {"count": max(1, figure // 1000 + author.rng.choice((0, 0, 1)))}}
    return {"purchases": terms | author.bounds(figure // 1000, str)}


def turnover(author: WideAuthor, history: list[Document], today: date) -> Document:
    terms = terms_of(author)
    figure = sum_of(found(author, terms, history, today))
    if author.chance(0.4):
        terms["include_current"] = True
        test = read_product_set(terms.get("of"))
        figure += sum(line.gross for line in author.lines if line.is_counted and test(line))
    return {"turnover": terms | author.bounds(figure, money)}


def purchase_number(author: WideAuthor, history: list[Document], today: date) -> Document:
    terms = terms_of(author)
    number = 1 + len(found(author, terms, history, today))
    if author.chance(0.4):
        del terms["window"]
    choices: tuple[Document, ...] = (
        {"every": 2}, {"every": max(2, number)}, {"is": number}, {"is": sorted({1, number + 1})}, {"is": 1}
    )  # fmt: skip
    return {"purchase_number": terms | author.rng.choice(choices)}


def validity(author: WideAuthor, history: list[Document], documents: list[Document]) -> Document:
    rng = author.rng
    days = rng.choice((1, 7, 8, 30, 31, 366))
    if author.chance(0.5):
        names = [document["promotion"] for document in documents if "promotion" in document]
        return {"validity": {"days": days, "after": {"first_use": rng.choice(("this", *names))}}}
    terms = terms_of(author)
    del terms["window"]
    whole = sum(line["paid_minor"] for row in history for line in row["lines"])
    terms["sum"] = decimal(max(1, rng.choice((whole, whole // 2, whole + 1, 100))), 2)
    return {"validity": {"days": days, "after": {"turnover": terms}}}
