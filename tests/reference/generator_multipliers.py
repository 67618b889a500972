"""Seeded random multipliers on promotions already written: of draws of their own, so that the rest of a case stays."""

from collections.abc import Iterable

from .generator_conditions import Document
from .generator_rules import RATES, Team
from .generator_wide import SERIES, WideAuthor

TIMES = ("2", "1.5", "0.5", "1.3333", "1.25", "10", "0.0001", "1", "100")
SPOKEN = ("message", "issue_coupon")


def with_multipliers(author: WideAuthor, documents: Iterable[Document]) -> None:
    """Often nobody is multiplied; else most promotions that have a rate, now and then with a bound."""
    if author.chance(0.4):
        return
    for document in documents:
        terms = [reward for reward in document.get("reward", ()) if next(iter(reward)) not in SPOKEN]
        if terms and all(has_rate(reward) for reward in terms) and author.chance(0.6):
            by_goods = all(may_differ(reward) for reward in terms)
            stage = document.get("stage", "accrual")
            count = author.rng.choice((1, 1, 1, 2, 3))
            document["multiplier"] = [multiplier(author, stage, by_goods) for _ in range(count)]
            if author.chance(0.25) and not any(is_fixed(reward) for reward in terms):
                document["max_rate"] = author.rng.choice(("12", "5", "99.9999", "100", "0.0001"))


def multiplied_group(author: WideAuthor) -> list[Document]:
    """Most often nothing; else a group of its own of 1–3 promotions with a rate, every mode as often as the others."""
    if author.chance(0.7):
        return []
    rng = author.rng
    stage = rng.choice(("item", "receipt", "card", "accrual"))
    modes = ("CASCADE", "BEST", "ADD", "FIRST") if stage == "accrual" else ("CASCADE", "BEST", "ADD", "FIRST", "MIN")
    mode = rng.choice((*modes, "BEST"))
    scope = None
    if mode == "BEST":
        scope = rng.choice(("LINE", "RECEIPT"))
    elif (stage, mode) == ("accrual", "FIRST"):
        scope = rng.choice(("LINE", "RECEIPT", "RECEIPT", "RECEIPT"))  # of the receipt's the first takes all
    team = Team("multiplied", stage, mode, scope, rng.choice((None, 15)))
    documents = []
    for number in range(rng.choice((1, 2, 2, 3))):
        document = author.head(f"m-{number}", stage, team)
        document["reward"] = [author.points() if stage == "accrual" else percent(author)]
        by_goods = may_differ(document["reward"][0])
        document["multiplier"] = [multiplier(author, stage, by_goods) for _ in range(rng.choice((1, 1, 2)))]
        documents.append(document)
    return documents


def percent(author: WideAuthor) -> Document:
    """A percent, two in three times with tiers."""
    terms = author.with_goods({"rate": author.rng.choice(RATES)}, 0.5)
    if author.chance(0.67):
        del terms["rate"]
        terms |= author.tiers("rate", "item")
        if author.chance(0.5):
            terms["progressive"] = True
    return {"percent": terms}


def multiplier(author: WideAuthor, stage: str, by_goods: bool) -> Document:
    document: Document = {"times": author.rng.choice(TIMES)}
    if author.chance(0.35):
        document["when"] = without_codes(author, stage)
    if by_goods and author.chance(0.4):
        document["of"] = author.goods()
    return document


def without_codes(author: WideAuthor, stage: str) -> Document:
    while True:
        condition = author.when(stage)
        if "coupon" not in str(condition):
            return condition


def with_multiplier_codes(author: WideAuthor, documents: Iterable[Document]) -> None:
    """Some multipliers that have no condition get one with a code, and now and then something beside it."""
    for document in documents:
        for one in document.get("multiplier", ()):
            if "when" not in one and author.chance(0.25):
                code = {"coupon": author.rng.choice(({"code": author.code()}, {"series": author.rng.choice(SERIES)}))}
                stage = document.get("stage", "accrual")
                beside = {"all": [code, author.condition(stage)]}
                one["when"] = author.rng.choice((code, code, beside, {"any": [author.condition(stage), code]}))


def has_rate(reward: Document) -> bool:
    return next(iter(reward)) in ("percent", "points")


def is_fixed(reward: Document) -> bool:
    """Fixed points have no rate but a number."""
    ((_, terms),) = reward.items()
    return "fixed" in (terms["tiers"][0] if "tiers" in terms else terms)


def may_differ(reward: Document) -> bool:
    """Whether calc groups may have rates of their own."""
    ((_, terms),) = reward.items()
    return not is_fixed(reward) and not terms.get("progressive", False)
