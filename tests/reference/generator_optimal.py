"""Seeded random OPTIMAL groups: sets that want the same goods, few enough applications for every combination.

They came later than the rest of the vocabulary and draw from a seed of their own, so that the rest of a case stays.
"""

from .generator_conditions import Document
from .generator_rules import Team
from .generator_wide import WideAuthor
from .goods import units_of

# Receipts of more units than these get bounded members, or so many that they are hardly ever searched.
UNITS_MAX = 24
MANY_UNITS = 30
MANY_MEMBERS = 4


def optimal_groups(author: WideAuthor) -> list[Document]:
    """Most often nothing; else one group, seldom two, of 1–4 set promotions."""
    if author.chance(0.75):
        return []
    rng = author.rng
    documents: list[Document] = []
    for number in range(rng.choice((1, 1, 1, 1, 2))):
        team = Team(f"o{number}", "set", "OPTIMAL", rng.choice((None, "RECEIPT")), rng.choice((None, 5, 20)))
        units = sum(len(units_of(line)) for line in author.lines)
        is_crowded = units >= MANY_UNITS and author.chance(0.5)
        count = MANY_MEMBERS if is_crowded else rng.choice((1, 2, 2, 2, 3, 3, 4))
        is_free = units <= UNITS_MAX or is_crowded
        documents += [member(author, f"{team.name}-{name}", team, is_free) for name in range(count)]
    return documents


def member(author: WideAuthor, promotion_id: str, team: Team, is_free: bool) -> Document:
    """A member, with a bound of its own unless it is free of it."""
    rng = author.rng
    document = author.head(promotion_id, team.stage, team)
    if author.chance(0.15):
        document["when"] = author.when(team.stage)
    reward: Document = author.some((3, author.multi_buy), (3, author.bundle), (2.5, author.buy_get))
    (terms,) = reward.values()
    if not is_free or author.chance(0.25):
        terms["max_applications"] = rng.choice((1, 1, 2, 3, 4))
    if author.chance(0.1):
        terms["share_units"] = True
    document["reward"] = [reward]
    author.floors(document)
    if author.chance(0.4):
        author.stacking(document)
    if author.chance(author.limiting):
        author.limits(document, team.stage)
    if author.chance(0.2):
        author.spoken(document)
    return document
