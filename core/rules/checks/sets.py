"""Product sets against the catalogue, and parts of bundles against one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from altyn.core.rules.checks.codes import Remark, remark
from altyn.core.rules.checks.goods import covers
from altyn.core.rules.checks.known import Known
from altyn.core.rules.condition import Attribute, Condition, ProductSet, Quantity, ReceiptSum
from altyn.core.rules.promotion import Bundle, BuyGet, Gift, Notice, Promotion, Reward
from altyn.core.rules.read.conditions import walk

NAMES_SHOWN_MAX = 5


def sets_of(promotion: Promotion, known: Known) -> Iterator[Remark]:
    """Needs a catalogue: sets nothing is in, and SKUs nobody sells."""
    if not known.products:
        return
    owner = promotion.promotion_id
    places = [place for reward in promotion.rewards for place in _reward_sets(reward)]
    places += list(_needed_sets(promotion.when))
    for path, of in places:
        unknown = [sku for sku in of.members.get(Attribute.SKU, ()) if (Attribute.SKU, sku) not in known.by_key]
        if not of.is_all and known.some_product(of) is None:
            yield remark(owner, path, "NO_GOODS")
        elif unknown:
            yield _unknown(owner, path, unknown)
    for reward in promotion.rewards:
        skus = reward.skus if isinstance(reward, Gift) else ()
        if unknown := [sku for sku in skus if (Attribute.SKU, sku) not in known.by_key]:
            yield _unknown(owner, reward.path, unknown)


def _unknown(owner: str, path: str, skus: Sequence[str]) -> Remark:
    names = ", ".join(skus[:NAMES_SHOWN_MAX]) + ("…" if len(skus) > NAMES_SHOWN_MAX else "")
    return remark(owner, f"{path}.sku", "UNKNOWN_SKU", names=names)


def _reward_sets(reward: Reward) -> Iterator[tuple[str, ProductSet]]:
    if isinstance(reward, Bundle):
        for number, part in enumerate(reward.parts):
            yield f"{reward.path}.parts[{number}].of", part.of
    elif isinstance(reward, BuyGet):
        yield f"{reward.path}.buy.of", reward.buy_of
        yield f"{reward.path}.get.of", reward.get_of
    elif not isinstance(reward, Notice):
        yield f"{reward.path}.of", reward.of


def _needed_sets(when: Condition | None) -> Iterator[tuple[str, ProductSet]]:
    """Sets some of which must be bought."""
    for condition in [] if when is None else walk(when):
        if isinstance(condition, ReceiptSum | Quantity):
            least = condition.from_minor if isinstance(condition, ReceiptSum) else condition.from_milli
            if least:
                yield f"{condition.path}.of", condition.of


def parts_of(promotion: Promotion) -> Iterator[Remark]:
    """A part takes its dearest free units and never looks back (semantics §6.11.13): the narrow one goes first."""
    for reward in promotion.rewards:
        if not isinstance(reward, Bundle):
            continue
        for number, part in enumerate(reward.parts):
            for before, wider in enumerate(reward.parts[:number]):
                if covers(wider.of, part.of) and not covers(part.of, wider.of):
                    path = f"{reward.path}.parts[{number}]"
                    yield remark(promotion.promotion_id, path, "BROAD_PART_FIRST", number=before)
                    break
