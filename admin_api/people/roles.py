"""The table of roles: which role may do what. Everything else about rights follows from it.

Deny by default: what a role is not given here it does not have. ``KEYS_ONLY`` is what no role has: programs do it with
a key. A cashier is no role here: a register speaks for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from altyn.admin_api.edge.rights import Grant, Reach, Rights
from altyn.admin_api.edge.scopes import SCOPES


class Role(StrEnum):
    """What somebody is to the chain."""

    STORE_DIRECTOR = "STORE_DIRECTOR"
    MARKETER = "MARKETER"
    MARKETING_DIRECTOR = "MARKETING_DIRECTOR"
    SALES_DIRECTOR = "SALES_DIRECTOR"
    CALL_CENTRE = "CALL_CENTRE"
    AUDITOR = "AUDITOR"
    ADMINISTRATOR = "ADMINISTRATOR"
    ANTIFRAUD = "ANTIFRAUD"


class ReachKind(StrEnum):
    """Where a role holds."""

    NETWORK = "NETWORK"
    REGION = "REGION"
    STORE = "STORE"


OWN = ("own:read", "own:write")
JOBS = ("backtests:read", "backtests:write", "jobs:read", "jobs:write")
RULES_READ = ("promotions:read", "releases:read", "catalogue:read", "stores:read", "segments:read", "coupons:read")

ROLES: dict[Role, frozenset[str]] = {
    Role.STORE_DIRECTOR: frozenset(
        {
            *OWN,
            "stores:read",
            "catalogue:read",
            "receipts:read",
            "exceptions:read",
            "exceptions:write",
            "exceptions:decide",
            "customers:read",
            "cards:block",
        }
    ),
    Role.MARKETER: frozenset(
        {
            *OWN,
            *RULES_READ,
            *JOBS,
            "promotions:write",
            "coupons:write",
            "segments:write",
            "receipts:read",
            "gift_cards:read",
            "gift_cards:write",
            "accruals:read",
            "accruals:write",
            "events:read",
            "events:write",
        }
    ),
    Role.MARKETING_DIRECTOR: frozenset(
        {
            *OWN,
            *RULES_READ,
            *JOBS,
            "promotions:write",
            "promotions:approve",
            "promotions:stop",
            "rails:write",
            "rails:approve",
            "releases:publish",
            "catalogue:write",
            "customers:read",
            "cards:issue",
            "coupons:issue",
            "gift_cards:read",
            "gift_cards:issue",
            "accounts:read",
            "accounts:approve",
            "tiers:approve",
            "accruals:read",
            "events:read",
            "receipts:read",
            "exceptions:read",
            "servers:read",
        }
    ),
    Role.SALES_DIRECTOR: frozenset(
        {
            *OWN,
            "promotions:read",
            "promotions:stop",
            "rails:approve",
            "backtests:read",
            "jobs:read",
            "releases:read",
            "catalogue:read",
            "stores:read",
            "receipts:read",
            "exceptions:read",
            "fraud:read",
            "fraud:approve",
            "servers:read",
        }
    ),
    Role.CALL_CENTRE: frozenset(
        {
            *OWN,
            "customers:read",
            "accounts:read",
            "accounts:adjust",
            "accounts:convert",
            "tiers:give",
            "events:read",
            "events:tell",
            "families:write",
            "receipts:read",
            "cards:block",
            "gift_cards:read",
            "gift_cards:block",
        }
    ),
    Role.AUDITOR: frozenset(
        {"own:write", "customers:personal", *(scope for scope in SCOPES if scope.endswith(":read"))}
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            *OWN,
            "people:read",
            "people:write",
            "keys:read",
            "keys:write",
            "catalogue:read",
            "stores:read",
            "stores:write",
            "servers:read",
            "jobs:read",
            "jobs:write",
            "program:write",
            "publishing:write",
        }
    ),
    Role.ANTIFRAUD: frozenset(
        {
            *OWN,
            "promotions:read",
            "stores:read",
            "receipts:read",
            "exceptions:read",
            "exceptions:write",
            "exceptions:decide",
            "customers:read",
            "accounts:read",
            "cards:block",
            "cards:unblock",
            "gift_cards:read",
            "gift_cards:block",
            "gift_cards:unblock",
            "fraud:read",
            "fraud:write",
            "fraud:approve",
            "fraud:decide",
        }
    ),
}

#: Nobody who is signed in does these.
KEYS_ONLY = frozenset({"customers:write", "cards:token"})

#: Roles that nobody has together: who makes people does not check what was made, who asks does not approve.
CONFLICTS = (
    frozenset({Role.ADMINISTRATOR, Role.AUDITOR}),
    frozenset({Role.CALL_CENTRE, Role.MARKETING_DIRECTOR}),
)

#: Whoever may do one of these needs a second factor: they make value, show personal data or open doors.
SECOND_FACTOR = frozenset(
    {
        "promotions:approve",
        "promotions:stop",
        "publishing:write",
        "releases:publish",
        "catalogue:write",
        "cards:issue",
        "coupons:issue",
        "gift_cards:issue",
        "gift_cards:unblock",
        "accounts:adjust",
        "accounts:approve",
        "tiers:give",
        "tiers:approve",
        "events:tell",
        "families:write",
        "fraud:approve",
        "customers:personal",
        "cards:unblock",
        "people:write",
        "keys:write",
        "stores:write",
    }
)


def rights_of(grants: Iterable[Grant]) -> Rights:
    """What these roles may do together. A role of a newer version that is not known here gives nothing."""
    rights: dict[str, Reach] = {}
    for grant in grants:
        reach = _reach_of(grant)
        for scope in ROLES[Role(grant.role)] if grant.role in Role.__members__ else ():
            rights[scope] = rights.get(scope, Reach()) | reach
    return rights


def needs_second_factor(rights: Rights) -> bool:
    return not SECOND_FACTOR.isdisjoint(rights)


def conflict_in(roles: Iterable[str]) -> list[str]:
    """The first roles among these that nobody has together."""
    held = set(roles)
    return next((sorted(pair) for pair in CONFLICTS if pair <= held), [])


def _reach_of(grant: Grant) -> Reach:
    if grant.reach == ReachKind.REGION:
        return Reach(regions=frozenset({grant.place}))
    if grant.reach == ReachKind.STORE:
        return Reach(stores=frozenset({grant.place}))
    return Reach(is_network=grant.reach == ReachKind.NETWORK)
