"""Seeded random documents of kind rounding, often for a receipt that they round."""

from .generator_conditions import Document
from .generator_wide import WideAuthor

STEPS = ("0.05", "0.10", "0.50", "1.00", "0.03", "100.00")


def small_changes(author: WideAuthor) -> list[Document]:
    """None to two, with every condition that may stand in them."""
    rng = author.rng
    documents = []
    for number in range(rng.choice((0, 1, 1, 2))):
        document: Document = {"rounding": f"change-{number}", "to": rng.choice(STEPS)}
        if author.chance(0.5):
            document["priority"] = rng.choice((10, 20))
        if author.chance(0.5):
            document["when"] = author.some(
                (3, author.payment_condition), (1, author.schedule), (1, author.store_condition),
                (1, author.register_condition), (1, lambda: {"customer": {"has_card": author.chance(0.6)}}),
            )  # fmt: skip
        documents.append(document)
    return documents
