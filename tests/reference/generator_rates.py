"""Seeded random promotions that multiply others' rates, and gifts."""

from .generator_conditions import Document
from .generator_multipliers import SPOKEN, TIMES, has_rate, may_differ
from .generator_wide import WINDOWS, WideAuthor

FACTORS_MAX = 16


def rates(author: WideAuthor, documents: list[Document]) -> list[Document]:
    """Most often nothing; else up to three promotions that multiply some that have a rate."""
    named = [one for one in documents if _gives_rate(one)]
    if not named or author.chance(0.5):
        return []
    return [rate(author, f"r-{number}", named) for number in range(author.rng.choice((1, 1, 2, 3)))]


def _gives_rate(document: Document) -> bool:
    rewards = [reward for reward in document.get("reward", ()) if next(iter(reward)) not in SPOKEN]
    return bool(rewards) and all(map(has_rate, rewards))


def rate(author: WideAuthor, promotion_id: str, named: list[Document]) -> Document:
    rng = author.rng
    document: Document = {"promotion": promotion_id, "reward": []}
    for _ in range(rng.choice((1, 1, 2))):
        other = rng.choice(named)
        terms: Document = {"times": rng.choice(TIMES), "promotion": other["promotion"]}
        rewards = [reward for reward in other["reward"] if next(iter(reward)) not in SPOKEN]
        if all(map(may_differ, rewards)) and author.chance(0.3):
            terms["of"] = author.goods()
        document["reward"].append({"multiplier": terms})
    if author.chance(0.4):
        document["when"] = author.when("item")
    if author.chance(0.4):
        document["reward"].append({"message": {"to": "slip", "text": {"en": "{{ promotion }} {{ discount }}"}}})
    if author.chance(0.3):
        document["stage"] = "rate"
    if author.chance(0.4):
        document["priority"] = rng.choice((1, 10))
    return document


def gifts(author: WideAuthor, documents: list[Document]) -> list[Document]:
    """Gifts beside some rewards, and promotions of nothing else, now and then with a limit."""
    if author.chance(0.6):
        return []
    rng = author.rng
    skus = [line.sku for line in author.lines if "gift" in line.flags] + ["mug", author.lines[0].sku]
    for document in documents:
        if "promotion" in document and document.get("stage") not in ("message", "rate") and author.chance(0.2):
            if any("multiplier" in reward for reward in document["reward"]):
                continue
            document.setdefault("stage", "accrual")
            document["reward"].append(gift(author, skus))
    result: list[Document] = []
    for number in range(rng.choice((0, 1, 1, 2))):
        document = {"promotion": f"gift-{number}", "reward": [gift(author, skus) for _ in range(rng.choice((1, 1, 2)))]}
        if author.chance(0.4):
            document["stage"] = "message"
        if author.chance(0.5):
            document["when"] = author.when("message")
        if author.chance(0.4):
            per = rng.choice(("customer", "card", "promotion"))
            document["limits"] = [{"per": per, "window": rng.choice(WINDOWS), "times": rng.choice((1, 2, 5))}]
        if author.chance(0.3):
            document["messages"] = {"slip": {"en": "{{ promotion }}"}}
        result.append(document)
    return result


def gift(author: WideAuthor, skus: list[str]) -> Document:
    rng = author.rng
    chosen = sorted(set(rng.sample(skus, rng.randint(1, min(3, len(skus))))))
    terms: Document = {"sku": chosen if author.chance(0.6) else chosen[0]}
    if author.chance(0.5):
        terms["quantity"] = rng.choice((1, 2, 3))
    if author.chance(0.4):
        terms["text"] = {"en": "{{ promotion }}"}
    return {"gift": terms}
